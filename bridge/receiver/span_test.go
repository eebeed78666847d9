package receiver_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	recorded = "00-" + traceID + "-b7ad6b7169203331-01"
)

func traced(t *testing.T, s tracing.Sampler) (*world, *tracingtest.Recorder) {
	t.Helper()
	tracer, spans := tracingtest.New(s)
	return setup(t, func(o *receiver.Options) { o.Tracer = tracer }), spans
}

// sendTraced posts a webhook of a sender whose trace is recorded.
func (w *world) sendTraced(id, body string, more http.Header) answer {
	w.Helper()
	q := w.request("POST", "/webhooks/shop", id, []byte(body), more)
	q.Header.Set("Traceparent", recorded)
	return w.do(q)
}

func TestAWebhookIsATrace(t *testing.T) {
	t.Parallel()
	w, spans := traced(t, tracingtest.ByParents())
	w.sendTraced("", `[{"event":"a","id":"1"},{"event":"a","id":"2"}]`, nil)
	w.sendTraced("", `{"event":"a","id":"1"}`, nil) // a repeat publishes nothing
	const want = `elsewhere
  POST /webhooks/{source}
    verify
    publish hookspan.events.shop.a
      durable
    publish hookspan.events.shop.a
      durable
  POST /webhooks/{source}
    verify
`
	if got := spans.Tree(); got != want {
		t.Errorf("spans:\n%s", got)
	}
	published := map[string]string{}
	for _, s := range spans.Spans() {
		if s.SpanContext.TraceID().String() != traceID {
			t.Errorf("%s is of trace %s", s.Name, s.SpanContext.TraceID())
		}
		if id := tracingtest.Attribute(s, "cloudevents.event_id"); id != "" {
			published[id] = "00-" + traceID + "-" + s.SpanContext.SpanID().String() + "-01"
		}
	}
	for _, m := range w.store.all() {
		if got := m.event.Extension("traceparent"); got == "" || got != published[m.event.ID] {
			t.Errorf("event %s carries %q, its span is %q", m.event.ID, got, published[m.event.ID])
		}
	}
}

// Where the sampler says no, an event carries what its sender gave.
func TestWhatIsNotRecordedIsPassedOn(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracing.Sampler{})
	w := setup(t, func(o *receiver.Options) {
		o.Tracer, o.Verifier = tracer, catalog(t)
		o.Sources = []receiver.Source{{Name: "in", Provider: "cloudevents", Secrets: []string{"a-bearer-token"}}}
	})
	w.cloudevent("x", binary("Traceparent", recorded))
	if all := w.store.all(); len(all) != 1 || all[0].event.Extension("traceparent") != recorded {
		t.Errorf("stored %+v", all)
	}
	if got := spans.Tree(); got != "" {
		t.Errorf("spans:\n%s", got)
	}
}

// Nothing is added to an event that nobody records. Only those that would be recorded by
// themselves, as the others of a batch and what has come under another id, are told that their
// request is not.
func TestWhatIsNotRecordedCarriesNothing(t *testing.T) {
	t.Parallel()
	w, spans := traced(t, tracing.Share(0.5).ByParent())
	tracer, _ := tracingtest.New(tracing.Share(0.5).ByParent())
	seen := map[string]int{}
	stored := 0
	for n := range 40 {
		for _, body := range []string{`[{"event":"a","id":"%[1]da"},{"event":"a","id":"%[1]db"}]`, `{"event":"a","id":"%[1]dc"}`, `{"event":"a","id":"%[1]dc","again":"altered"}`} {
			w.send("", fmt.Sprintf(body, n))
			recorded := len(spans.Take()) > 0
			for _, m := range w.store.all()[stored:] {
				stored++
				parent := m.event.Extension("traceparent")
				if _, again := tracer.ParentOf(&m.event); again != recorded {
					t.Fatalf("event %s with %q is recorded on the way out: %v, its request: %v", m.event.ID, parent, again, recorded)
				}
				switch {
				case recorded:
					seen["recorded"]++
				case parent == "":
					seen["silent"]++
				case strings.HasSuffix(parent, "-00") && m.event.ID[len(m.event.ID)-1] != 'a':
					seen["told"]++
				}
			}
		}
	}
	if stored != 160 || seen["recorded"] == 0 || seen["silent"] <= seen["told"] || seen["told"] == 0 || seen["recorded"]+seen["silent"]+seen["told"] != stored {
		t.Errorf("%d events: %v", stored, seen)
	}
}

// A CloudEvent that names what caused it goes on doing so, and decides whether it is recorded
// where the request says nothing.
func TestACloudEventsOwnTraceIsKept(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracingtest.ByParents())
	w := setup(t, func(o *receiver.Options) {
		o.Tracer, o.Verifier = tracer, catalog(t)
		o.Sources = []receiver.Source{{Name: "in", Provider: "cloudevents", Secrets: []string{"a-bearer-token"}}}
	})
	w.cloudevent("x", binary("Ce-Traceparent", recorded))
	if all := w.store.all(); len(all) != 1 || all[0].event.Extension("traceparent") != recorded {
		t.Errorf("stored %+v", all)
	}
	if got := spans.Named(t, "verify").SpanContext.TraceID().String(); got != traceID {
		t.Errorf("recorded in trace %s:\n%s", got, spans.Tree())
	}
}

// What comes of a request is in its span, and a stranger does not choose whether there is one.
func TestWhatASpanSaysOfARefusal(t *testing.T) {
	t.Parallel()
	w, spans := traced(t, tracingtest.Always().ByParent())
	w.sendTraced("1", `{"event":"a"}`, http.Header{"X-Signature": {"00"}})
	w.sendTraced("2", `{"event":"a"}`, http.Header{"Content-Type": {"text/html"}})
	w.store.before = func(context.Context, *event.Event) error { return bus.ErrDiskFull }
	w.sendTraced("3", `{"event":"a"}`, nil)
	type said struct{ trace, status, outcome, fault string }
	var got []said
	for _, s := range requests(spans) {
		trace := "another"
		if s.SpanContext.TraceID().String() == traceID {
			trace = "the sender's"
		}
		got = append(got, said{trace, tracingtest.Attribute(s, "http.response.status_code"), tracingtest.Attribute(s, "hookspan.outcome"), tracingtest.Attribute(s, "error.type")})
	}
	want := []said{{"another", "403", "refused", ""}, {"another", "415", "refused", ""}, {"the sender's", "503", "unavailable", "disk_full"}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("spans say %+v", got)
	}
	if fault := tracingtest.Attribute(spans.Named(t, "publish hookspan.events.shop.a"), "error.type"); fault != "disk_full" {
		t.Errorf("publish failed for %q", fault)
	}
}

// An exemplar leads to the trace that is recorded, ours or a genuine sender's. What a stranger
// names leads nowhere.
func TestWhoseTraceAnExemplarNames(t *testing.T) {
	t.Parallel()
	for name, tracer := range map[string]*tracing.Tracer{"off": nil, "on": first(tracingtest.New(tracingtest.ByParents()))} {
		w := setup(t, func(o *receiver.Options) { o.Tracer = tracer })
		w.sendTraced("1", `{"event":"a"}`, http.Header{"X-Signature": {"00"}})
		if got := w.exemplars("hookspan_intake_seconds"); len(got) > 0 {
			t.Errorf("tracing %s: a refused request leaves %v", name, got)
		}
		w.sendTraced("1", `{"event":"a"}`, nil)
		if got := w.exemplars("hookspan_intake_seconds"); len(got) != 1 || got[0] != traceID {
			t.Errorf("tracing %s: a genuine one leaves %v", name, got)
		}
	}
}

func first[T, U any](v T, _ U) T { return v }

// exemplars are the traces that a histogram names.
func (w *world) exemplars(histogram string) (ids []string) {
	w.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != histogram {
			continue
		}
		for _, b := range f.GetMetric()[0].GetHistogram().GetBucket() {
			if x := b.GetExemplar(); x != nil {
				ids = append(ids, x.GetLabel()[0].GetValue())
			}
		}
	}
	return ids
}

func requests(spans *tracingtest.Recorder) (all []tracetest.SpanStub) {
	for _, s := range spans.Spans() {
		if strings.HasPrefix(s.Name, "POST ") {
			all = append(all, s)
		}
	}
	return all
}

// A bus that does not answer in time leaves the request's span answered, and the event's open
// until its fate is known.
func TestASpanOfABusThatIsLate(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracingtest.Always())
	w := setup(t, func(o *receiver.Options) { o.Tracer, o.PublishTimeout = tracer, 40*time.Millisecond })
	answered := make(chan struct{})
	w.store.before = func(context.Context, *event.Event) error {
		<-answered
		return nil
	}
	if got := w.send("1", `{"event":"a"}`); got.status != 503 {
		t.Errorf("%+v", got)
	}
	if got := tracingtest.Attribute(spans.Named(t, "POST /webhooks/{source}"), "http.response.status_code"); got != "503" {
		t.Errorf("the request's span says %s", got)
	}
	close(answered)
	for w.send("1", `{"event":"a"}`).status != 202 { // waits for the first one's fate
	}
	spans.Named(t, "publish hookspan.events.shop.a")
	spans.Named(t, "durable")
}
