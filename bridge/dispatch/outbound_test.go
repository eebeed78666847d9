package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/signature"
)

// A signature over the URL covers it as it is sent, which is what the receiver sees.
func TestURLIsSignedAsItIsSent(t *testing.T) {
	t.Parallel()
	ep := endpoint.Default()
	ep.Name, ep.URL = "crm", "https://crm.example/caf\u00e9?q=gr\u00fcn|[x]"
	ep.Signature, ep.Secrets = "hmac", []string{"a secret of enough bytes"}
	ep.Options = map[string]string{"template": "{method} {url} {body}"}
	e := dispatchtest.Event(1, "a")
	req, err := (&Dispatcher{}).outbound(ep).request([]*pendingDelivery{{event: &e}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const sent = "https://crm.example/caf%C3%A9?q=gr%C3%BCn%7C%5Bx%5D"
	if req.URL != sent {
		t.Errorf("sent to %s", req.URL)
	}
	scheme, err := signature.Compile(ep.Signature, ep.Options, ep.Secrets)
	if err != nil {
		t.Fatal(err)
	}
	if err := scheme.Verify(req.Header, signature.Message{Method: "POST", URL: sent, Body: req.Body}, time.Now()); err != nil {
		t.Error(err)
	}
}
