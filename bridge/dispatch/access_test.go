package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

func TestRequestsLogIn(t *testing.T) {
	t.Parallel()
	request := func(auth endpoint.Auth, tls endpoint.TLS) delivery.Request {
		t.Helper()
		ep := endpoint.Default()
		ep.Name, ep.URL, ep.Signature, ep.Auth, ep.TLS = "crm", "https://crm.example/", "none", auth, tls
		e := dispatchtest.Event(1, "a")
		req, err := (&Dispatcher{}).outbound(ep).request([]*pendingDelivery{{Entry: &delivery.Entry{}, event: &e}}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	grant := func(secret setting.Secret) endpoint.Auth {
		return endpoint.Auth{OAuth2: &endpoint.OAuth2{TokenURL: "https://login.example/", ClientID: "i", ClientSecret: secret, Scopes: []string{"a"}}}
	}
	for name, c := range map[string]struct {
		auth endpoint.Auth
		want string
	}{
		"nothing": {endpoint.Auth{}, ""},
		"basic":   {endpoint.Auth{Basic: &endpoint.Basic{Username: "Aladdin", Password: "open sesame"}}, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, // RFC 7617, 2
		"bearer":  {endpoint.Auth{Bearer: "mF_9.B5f-4.1JqM"}, "Bearer mF_9.B5f-4.1JqM"},
		"oauth2":  {grant("s"), ""},
	} {
		req := request(c.auth, endpoint.TLS{})
		if got := req.Header.Get("Authorization"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if (req.Access != nil) != (c.auth.OAuth2 != nil) {
			t.Errorf("%s: access %+v", name, req.Access)
		}
		release(&req)
	}
	first, same, other := request(grant("s"), endpoint.TLS{}).Access.Grant, request(grant("s"), endpoint.TLS{}).Access.Grant, request(grant("t"), endpoint.TLS{}).Access.Grant
	if first.TokenURL != "https://login.example/" || first.ClientID != "i" || first.ClientSecret != "s" || len(first.Scopes) != 1 {
		t.Errorf("the grant is %+v", first)
	}
	if first.Key() != same.Key() || first.Key() == other.Key() {
		t.Error("tokens are shared by another rule than the same grant")
	}
	if tls := request(endpoint.Auth{}, endpoint.TLS{CA: "a", ServerName: "b"}).Access.TLS; tls.Authorities != "a" || tls.ServerName != "b" {
		t.Errorf("TLS is %+v", tls)
	}
}
