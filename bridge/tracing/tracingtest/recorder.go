// Package tracingtest keeps the spans of a tracer, for tests to look at.
package tracingtest

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookspan/hookspan/bridge/tracing"
)

// A Recorder has the spans that have ended.
type Recorder struct{ kept *tracetest.InMemoryExporter }

// New makes a tracer of a bus called nats that samples as it is told.
func New(s tracing.Sampler) (*tracing.Tracer, *Recorder) {
	r := &Recorder{tracetest.NewInMemoryExporter()}
	return tracing.New(sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample()), sdk.WithSyncer(r.kept)), s, "nats", "test"), r
}

// Always records everything, and ByParents what a parent says and of the rest nothing.
func Always() tracing.Sampler    { return tracing.Share(1) }
func ByParents() tracing.Sampler { return tracing.Sampler{}.ByParent() }

// Spans are those that have ended, in the order in which they began.
func (r *Recorder) Spans() []tracetest.SpanStub {
	all := r.kept.GetSpans()
	slices.SortStableFunc(all, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	return all
}

// Take is like Spans, and they are kept no longer.
func (r *Recorder) Take() []tracetest.SpanStub {
	all := r.Spans()
	r.kept.Reset()
	return all
}

// Named is the one span of a name.
func (r *Recorder) Named(t *testing.T, name string) tracetest.SpanStub {
	t.Helper()
	var found []tracetest.SpanStub
	for _, s := range r.Spans() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans are called %s:\n%s", len(found), name, r.Tree())
	}
	return found[0]
}

// Tree has a line for every span, indented below its parent's; children of spans of others stand
// below "elsewhere". Spans that began together are in the order of their names.
func (r *Recorder) Tree() string {
	all := r.Spans()
	here := map[trace.SpanID]bool{}
	for _, s := range all {
		here[s.SpanContext.SpanID()] = true
	}
	slices.SortStableFunc(all, func(a, b tracetest.SpanStub) int {
		return cmp.Or(a.StartTime.Compare(b.StartTime), strings.Compare(a.Name, b.Name))
	})
	var b strings.Builder
	var write func(indent string, of func(tracetest.SpanStub) bool)
	write = func(indent string, of func(tracetest.SpanStub) bool) {
		for _, s := range all {
			if !of(s) {
				continue
			}
			b.WriteString(indent + s.Name + "\n")
			write(indent+"  ", func(c tracetest.SpanStub) bool { return c.Parent.SpanID() == s.SpanContext.SpanID() })
		}
	}
	write("", func(s tracetest.SpanStub) bool { return !s.Parent.IsValid() })
	elsewhere := func(s tracetest.SpanStub) bool { return s.Parent.IsValid() && !here[s.Parent.SpanID()] }
	if slices.ContainsFunc(all, elsewhere) {
		b.WriteString("elsewhere\n")
		write("  ", elsewhere)
	}
	return b.String()
}

// Attribute is one of a span's, as text; "" when it has none of that name.
func Attribute(s tracetest.SpanStub, name string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == name {
			return a.Value.String()
		}
	}
	return ""
}
