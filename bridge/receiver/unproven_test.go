package receiver_test

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// observing is a shop that takes what nobody proved.
func observing(t *testing.T) *world {
	t.Helper()
	return setup(t, func(o *receiver.Options) { o.Sources[0].Verify = receiver.Observe })
}

func forged() http.Header {
	return http.Header{"X-Signature": {hex.EncodeToString(sign("another secret", []byte("another body")))}}
}

func TestWhatNobodyProvedIsKeptApart(t *testing.T) {
	t.Parallel()
	w := observing(t)
	const body = `{"event":"paid"}`
	a := w.do(w.request("POST", "/webhooks/shop", "one", []byte(body), forged()))
	if a.status != 202 || a.body != "[taken]" || a.header.Get("X-Shop") != "thanks" {
		t.Fatalf("%d %s %v", a.status, a.body, a.header)
	}
	if a := w.do(w.request("POST", "/webhooks/shop", "two", []byte(body), http.Header{"X-Signature": {""}})); a.status != 202 {
		t.Fatalf("without a signature: %d %s", a.status, a.body)
	}
	refusals := w.refusals(2)
	if got := strings.Join(w.store.topics(), " "); got != "hookspan.unverified hookspan.unverified" {
		t.Errorf("topics %s", got)
	}
	for i, reason := range []provider.Reason{provider.BadSignature, provider.NoSignature} {
		e := w.store.all()[i].event
		if e.Extension("hookspanunverified") != string(reason) || !strings.Contains(e.Extension("hookspandetail"), "X-Signature") ||
			e.Extension("hookspansource") != "shop" || e.Extension("tenant") != "" || e.Extension("hookspanproof") != "" || e.Type != "com.shop.paid" || string(e.Data) != body {
			t.Errorf("%+v", e)
		}
		if r := refusals[i]; r.Reason != reason || r.Status != 202 {
			t.Errorf("refusal %+v", r)
		}
	}
	if n := w.counted("hookspan_intake_requests_total", "source", "shop", "outcome", "unverified"); n != 2 {
		t.Errorf("%v counted", n)
	}
	w.stop()
	if !strings.Contains(w.log.String(), "event not verified") {
		t.Errorf("log: %s", w.log)
	}
}

// A stranger who knows an id can neither take its place nor learn whether it came.
func TestWhatNobodyProvedIsNoRepeat(t *testing.T) {
	t.Parallel()
	w := observing(t)
	const body = `{"event":"paid"}`
	for _, header := range []http.Header{forged(), nil, forged(), nil} {
		if a := w.do(w.request("POST", "/webhooks/shop", "one", []byte(body), header)); a.status != 202 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if got := strings.Join(w.store.topics(), " "); got != "hookspan.events.shop.paid hookspan.unverified hookspan.unverified" {
		t.Errorf("topics %s", got)
	}
	// Nor after a restart, which reads what lies on the topics.
	w.do(w.request("POST", "/webhooks/shop", "late", []byte(`{"event":"sent"}`), forged()))
	again := setup(t, func(o *receiver.Options) {
		o.Publisher, o.History = w.store, w.store
		o.Sources[0].Topic = "hookspan" // below which the topic lies
	})
	if a := again.send("late", `{"event":"sent"}`); a.status != 202 || w.store.topics()[1] != "hookspan.sent" {
		t.Errorf("%d %v", a.status, w.store.topics())
	}
}

// Of a flood most is refused as ever, and what is genuine is taken beside it.
func TestWhatNobodyProvedIsBounded(t *testing.T) {
	t.Parallel()
	w := observing(t)
	taken, refused := 0, 0
	for range 300 {
		switch a := w.do(w.request("POST", "/webhooks/shop", "one", []byte(`{}`), forged())); a.status {
		case 202:
			taken++
		case 403:
			refused++
		default:
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if taken < 50 || refused == 0 {
		t.Errorf("%d taken, %d refused", taken, refused)
	}
	if a := w.send("two", `{}`); a.status != 202 || w.store.topics()[0] != "hookspan.events.shop._" {
		t.Errorf("a genuine one: %d %v", a.status, w.store.topics()[:1])
	}
}

func TestWhatCannotBeJudgedIsNotTakenEither(t *testing.T) {
	t.Parallel()
	w := observing(t)
	for name, c := range map[string]struct {
		body   string
		header http.Header
		status int
	}{
		"another media type": {`{}`, http.Header{"Content-Type": {"image/png"}}, 415},
		"too large":          {strings.Repeat("x", 2<<20), forged(), 413},
	} {
		if a := w.do(w.request("POST", "/webhooks/shop", "one", []byte(c.body), c.header)); a.status != c.status {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if len(w.store.all()) != 0 {
		t.Errorf("stored: %v", w.store.topics())
	}
}
