package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookspan/hookspan/bridge/event"
)

// scope names what makes the spans.
const scope = "github.com/hookspan/hookspan"

// A Tracer begins spans. Nil is tracing that is off.
type Tracer struct {
	tracer  trace.Tracer
	sampler Sampler
	system  attribute.KeyValue
}

// New makes a tracer of an SDK's provider, whose own sampler is of the same rule. The system is
// the bus, as the conventions for messaging name it: nats, kafka.
func New(p trace.TracerProvider, s Sampler, system, version string) *Tracer {
	return &Tracer{
		tracer:  p.Tracer(scope, trace.WithInstrumentationVersion(version), trace.WithSchemaURL(semconv.SchemaURL)),
		sampler: s, system: semconv.MessagingSystemKey.String(system),
	}
}

// Now is the time, where tracing is on.
func (t *Tracer) Now() (now time.Time) {
	if t != nil {
		now = time.Now()
	}
	return now
}

// A beginning is how a span begins that is recorded. A parent without a span is a trace that
// begins with it.
type beginning struct {
	name   string
	kind   trace.SpanKind
	at     time.Time
	parent trace.SpanContext
	links  []trace.Link
}

// begin returns a Span that is not recorded where the SDK says no, as once it has been shut down.
func (t *Tracer) begin(b beginning) Span {
	// A span is its parent's child by what it names, not by who calls.
	ctx := trace.ContextWithSpanContext(context.Background(), b.parent)
	options := append(make([]trace.SpanStartOption, 0, 3), trace.WithSpanKind(b.kind), trace.WithTimestamp(b.at))
	if len(b.links) > 0 {
		options = append(options, trace.WithLinks(b.links...))
	}
	_, s := t.tracer.Start(ctx, b.name, options...)
	if !s.IsRecording() {
		return Span{}
	}
	return Span{tracer: t, of: s}
}

// A Parent is the span that others are children of, or a trace that has none yet.
type Parent struct{ of trace.SpanContext }

// ParentOf is what the spans of an event are children of that have no other parent here: what its
// traceparent names, or the trace that it begins. It reports whether they are recorded.
func (t *Tracer) ParentOf(e *event.Event) (p Parent, recorded bool) {
	if p.of = parse(e.Extension(parentName)); p.of.IsValid() {
		if recorded = t.sampler.takes(p.of); recorded {
			p.of = with(p.of, e.Extension(stateName))
		}
		return p, recorded
	}
	if t.sampler.below == 0 {
		return p, false
	}
	p.of = origin(e)
	return p, t.sampler.takes(p.of)
}
