package tracing_test

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

// originOf is the trace that an event begins.
func originOf(t *testing.T, e *event.Event) string {
	t.Helper()
	tracer, spans := tracingtest.New(tracingtest.Always())
	read := tracer.Read(time.Now())
	read.Taken(tracing.Place{Topic: "t"}, e)
	read.End()
	follow := spans.Named(t, "follow t")
	if follow.Parent.IsValid() {
		t.Errorf("it begins below %s", follow.Parent.SpanID())
	}
	return follow.SpanContext.TraceID().String()
}

// Processes of different builds meet the same events, so the ids are fixed for good.
func TestTheTraceThatAnEventBegins(t *testing.T) {
	t.Parallel()
	if got := originOf(t, numbered(1)); got != "7e03f89baa98667143ff35d30e50f21b" {
		t.Errorf("trace %s", got)
	}
	seen := map[string]string{}
	for name, edit := range map[string]func(*event.Event){
		"as it is":            func(*event.Event) {},
		"another id":          func(e *event.Event) { e.ID += "0" },
		"another source":      func(e *event.Event) { e.Source += "0" },
		"another arrival":     func(e *event.Event) { e.SetExtension("recordedtime", "2026-11-30T01:02:03.456788Z") },
		"no arrival":          func(e *event.Event) { e.Extensions = nil },
		"parts moved over":    func(e *event.Event) { e.ID, e.Source = e.ID[1:], e.Source+e.ID[:1] },
		"a longer text of 0s": func(e *event.Event) { e.ID += "\x00" },
	} {
		e := numbered(1)
		edit(e)
		id := originOf(t, e)
		if other, known := seen[id]; known {
			t.Errorf("%s and %s begin the same trace", name, other)
		}
		seen[id] = name
	}
}

// Ids that count up are recorded as evenly as others.
func TestTheShareHoldsForIdsInOrder(t *testing.T) {
	t.Parallel()
	const events, share = 50_000, 0.01
	tracer, _ := tracingtest.New(tracing.Share(share).ByParent())
	taken, together := 0, 0
	before := false
	for n := range events {
		_, recorded := tracer.ParentOf(numbered(n))
		if recorded {
			taken++
		}
		if recorded && before {
			together++
		}
		before = recorded
	}
	if taken < 400 || taken > 600 || together > 25 {
		t.Errorf("%d of %d are recorded, %d of them right after another", taken, events, together)
	}
}
