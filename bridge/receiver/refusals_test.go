package receiver_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/schemas/schematest"
)

// refusals are those kept so far, once so many more have been: a refused request is answered before
// that.
func (w *world) refusals(more int) []receiver.Refusal {
	for range more {
		<-w.store.kept
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	return slices.Clone(w.store.refusals)
}

// refusal is the newest one, once it has been kept.
func (w *world) refusal() receiver.Refusal {
	all := w.refusals(1)
	return all[len(all)-1]
}

func TestWhatIsNotTakenIsListed(t *testing.T) {
	t.Parallel()
	const limit = 1000
	large := []byte(`{"event":"a"` + strings.Repeat(" ", 2*limit) + "}")
	for _, c := range []struct {
		name, method, path string
		body               []byte
		header             http.Header
		chunked            bool
		status             int
		reason, source     string
		size               int64
		details            []string
	}{
		{name: "a path with a capital", path: "/webhooks/Shop", status: 404, reason: "unknown_source", details: []string{`"/webhooks/Shop"`, "is /webhooks/shop meant?"}},
		{name: "a path with a prefix", path: "/hooks/webhooks/shop/", status: 404, reason: "unknown_source", details: []string{"is /webhooks/shop meant?"}},
		{name: "the root", path: "/", status: 404, reason: "unknown_source", details: []string{`"/"`}},
		{name: "a control character", path: "/a%0d%0ab%1b", status: 404, reason: "unknown_source", details: []string{`"/a\r\nb\x1b"`}},
		{name: "a method", method: "DELETE", path: "/webhooks/shop", status: 405, reason: "method", source: "shop", details: []string{`"DELETE"`}},
		{name: "too large", path: "/webhooks/shop", body: large, status: 413, reason: "too_large", source: "shop", size: int64(len(large)), details: []string{fmt.Sprint(len(large)), "1000 bytes at most"}},
		{name: "too large, chunked", path: "/webhooks/shop", body: large, chunked: true, status: 413, reason: "too_large", source: "shop", size: int64(len(large)), details: []string{"1000 bytes at most"}},
		{name: "an encoding", path: "/webhooks/shop", header: http.Header{"Content-Encoding": {"br"}}, status: 415, reason: "media_type", source: "shop", details: []string{`"br"`}},
	} {
		w := setup(t, func(o *receiver.Options) { o.Sources[0].MaxBody = limit })
		if c.method == "" {
			c.method = "POST"
		}
		q := w.request(c.method, c.path, "1", c.body, c.header)
		if c.chunked {
			q.ContentLength = -1
		}
		if got := w.do(q); got.status != c.status {
			t.Errorf("%s: %+v", c.name, got)
		}
		got := w.refusal()
		if got.Status != c.status || string(got.Reason) != c.reason || got.Source != c.source || got.Size != c.size || got.Method != c.method || got.Remote == "" {
			t.Errorf("%s: %+v", c.name, got)
		}
		w.stop()
		for _, detail := range c.details {
			if !strings.Contains(got.Detail, detail) {
				t.Errorf("%s: detail %q lacks %s", c.name, got.Detail, detail)
			}
		}
		if !strings.Contains(w.log.String(), "level=WARN") {
			t.Errorf("%s: log %s", c.name, w.log)
		}
	}
}

func TestABodyThatBreaksOffIsListed(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.raw("POST /webhooks/shop HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{", false)
	if got := w.refusal(); got.Status != 400 || got.Reason != "unreadable" || got.Size != 500 {
		t.Errorf("%+v", got)
	}
}

func TestTheRateIsListed(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.Sources[0].Rate = receiver.Rate{PerSecond: .5, Burst: 1} })
	w.send("1", a1)
	w.send("2", a1)
	if got := w.refusal(); got.Status != 429 || got.Reason != "rate" || !strings.Contains(got.Detail, "more requests than 30/m") {
		t.Errorf("%+v", got)
	}
}

func TestAPackedBodyThatIsTooLargeIsListed(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprintf(z, `{"event":"a"%s}`, strings.Repeat(" ", 100_000))
	z.Close()
	w := setup(t, func(o *receiver.Options) {
		o.Verifier, o.Sources[0].Provider, o.Sources[0].MaxBody = catalog(t), "sticker", 10_000
	})
	for body, want := range map[string]string{packed.String(): "too_large", "\x1f\x8bno gzip at all": "unreadable"} {
		w.do(w.request("POST", "/webhooks/shop", "1", []byte(body), http.Header{
			"Content-Encoding": {"gzip"}, "X-Sticker-Signature": {fmt.Sprintf("sha256=%x", sign(secret, []byte(body)))},
		}))
		if got := w.refusal(); string(got.Reason) != want || (want == "too_large") != strings.Contains(got.Detail, "more than the 10000") {
			t.Errorf("%+v", got)
		}
	}
}

// Strangers on a public port must not fill the log, nor take the place of what matters.
func TestRefusalsOfStrangersAreFew(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for range 200 {
		w.do(w.request("POST", "/wp-login.php", "1", nil, nil))
	}
	w.stop()
	if n := strings.Count(w.log.String(), "request for no source"); n == 0 || n > 60 {
		t.Errorf("%d lines for 200 requests", n)
	}
	if n := w.counted("hookspan_refusals_suppressed_total"); n < 100 {
		t.Errorf("%v suppressed", n)
	}
}

func TestASlashAtTheEndIsHarmless(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	if got := w.do(w.request("POST", "/webhooks/shop/", "1", []byte(a1), nil)); got.status != 202 {
		t.Errorf("%+v", got)
	}
}

// Operators hear of many requests that are not genuine, once; of other refusals they do not.
func TestABurstOfRefusalsIsTold(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.Teller = ops.NewTeller(o.Publisher, "hookspan.ops", o.Metrics) })
	told := func() (n float64) {
		return w.counted("hookspan_operations_events_total", "type", string(ops.SourceRefusals), "outcome", "published")
	}
	for range 30 {
		w.do(w.request("POST", "/webhooks/shop", "1", []byte("not JSON"), nil))
		w.do(w.request("DELETE", "/webhooks/shop", "1", nil, nil))
	}
	forged := http.Header{"X-Signature": {"00"}}
	for range 19 {
		w.do(w.request("POST", "/webhooks/shop", "1", []byte("{}"), forged))
	}
	if n := told(); n != 0 {
		t.Errorf("%v told of 19 forged requests", n)
	}
	for range 31 {
		w.do(w.request("POST", "/webhooks/shop", "1", []byte("{}"), forged))
	}
	w.stop() // Run tells what is queued before it returns
	var events []stored
	for _, m := range w.store.all() {
		if m.topic == "hookspan.ops" {
			events = append(events, m)
		}
	}
	if len(events) != 1 || told() != 1 {
		t.Fatalf("told %+v, counted %v", events, told())
	}
	e := &events[0].event
	if err := schematest.OpsEvent(e.Type, e.Data); err != nil {
		t.Error(err)
	}
	if e.Type != string(ops.SourceRefusals) || e.Subject != "sources/shop" || !events[0].options.Reserved || !strings.Contains(string(e.Data), `"reasons":{"bad_signature":20}`) {
		t.Errorf("told %+v: %s", e, e.Data)
	}
	if !strings.Contains(w.log.String(), "burst of refusals") {
		t.Error("the log does not say so")
	}
}
