package tracing_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

// What is not recorded, with tracing off or on, takes no memory.
func TestNotRecordedCostsNothing(t *testing.T) {
	rare, _ := tracingtest.New(tracing.Share(1e-15).ByParent())
	for name, tracer := range map[string]*tracing.Tracer{"off": nil, "rare": rare} {
		for kind, parent := range map[string]string{"no parent": "", "a parent": passed, "no text": "00-nothing"} {
			e, h, r, readings := numbered(1), http.Header{}, request(parent, true), make([]tracing.Reading, 1)
			r.Event, r.Alone = e, true
			if parent != "" {
				e.SetExtension("traceparent", parent)
			}
			allocs := testing.AllocsPerRun(100, func() {
				began := tracer.Now()
				var in tracing.Span
				if tracer != nil {
					in = tracer.Request(r)
				}
				in.Step("verify", began, "")
				published := in.Publish("t", e, false) != nil
				in.Answered(200, "accepted", "")

				var taken bool
				if tracer != nil {
					readings[0] = tracer.Read(time.Now())
					taken = readings[0].Taken(tracing.Place{Topic: "t"}, e) != nil
					readings[0].End()
					_, again := tracer.ParentOf(e)
					taken = taken || again
				}
				var out tracing.Span
				out.Pass(h)
				out.Responded(200, "", "")
				if in.Recorded() || published || taken || len(h) > 0 || in.Traceparent() != "" {
					t.Error("something is recorded")
				}
			})
			if allocs != 0 {
				t.Errorf("%s, %s: %v allocations", name, kind, allocs)
			}
		}
	}
}

// BenchmarkNotRecorded is what tracing costs an event that nobody records.
func BenchmarkNotRecorded(b *testing.B) {
	tracer, _ := tracingtest.New(tracing.Share(1e-15).ByParent())
	e, r := numbered(1), request("", true)
	r.Event, r.Alone = e, true
	b.ReportAllocs()
	for b.Loop() {
		in := tracer.Request(r)
		in.Publish("t", e, false)
		read := tracer.Read(r.Began)
		read.Taken(tracing.Place{Topic: "t"}, e)
		read.End()
		tracer.ParentOf(e)
	}
}
