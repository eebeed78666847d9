package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookspan/hookspan/bridge/event"
)

// scope names what makes the spans.
const scope = "github.com/hookspan/hookspan"

// A Tracer begins spans. Nil is tracing that is off.
type Tracer struct {
	tracer trace.Tracer
	system attribute.KeyValue
}

// New makes a tracer of an SDK's provider. The system is the bus, as the conventions for
// messaging name it: nats, kafka.
func New(p trace.TracerProvider, system, version string) *Tracer {
	return &Tracer{
		tracer: p.Tracer(scope, trace.WithInstrumentationVersion(version), trace.WithSchemaURL(semconv.SchemaURL)),
		system: semconv.MessagingSystemKey.String(system),
	}
}

// Now is the time, where tracing is on.
func (t *Tracer) Now() (now time.Time) {
	if t != nil {
		now = time.Now()
	}
	return now
}

// A beginning is how a span begins. Without a parent the sampler decides by itself.
type beginning struct {
	name   string
	kind   trace.SpanKind
	at     time.Time
	parent trace.SpanContext
	links  []trace.Link
}

// begin returns the zero Span where the sampler says no.
func (t *Tracer) begin(b beginning) Span {
	ctx := context.Background() // a span is its parent's child by what it names, not by who calls
	if b.parent.IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, b.parent)
	}
	options := append(make([]trace.SpanStartOption, 0, 3), trace.WithSpanKind(b.kind), trace.WithTimestamp(b.at))
	if len(b.links) > 0 {
		options = append(options, trace.WithLinks(b.links...))
	}
	_, s := t.tracer.Start(ctx, b.name, options...)
	if !s.IsRecording() {
		return Span{}
	}
	return Span{t, s}
}

// A Parent is the span that others are children of.
type Parent struct{ of trace.SpanContext }

// ParentOf is what an event's traceparent names; false where there is none, or its trace is not
// recorded.
func ParentOf(e *event.Event) (Parent, bool) {
	p := Parent{parse(e.Extension(parentName), e.Extension(stateName))}
	return p, p.of.IsSampled()
}

const (
	parentName = "traceparent"
	stateName  = "tracestate"
)

// parse reads the two values of W3C Trace Context; what cannot be read is not valid.
func parse(parent, state string) trace.SpanContext {
	if parent == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), &headers{parent, state})
	return trace.SpanContextFromContext(ctx)
}

// headers carry a span's context.
type headers struct{ parent, state string }

// Get implements propagation.TextMapCarrier.
func (h *headers) Get(key string) string {
	switch key {
	case parentName:
		return h.parent
	case stateName:
		return h.state
	}
	return ""
}

// Set implements propagation.TextMapCarrier.
func (h *headers) Set(key, value string) {
	switch key {
	case parentName:
		h.parent = value
	case stateName:
		h.state = value
	}
}

// Keys implements propagation.TextMapCarrier.
func (h *headers) Keys() []string { return []string{parentName, stateName} }
