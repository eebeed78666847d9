package tracing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

// rules are the SDK's samplers and ours of the same rule.
var rules = map[string]struct {
	ours tracing.Sampler
	sdks sdk.Sampler
}{
	"always_on":                {tracing.Share(1), sdk.AlwaysSample()},
	"always_off":               {tracing.Sampler{}, sdk.NeverSample()},
	"traceidratio":             {tracing.Share(0.3), sdk.TraceIDRatioBased(0.3)},
	"traceidratio of 0":        {tracing.Share(0), sdk.TraceIDRatioBased(0)},
	"traceidratio of 1":        {tracing.Share(1), sdk.TraceIDRatioBased(1)},
	"parentbased_always_on":    {tracing.Share(1).ByParent(), sdk.ParentBased(sdk.AlwaysSample())},
	"parentbased_always_off":   {tracing.Sampler{}.ByParent(), sdk.ParentBased(sdk.NeverSample())},
	"parentbased_traceidratio": {tracing.Share(0.3).ByParent(), sdk.ParentBased(sdk.TraceIDRatioBased(0.3))},
}

// parents are what a request or an event may name; %032x is a trace's id.
var parents = map[string]string{
	"none":               "",
	"sampled":            "00-%032x-b7ad6b7169203331-01",
	"not sampled":        "00-%032x-b7ad6b7169203331-00",
	"sampled, random":    "00-%032x-b7ad6b7169203331-03",
	"of a later version": "01-%032x-b7ad6b7169203331-09-more",
	"too many flags":     "00-%032x-b7ad6b7169203331-05",
	"too long":           "00-%032x-b7ad6b7169203331-01-more",
	"no version":         "ff-%032x-b7ad6b7169203331-01",
	"upper case":         "00-%032X-B7AD6B7169203331-01",
	"no span":            "00-%032x-0000000000000000-01",
	"no trace":           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
	"too short":          "00-%032x-b7ad6b7169203331-1",
	"no text":            "it is %032x",
}

// with is a parent of the n-th trace. What is odd comes with a letter, so that upper case differs.
func with(parent string, n int) string {
	if !strings.Contains(parent, "%") {
		return parent
	}
	return fmt.Sprintf(parent, uint64(n)*0x9e3779b97f4a7c15|0xa)
}

// numbered is one of many events as the intake makes them.
func numbered(n int) *event.Event {
	return &event.Event{
		ID: fmt.Sprint("evt_", n), Source: "/sources/shop", Type: "com.shop.order", Data: []byte("{}"),
		Extensions: []event.Extension{{Name: "recordedtime", Value: "2026-11-30T01:02:03.456789Z"}},
	}
}

// Whoever decides first, the SDK or we, decides the same.
func TestADecisionIsTheSDKs(t *testing.T) {
	t.Parallel()
	for name, rule := range rules {
		ours := tracing.New(sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample())), rule.ours, "nats", "test")
		theirs := tracing.New(sdk.NewTracerProvider(sdk.WithSampler(rule.sdks)), tracing.Share(1), "nats", "test")
		for kind, parent := range parents {
			taken := 0
			for n := range 200 {
				e := numbered(n)
				if parent != "" {
					e.SetExtension("traceparent", with(parent, n))
				}
				_, got := ours.ParentOf(e)
				of, _ := theirs.ParentOf(e)
				want := theirs.Attempt(tracing.Attempt{Event: e, Number: 1, Parents: []tracing.Parent{of}}).Recorded()
				if got != want {
					t.Fatalf("%s, parent %s: event %d is recorded: %v, by the SDK %v", name, kind, n, got, want)
				}
				if got {
					taken++
				}
			}
			if strings.Contains(name, "ratio") && kind == "none" && !strings.Contains(name, "of") && (taken < 30 || taken > 90) {
				t.Errorf("%s: %d of 200 are recorded", name, taken)
			}
		}
	}
}

// A traceparent is read as the SDK reads it.
func FuzzParent(f *testing.F) {
	for _, parent := range parents {
		f.Add(with(parent, 1))
	}
	tracer, _ := tracingtest.New(tracingtest.ByParents())
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "00-") && len(text) == len(recorded)+1 && strings.HasSuffix(text, "-") {
			return // the SDK passes over the last dash, the standard does not
		}
		e := order()
		e.SetExtension("traceparent", text)
		_, got := tracer.ParentOf(e)
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": text})
		if want := trace.SpanContextFromContext(ctx).IsSampled(); got != want {
			t.Errorf("%q is a sampled parent: %v, by the SDK %v", text, got, want)
		}
	})
}

// overTheBus is an event as it is read again.
func overTheBus(t *testing.T, e *event.Event) *event.Event {
	t.Helper()
	again, _, err := event.Read(event.NATS, func(yield func(string, string) bool) {
		for _, f := range e.Headers(event.NATS) {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	}, e.Data)
	if err != nil {
		t.Fatal(err)
	}
	return &again
}

// What is decided of a request holds for its event on the way out, in whichever process, by each
// rule and for each parent: either both are recorded, in one trace, or neither is.
func TestTheWayOutAgrees(t *testing.T) {
	t.Parallel()
	for name, rule := range rules {
		for kind, parent := range parents {
			in, requests := tracingtest.New(rule.ours)
			out, readings := tracingtest.New(rule.ours)
			for n := range 40 {
				e, text := numbered(n), with(parent, n)
				if text != "" {
					e.SetExtension("traceparent", text) // as the naming of events does
				}
				r := request(text, true)
				r.Event, r.Alone = e, true
				s := in.Request(r)
				if p := s.Publish("t", e, false); p != nil {
					p.End("")
				} else if got := e.Extension("traceparent"); got != text {
					t.Errorf("%s, parent %s: what is not recorded carries %q, not %q", name, kind, got, text)
				}
				s.Answered(200, "accepted", "")
				read := out.Read(time.Now())
				read.Taken(tracing.Place{Topic: "t"}, overTheBus(t, e))
				read.End()
				incoming, outgoing := requests.Take(), readings.Take()
				if len(incoming) == 0 && len(outgoing) == 0 {
					continue
				}
				publish, follow := named(incoming, "publish t"), named(outgoing, "follow t")
				if publish == nil || follow == nil || follow.Parent.SpanID() != publish.SpanContext.SpanID() || follow.SpanContext.TraceID() != publish.SpanContext.TraceID() {
					t.Fatalf("%s, parent %s: the way in has %d spans, the way out %d, and they are not one trace", name, kind, len(incoming), len(outgoing))
				}
			}
		}
	}
}

func named(spans []tracetest.SpanStub, name string) *tracetest.SpanStub {
	for i := range spans {
		if spans[i].Name == name {
			return &spans[i]
		}
	}
	return nil
}

// The events of a batch follow its request: those that would be recorded by themselves are told
// of a trace that nobody records.
func TestABatchAgrees(t *testing.T) {
	t.Parallel()
	const some = 0.3
	tracer, _ := tracingtest.New(tracing.Share(some).ByParent())
	told, silent := 0, 0
	for n := range 100 {
		batch := []*event.Event{numbered(10 * n), numbered(10*n + 1), numbered(10*n + 2)}
		r := request("", true)
		r.Event = batch[0]
		s := tracer.Request(r)
		if s.Recorded() {
			continue
		}
		for i, e := range batch {
			_, alone := tracer.ParentOf(e)
			s.Publish("t", e, false)
			read := overTheBus(t, e)
			parent := read.Extension("traceparent")
			if _, recorded := tracer.ParentOf(read); recorded || alone != strings.HasSuffix(parent, "-00") {
				t.Fatalf("event %d carries %q, and is recorded: %v", i, parent, recorded)
			}
			if parent == "" {
				silent++
			} else if told++; i == 0 {
				t.Error("the first event, for which was drawn, is told")
			}
		}
	}
	if told == 0 || silent == 0 {
		t.Errorf("%d are told, %d are not", told, silent)
	}
}

// A traceparent that nobody can read gives way to ours, with its tracestate, also where the event
// came with it.
func TestAMalformedParentIsReplaced(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		tracer, spans := tracingtest.New(tracingtest.Always())
		e := order()
		e.SetExtension("traceparent", "00-nothing")
		e.SetExtension("tracestate", "vendor=1")
		r := request("00-nothing", true)
		r.State, r.Event, r.Alone = "vendor=1", e, true
		s := tracer.Request(r)
		s.Publish("t", e, own).End("")
		publish := spans.Named(t, "publish t")
		if got := e.Extension("traceparent"); !strings.Contains(got, publish.SpanContext.SpanID().String()) || e.Extension("tracestate") != "" || len(publish.Links) > 0 {
			t.Errorf("it carries %q with %q, links %v", got, e.Extension("tracestate"), publish.Links)
		}
	}
}

// A sender's tracestate goes with its trace.
func TestATracestateGoesOn(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracingtest.ByParents())
	e := order()
	r := request(recorded, true)
	r.State = "vendor=1"
	s := tracer.Request(r)
	s.Publish("t", e, false).End("")
	read := tracer.Read(time.Now())
	read.Taken(tracing.Place{Topic: "t"}, overTheBus(t, e))
	read.End()
	if got := spans.Named(t, "follow t").SpanContext.TraceState().String(); got != "vendor=1" || e.Extension("tracestate") != got {
		t.Errorf("the way out has %q, the event %q", got, e.Extension("tracestate"))
	}
}
