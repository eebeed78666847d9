package tracing

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// A Span is recorded, unless it is the zero Span.
type Span struct {
	tracer *Tracer
	of     trace.Span
}

// Recorded reports whether the span is.
func (s Span) Recorded() bool { return s.of != nil }

// Traceparent names the span as W3C Trace Context does; "" where nothing is recorded.
func (s Span) Traceparent() string {
	if !s.Recorded() {
		return ""
	}
	return s.headers().parent
}

// Step records a part of the span that is over. A fault says, by a word of a closed set, why it
// was in vain.
func (s Span) Step(name string, from time.Time, fault string) {
	if !s.Recorded() {
		return
	}
	step := s.child(name, trace.SpanKindInternal, from)
	step.fail(fault, "")
	step.end()
}

// Pass gives a request the span as the parent of what its receiver does.
func (s Span) Pass(h http.Header) {
	if !s.Recorded() {
		return
	}
	own := s.headers()
	h["Traceparent"] = []string{own.parent}
	delete(h, "Tracestate")
	if own.state != "" {
		h["Tracestate"] = []string{own.state}
	}
}

func (s Span) child(name string, kind trace.SpanKind, at time.Time) Span {
	return s.tracer.begin(beginning{name: name, kind: kind, at: at, parent: s.of.SpanContext()})
}

// fail marks a span, unless the fault is "".
func (s Span) fail(fault, detail string) {
	if s.Recorded() && fault != "" {
		s.of.SetAttributes(semconv.ErrorTypeKey.String(fault))
		s.of.SetStatus(codes.Error, detail)
	}
}

func (s Span) end() {
	if s.Recorded() {
		s.of.End()
	}
}

func (s Span) headers() (h headers) {
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), s.of.SpanContext()), &h)
	return h
}
