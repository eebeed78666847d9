package receiver_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/receiver"
)

func cloudevents(t *testing.T, policy receiver.Policy) *world {
	return setup(t, func(o *receiver.Options) {
		o.Verifier = catalog(t)
		o.Sources = []receiver.Source{{Name: "in", Provider: "cloudevents", Secrets: []string{"a-bearer-token"}, Invalid: policy}}
	})
}

func (w *world) cloudevent(body string, header http.Header) answer {
	w.Helper()
	q := w.request("POST", "/webhooks/in", "", []byte(body), header)
	q.Header.Set("Authorization", "Bearer a-bearer-token")
	return w.do(q)
}

// binary are the headers of an event in binary mode, with one more or another one.
func binary(name, value string) http.Header {
	h := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"/s"}, "Ce-Type": {"t"}, "Content-Type": {"text/plain"}}
	h.Set(name, value)
	return h
}

func TestNoAttributeThatIsNotAllowedIsTaken(t *testing.T) {
	t.Parallel()
	const core = `{"specversion":"1.0","id":"1","source":"/s","type":"t",`
	for name, c := range map[string]struct {
		body   string
		header http.Header
	}{
		"binary":            {"x", binary("Ce-Subject", "a%00b")},
		"binary, C1":        {"x", binary("Ce-Id", "a%C2%85")},
		"binary, overlong":  {"x", binary("Ce-Type", "a%C0%A0")},
		"binary, cut short": {"x", binary("Ce-Myext", "%E2%82")},
		"binary, raw bytes": {"x", binary("Ce-Source", "/caf\xe9")},
		"binary, surrogate": {"x", binary("Ce-Subject", "%ED%A0%80")},
		"its content type":  {"x", binary("Content-Type", "text/caf\xe9")},
		"no reference":      {"x", binary("Ce-Source", "http://[bad")},
		"no absolute URI":   {"x", binary("Ce-Dataschema", "/order.json")},
		"structured":        {core + `"subject":"a\u0001"}`, http.Header{"Content-Type": {"application/cloudevents+json"}}},
		"half a pair":       {core + `"subject":"a\ud800"}`, http.Header{"Content-Type": {"application/cloudevents+json"}}},
		"a noncharacter":    {core + `"myext":"\ufffe"}`, http.Header{"Content-Type": {"application/cloudevents+json"}}},
		"no UTF-8":          {core + "\"myext\":\"\xff\"}", http.Header{"Content-Type": {"application/cloudevents+json"}}},
		"batch":             {`[` + core + `"subject":"a\u0001"}]`, http.Header{"Content-Type": {"application/cloudevents-batch+json"}}},
	} {
		w := cloudevents(t, receiver.Quarantine)
		if got := w.cloudevent(c.body, c.header); got.status != 200 {
			t.Errorf("%s: %+v", name, got)
		}
		all := w.store.all()
		if len(all) != 1 || all[0].topic != "hookspan.quarantine" || string(all[0].event.Data) != strings.Trim(c.body, "[]") || all[0].event.Validate() != nil {
			t.Errorf("%s: stored %+v", name, all)
		} else if detail := all[0].event.Extension("hookspandetail"); !strings.HasPrefix(detail, "it is not a valid CloudEvent: ") {
			t.Errorf("%s: %s", name, detail)
		}
		w = cloudevents(t, receiver.Reject)
		if got := w.cloudevent(c.body, c.header); got.status != 422 || len(w.store.all()) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What a header can hardly say and JSON can: both cost the attribute, and are told.
func TestANameThatIsNotAllowedCostsTheAttribute(t *testing.T) {
	t.Parallel()
	w := cloudevents(t, receiver.Quarantine)
	for n, c := range []struct {
		body   string
		header http.Header
	}{
		{"x", binary("Ce-Event_source", "syscall")},
		{`{"specversion":"1.0","id":"2","source":"/s","type":"t","event_source":"syscall","data":1}`, http.Header{"Content-Type": {"application/cloudevents+json"}}},
		{`[{"specversion":"1.0","id":"3","source":"/s","type":"t","event_source":"syscall"}]`, http.Header{"Content-Type": {"application/cloudevents-batch+json"}}},
	} {
		if got := w.cloudevent(c.body, c.header); got.status != 200 {
			t.Errorf("%+v", got)
		}
		all := w.store.all()
		if len(all) != n+1 || !strings.HasPrefix(all[n].topic, "hookspan.events.in") || all[n].event.Extension("event_source") != "" {
			t.Fatalf("stored %+v", all)
		}
		if got := w.counted("hookspan_intake_attributes_dropped_total", "source", "in"); got != float64(n+1) {
			t.Errorf("%v attributes are counted, want %d", got, n+1)
		}
	}
}

// A webhook of what another installation tells says so, whatever its content is.
func TestAReportIsKnownAgain(t *testing.T) {
	t.Parallel()
	w := cloudevents(t, receiver.Quarantine)
	for n, want := range []string{"", "true"} {
		h := binary("Ce-Id", strconv.Itoa(n))
		h.Set("Hookspan-Report", want)
		if got := w.cloudevent("x", h); got.status != 200 {
			t.Fatalf("%+v", got)
		}
		if e := w.store.all()[n].event; e.Extension("hookspanreport") != want {
			t.Errorf("Hookspan-Report %q: %+v", want, e)
		}
	}
}

// What a sender says of itself is not what is known of it.
func TestATokenAuthenticatesAndVerifiesNothing(t *testing.T) {
	t.Parallel()
	w := cloudevents(t, receiver.Quarantine)
	if got := w.cloudevent("x", binary("Ce-Hookspanproof", "verified")); got.status != 200 {
		t.Fatalf("%+v", got)
	}
	if e := w.store.all()[0].event; e.Extension("hookspanproof") != "authenticated" {
		t.Errorf("%+v", e)
	}
	w.stop()
	if !strings.Contains(w.log.String(), "proof=authenticated") {
		t.Errorf("log: %s", w.log)
	}
	w = setup(t, nil)
	if got := w.send("one", `{"event":"paid"}`); got.status != 202 {
		t.Fatalf("%+v", got)
	}
	if e := w.store.all()[0].event; e.Extension("hookspanproof") != "verified" {
		t.Errorf("%+v", e)
	}
}
