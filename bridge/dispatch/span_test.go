package dispatch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

const recorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// publishTraced publishes an event whose trace is recorded.
func (w *world) publishTraced(n int, parent string) {
	e := dispatchtest.Event(n, "a")
	e.SetExtension("traceparent", parent)
	w.store.Publish(dispatchtest.Partition, e)
}

// Every attempt is of the event's trace: those of the process that read it below its reading,
// those of a successor below what the event names. What has no trace, or matches nowhere, leaves
// nothing.
func TestAttemptsAreOfTheEventsTrace(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		tracer, spans := tracingtest.New(tracingtest.ByParents())
		w.tracer = tracer
		w.answer = func(_, _ string, attempt int) delivery.Response {
			if attempt < 4 {
				return failure
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		p.register(t, "other", func(e *endpoint.Endpoint) { e.Events = []string{"b"} })
		pass(time.Second)
		w.publish(1, 1, "a")
		w.publishTraced(2, recorded)
		w.publishTraced(3, strings.TrimSuffix(recorded, "1")+"0")
		pass(4 * time.Second) // the third attempt is made after 3 s, the next 4 s after that
		p.kill()
		<-p.done
		q := w.start(t, shards)
		pass(time.Minute)
		if err := q.stop(); err != nil {
			t.Error(err)
		}
		const want = `elsewhere
  follow events
    POST
    match
    POST
    POST
  POST
`
		if got := spans.Tree(); got != want {
			t.Errorf("spans:\n%s", got)
		}
		if got := tracingtest.Attribute(spans.Named(t, "match"), "hookspan.endpoints"); got != "1" {
			t.Errorf("%s endpoints took the event", got)
		}
	})
}

// An event that names no trace begins one, the same wherever it is read: a successor's attempt is
// in it too.
func TestAnEventBeginsItsTrace(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		tracer, spans := tracingtest.New(tracing.Share(0.5).ByParent())
		w.tracer = tracer
		w.answer = func(_, _ string, attempt int) delivery.Response {
			if attempt < 2 {
				return failure
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		pass(time.Second)
		const events = 20
		w.publish(1, events, "a")
		pass(500 * time.Millisecond) // the second attempt is made after 1 s
		p.kill()
		<-p.done
		q := w.start(t, shards)
		pass(time.Minute)
		if err := q.stop(); err != nil {
			t.Error(err)
		}
		attempts := map[string]int{} // by trace
		read := map[string]int{}
		for _, s := range spans.Spans() {
			switch id := s.SpanContext.TraceID().String(); s.Name {
			case "POST":
				attempts[id]++
			case "follow events":
				read[id]++
			}
		}
		if len(read) < 2 || len(read) == events || len(attempts) != len(read) {
			t.Errorf("%d of %d events were recorded when they were read, %d when they were sent", len(read), events, len(attempts))
		}
		for id, n := range attempts {
			if n != 2 || read[id] == 0 {
				t.Errorf("trace %s has %d attempts and was read %d times", id, n, read[id])
			}
		}
	})
}

// A batch is an attempt of one trace, linked to those of its other events.
func TestAnAttemptOfABatchLinksItsEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		tracer, spans := tracingtest.New(tracingtest.ByParents())
		w.tracer = tracer
		p := w.start(t, shards)
		p.register(t, "crm", func(e *endpoint.Endpoint) {
			e.Content, e.Options = "batch", map[string]string{"batch_size": "3", "batch_wait": "1s"}
		})
		pass(time.Second)
		w.publishTraced(1, recorded)
		w.publish(2, 2, "a")
		w.publishTraced(3, strings.Replace(recorded, "0af", "1af", 1))
		pass(3 * time.Second)
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		attempt := spans.Named(t, "POST")
		if len(attempt.Links) != 1 {
			t.Fatalf("%d links", len(attempt.Links))
		}
		parents := map[string]bool{attempt.Parent.SpanID().String(): true, attempt.Links[0].SpanContext.SpanID().String(): true}
		for _, s := range spans.Spans() {
			if s.Name == "follow events" && !parents[s.SpanContext.SpanID().String()] {
				t.Errorf("the attempt names not the reading of trace %s", s.SpanContext.TraceID())
			}
		}
		if got := tracingtest.Attribute(attempt, "messaging.batch.message_count"); got != "3" {
			t.Errorf("a batch of %s", got)
		}
	})
}
