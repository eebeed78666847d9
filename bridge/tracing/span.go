package tracing

import (
	"net/http"
	"time"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// A Span may be recorded or not; the zero Span is not.
type Span struct {
	tracer *Tracer
	of     trace.Span    // nil: it is not recorded
	id     trace.TraceID // of one that is not recorded, where its events may need it
}

// Recorded reports whether the span is.
func (s Span) Recorded() bool { return s.of != nil }

// Traceparent names the span as W3C Trace Context does; "" where nothing is recorded.
func (s Span) Traceparent() string {
	if !s.Recorded() {
		return ""
	}
	return traceparent(s.of.SpanContext())
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
	h["Traceparent"] = []string{s.Traceparent()}
	delete(h, "Tracestate")
	if state := s.of.SpanContext().TraceState().String(); state != "" {
		h["Tracestate"] = []string{state}
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
