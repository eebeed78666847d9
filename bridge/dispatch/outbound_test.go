package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/bridge/transform"
)

// A signature over the URL covers it as it is sent, which is what the receiver sees.
func TestURLIsSignedAsItIsSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, transform, sent string }{
		{"https://crm.example/caf\u00e9?q=gr\u00fcn|[x]", "", "https://crm.example/caf%C3%A9?q=gr%C3%BCn%7C%5Bx%5D"},
		{"HTTPS://crm.example", "", "https://crm.example/"},
		{"https://crm.example/a%2Fb/{id}", "", "https://crm.example/a%2Fb/%7Bid%7D"},
		{"https://crm.example", `{body: .data, path: "a|b"}`, "https://crm.example/a%7Cb"},
		{"https://crm.example/in%2F?x={y}", `{body: .data, path: "/{a}/%2F\"<>^` + "`" + `%7c"}`, "https://crm.example/in%2F/%7Ba%7D/%2F%22%3C%3E%5E%60%7c?x=%7By%7D"},
	} {
		ep := endpoint.Default()
		ep.Name, ep.URL = "crm", c.url
		ep.Signature, ep.Secrets = "hmac", []string{"a secret of enough bytes"}
		ep.Options = map[string]string{"template": "{method} {url} {body}"}
		e := dispatchtest.Event(1, "a")
		transformed(c.transform)(ep)
		d := &Dispatcher{transforms: transform.NewRoom()}
		made, err := d.transform(t.Context(), transform.NewTurn(), ep, &e)
		if err != nil {
			t.Fatal(err)
		}
		req, err := d.outbound(ep).shaped([]*pendingDelivery{{Entry: &delivery.Entry{}, event: &e}}, made, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if req.URL != c.sent {
			t.Errorf("%s, %s: sent to %s", c.url, c.transform, req.URL)
		}
		scheme, err := signature.Compile(ep.Signature, ep.Options, ep.Secrets)
		if err != nil {
			t.Fatal(err)
		}
		if err := scheme.Verify(req.Header, signature.Message{Method: "POST", URL: c.sent, Body: req.Body}, time.Now()); err != nil {
			t.Errorf("%s, %s: %v", c.url, c.transform, err)
		}
	}
}

// A request says that it is of reports, of a batch only where all of it is.
func TestRequestsOfReportsSaySo(t *testing.T) {
	t.Parallel()
	ep := endpoint.Default()
	ep.Name, ep.URL, ep.Signature = "crm", "https://crm.example/", "none"
	one, report := dispatchtest.Event(1, "a"), dispatchtest.Event(2, "hookspan.delivery.exhausted")
	report.Source = "/hookspan"
	letter := deadLetter(ep, &pendingDelivery{Entry: &delivery.Entry{ID: "dlv_1"}, event: &one}, delivery.EndedExhausted)
	type group = []*pendingDelivery
	of := func(e *event.Event) *pendingDelivery { return &pendingDelivery{Entry: &delivery.Entry{}, event: e} }
	for _, c := range []struct {
		name    string
		content string
		group   group
		want    string
	}{
		{"an event", "data", group{of(&one)}, ""},
		{"an operations event", "data", group{of(&report)}, "true"},
		{"a dead letter", "binary", group{of(letter)}, "true"},
		{"a batch of them", "batch", group{of(&report), of(letter)}, "true"},
		{"a batch with an event", "batch", group{of(&report), of(&one)}, ""},
	} {
		ep.Content = c.content
		req, err := (&Dispatcher{}).outbound(ep).request(c.group, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := req.Header.Get("Hookspan-Report"); got != c.want {
			t.Errorf("%s: Hookspan-Report %q, want %q", c.name, got, c.want)
		}
	}
}

// The memory of headers is used again, for whichever endpoint comes next.
func TestRequestHasNoHeaderOfAnother(t *testing.T) {
	t.Parallel()
	request := func(change func(*endpoint.Endpoint)) delivery.Request {
		ep := endpoint.Default()
		ep.Name, ep.URL, ep.Signature = "crm", "https://crm.example/", "none"
		change(ep)
		e := dispatchtest.Event(1, "a")
		req, err := (&Dispatcher{}).outbound(ep).request([]*pendingDelivery{{Entry: &delivery.Entry{}, event: &e}}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	for range 100 { // not every one gets the memory of the one before
		before := request(func(ep *endpoint.Endpoint) { ep.Headers = []endpoint.Header{{Name: "X-Key", Value: "of one alone"}} })
		if before.Header.Get("X-Key") == "" {
			t.Fatalf("no header of the endpoint's own: %v", before.Header)
		}
		release(&before)
		if next := request(func(*endpoint.Endpoint) {}); next.Header.Get("X-Key") != "" {
			t.Fatalf("another endpoint's header is sent: %v", next.Header)
		}
	}
}

// An endpoint may be signed for as a provider does: what verifies that one's deliveries takes it.
func TestSignsAsAProvider(t *testing.T) {
	t.Parallel()
	catalog, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	ep := endpoint.Default()
	ep.Name, ep.URL, ep.Signature, ep.Secrets = "crm", "https://crm.example/hooks", "provider:github", []string{"a secret of enough bytes"}
	d := &Dispatcher{conf: Config{Schemes: signature.Schemes{Providers: catalog}}}
	e := dispatchtest.Event(1, "a")
	now := time.Now()
	req, err := d.outbound(ep).request([]*pendingDelivery{{Entry: &delivery.Entry{}, event: &e}}, now)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := catalog.Provider("github")
	v, err := p.Compile(provider.Config{Source: "shop", Secrets: ep.Secrets})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := v.Verify(&provider.Request{Method: "POST", URL: req.URL, Header: req.Header, Body: req.Body, Received: now})
	if err != nil {
		t.Fatal(err)
	}
	if id := req.Header.Get("webhook-id"); id == "" || verdict.Events[0].ID != id || req.Header.Get("X-GitHub-Event") != e.Type {
		t.Errorf("the receiver knows it as %s: %v", verdict.Events[0].ID, req.Header)
	}
}

// Where the provider encrypts, so does an endpoint that is signed for as it is: with its newest secret.
func TestEncryptsAsAProvider(t *testing.T) {
	t.Parallel()
	catalog, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ep := endpoint.Default()
	ep.Name, ep.URL, ep.Content = "crm", "https://crm.example/hooks", "data"
	ep.Signature, ep.Secrets = "provider:sticky", []string{"ThirtyTwoCharactersOfAKeyPhrase1"}
	ep.Options = map[string]string{"encoding": "hex"}
	ep.Rotate("ThirtyTwoCharactersOfAKeyPhrase2", now, time.Hour)
	d := &Dispatcher{conf: Config{Schemes: signature.Schemes{Providers: catalog}}}
	e := dispatchtest.Event(1, "io.sticky.product.created")
	e.Data = []byte(`{"type":"product.created","time":"2026-05-04 06:00:00","data":{"id":"7","object":{"id":7}}}`)
	req, err := d.outbound(ep).request([]*pendingDelivery{{Entry: &delivery.Entry{}, event: &e}}, now)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := catalog.Provider("sticky")
	v, err := p.Compile(provider.Config{Source: "shop", Secrets: ep.Secrets, Options: ep.Options})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := v.Verify(&provider.Request{Method: "POST", URL: req.URL, Header: req.Header, Body: req.Body, Received: now})
	if err != nil {
		t.Fatalf("%v: %s", err, req.Body)
	}
	if got := verdict.Events[0]; got.ID != "7" || string(got.Data) != string(e.Data) {
		t.Errorf("the receiver reads %s: %s", got.ID, got.Data)
	}
}
