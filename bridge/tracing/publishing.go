package tracing

import (
	"sync/atomic"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookspan/hookspan/bridge/event"
)

// A Publishing is one event of a request on its way to the bus. Nil is one that is not recorded.
type Publishing struct {
	span Span
	sent atomic.Int64 // when it had its place, in ns; 0 until then
}

// Publish begins the span of an event that goes to a topic. The event names it from now on,
// unless it came with a traceparent of its own: that one names what caused the event, and the
// span links to it.
func (s Span) Publish(topic string, e *event.Event, own bool) *Publishing {
	if !s.Recorded() {
		s.unrecorded(e)
		return nil
	}
	b := beginning{name: "publish " + topic, kind: trace.SpanKindProducer, at: time.Now(), parent: s.of.SpanContext()}
	if cause := parse(e.Extension(parentName)); own && cause.IsValid() {
		b.links = []trace.Link{{SpanContext: with(cause, e.Extension(stateName))}}
	} else {
		own = false // nobody can read it
	}
	p := &Publishing{span: s.tracer.begin(b)}
	if !p.span.Recorded() {
		return nil
	}
	p.span.describe(topic, e)
	p.span.of.SetAttributes(semconv.MessagingOperationName("publish"), semconv.MessagingOperationTypeSend)
	if !own {
		carry(e, p.span.of.SpanContext())
	}
	return p
}

// unrecorded has an event agree with its request, which is not recorded. As a rule it does
// without a word: it names the sender's trace, or begins the one that was drawn for. What has
// come to be another event, and the others of a batch, might be recorded by themselves: they are
// told of the request's trace.
func (s Span) unrecorded(e *event.Event) {
	if s.tracer == nil || parse(e.Extension(parentName)).IsValid() {
		return
	}
	if _, recorded := s.tracer.ParentOf(e); recorded {
		carry(e, spanOf(s.id))
	}
}

// Sent says that the event has its place, and waits to be durable.
func (p *Publishing) Sent() { p.sent.Store(time.Now().UnixNano()) }

// End ends the span. A fault says, by a word of a closed set, why the event is not durable.
func (p *Publishing) End(fault string) {
	if sent := p.sent.Load(); sent != 0 {
		p.span.Step("durable", time.Unix(0, sent), fault)
	}
	p.span.fail(fault, "")
	p.span.end()
}

// describe says which event it is and where it lies.
func (s Span) describe(topic string, e *event.Event) {
	s.of.SetAttributes(
		s.tracer.system, semconv.MessagingDestinationName(topic), semconv.MessagingMessageBodySize(len(e.Data)),
		semconv.CloudEventsEventID(e.ID), semconv.CloudEventsEventSource(bare(e.Source)), semconv.CloudEventsEventType(e.Type),
	)
}
