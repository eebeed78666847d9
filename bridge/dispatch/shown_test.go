package dispatch

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/signature"
)

// Neither a request nor the answer of an endpoint that repeats all of it shows a secret.
func TestNobodyIsShownWhatIsSecret(t *testing.T) {
	t.Parallel()
	for name, login := range map[string]func(*endpoint.Endpoint){
		"basic": func(e *endpoint.Endpoint) {
			e.Auth.Basic = &endpoint.Basic{Username: "canary-user", Password: "canary-password"}
		},
		"bearer": func(e *endpoint.Endpoint) { e.Auth.Bearer = "canary-bearer" },
		"oauth2": func(e *endpoint.Endpoint) {
			e.Auth.OAuth2 = &endpoint.OAuth2{TokenURL: "https://login.example/", ClientID: "hookspan", ClientSecret: "canary-client"}
		},
		"its own": func(e *endpoint.Endpoint) {
			e.Headers = append(e.Headers, endpoint.Header{Name: "authorization", Value: "Custom canary-own"})
		},
	} {
		ep := endpoint.Default()
		ep.Name, ep.URL, ep.Signature = "crm", "https://crm.example:8443/in?key=canary-query", "standard"
		old, secret := signature.GenerateSecret("standard"), signature.GenerateSecret("standard")
		ep.Secrets = setting.Secrets{old}
		ep.Rotate(secret, time.Now(), time.Hour)
		ep.Headers = setting.Headers{{Name: "x-team", Value: "core"}, {Name: "X-Api-Key", Value: "canary-key"}, {Name: "X-Signature", Value: "canary-fixed"}}
		login(ep)
		out := (&Dispatcher{}).outbound(ep)
		e := dispatchtest.Event(1, "a")
		req, err := out.request([]*pendingDelivery{{Entry: &delivery.Entry{ID: "dlv_1", Number: 3}, event: &e}}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		req.Whole = true
		signed := req.Header.Get("Webhook-Signature")
		echo := []byte("Set-Cookie: canary-session\nLocation: https://crm.example/in?key=canary-query\nWww-Authenticate: Bearer realm=crm\n")
		said := req.URL + " " + secret + " " + old
		for name, values := range req.Header {
			said += "\n" + name + "=" + values[0]
			echo = delivery.AppendHeader(echo, requestBytes, "X-Echo-"+name, values[0])
		}
		res := delivery.Response{Sent: true, Status: 200, Headers: delivery.Headers(echo), Body: said, Binary: "\x00" + said}
		request := out.hiding.exchange(&req, &res)
		shown := string(request) + string(res.Headers) + res.Body + res.Binary
		basic := base64.StdEncoding.EncodeToString([]byte("canary-user:canary-password"))
		for _, text := range []string{"canary", secret, old, basic} {
			if i := strings.Index(shown, text); i >= 0 {
				t.Errorf("%s: shows %q", name, shown[max(i-60, 0):i+len(text)])
			}
		}
		got := request.Map()
		for header, want := range map[string]string{
			"Host": "crm.example:8443", "Content-Length": strconv.Itoa(len(req.Body)), "Authorization": "***", "X-Api-Key": "***", "X-Signature": "***",
			"X-Team": "core", "Webhook-Signature": signed, "Hookspan-Delivery": "dlv_1", "Hookspan-Attempt": "3", "Ce-Id": e.ID,
		} {
			if got[header] != want {
				t.Errorf("%s: header %s: %q, want %q", name, header, got[header], want)
			}
		}
		answered := res.Headers.Map()
		for header, want := range map[string]string{
			"Set-Cookie": "***", "Location": "https://crm.example/in?***", "Www-Authenticate": "Bearer realm=crm", "X-Echo-X-Team": "core", "X-Echo-X-Api-Key": "***",
		} {
			if answered[header] != want {
				t.Errorf("%s: answered %s: %q, want %q", name, header, answered[header], want)
			}
		}
	}
}

func TestHeadersThatMayBeSecret(t *testing.T) {
	t.Parallel()
	ep := endpoint.Default()
	ep.URL, ep.Secrets = "https://crm.example/?v=2", setting.Secrets{"a shared secret of a provider", "short"}
	h := hidingOf(ep, ep.URL)
	for _, c := range []struct {
		name, value string
		hidden      bool
	}{
		{"X-Hub-Signature-256", "sha256=abc", false}, {"Webhook-Signature", "v1,abc", false}, {"Signature", "abc", false}, {"Ce-Partitionkey", "order-1", false},
		{"Webhook-Id", "msg_1", false}, {"Content-Type", "application/json", false}, {"X-Short", "short", false},
		{"X-Gitlab-Token", "x", true}, {"Authorization", "x", true}, {"Cookie", "x", true}, {"X-Api-Key", "x", true}, {"Proxy-Authorization", "x", true},
		{"X-Hook", "a shared secret of a provider", true}, {"X-Hook", "plain a shared secret of a provider;", true},
	} {
		if got := h.hides(c.name, c.value); got != c.hidden {
			t.Errorf("%s: %s is hidden: %v", c.name, c.value, got)
		}
	}
}

// What did not leave was not sent, and of a success headers are kept where they are asked for.
func TestWhichRequestsAreKept(t *testing.T) {
	t.Parallel()
	ep := endpoint.Default()
	ep.URL = "https://crm.example/"
	h := hidingOf(ep, ep.URL)
	for _, c := range []struct{ sent, failed, whole, kept bool }{
		{true, true, false, true}, {true, false, true, true}, {true, false, false, false}, {false, true, true, false},
	} {
		res := delivery.Response{Sent: c.sent}
		if c.failed {
			res.Reason = delivery.ReasonClosed
		}
		if got := h.exchange(&delivery.Request{Whole: c.whole}, &res); (got != "") != c.kept {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestARationIsForAStretchOfTime(t *testing.T) {
	t.Parallel()
	var r ration
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for n := range 6 {
		if got := r.take(now.Add(time.Duration(n)*time.Second), 3); got != (n < 3) {
			t.Errorf("%d: %v", n, got)
		}
	}
	if !r.take(now.Add(wholeEach), 3) {
		t.Error("the next stretch has none")
	}
}

func TestBodiesOfRecords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		res          delivery.Response
		text, binary string
	}{
		"text":            {delivery.Response{Body: "no"}, "no", ""},
		"too long":        {delivery.Response{Body: "12345678"}, "12345", ""},
		"cut in a letter": {delivery.Response{Body: "1234ü78"}, "1234", ""},
		"binary":          {delivery.Response{Binary: "\x00\xff"}, "", "AP8="},
		"a long one":      {delivery.Response{Binary: "\x00\x00\x00\x00\x00\x00"}, "", "AAAAAAA="},
	} {
		if text, binary := recorded(&c.res, 5); text != c.text || binary != c.binary {
			t.Errorf("%s: %q, %q", name, text, binary)
		}
	}
}
