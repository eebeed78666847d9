package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/transform"
)

// topics are read with whose each event is, and with traces, where those are made.
func (d *Dispatcher) topics() bus.Topics {
	owned := tenantTopics{d.store, d.ascribe}
	if d.conf.Tracer == nil {
		return owned
	}
	return tracedTopics{owned, d.conf.Tracer}
}

type tracedTopics struct {
	bus.Topics
	tracer *tracing.Tracer
}

// Follow implements bus.Topics: every message that is handed over has its reading, as long as
// deliver runs.
func (t tracedTopics) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	var readings []tracing.Reading // of one batch after the other
	return t.Topics.Follow(ctx, p, after, func(messages []bus.Message) error {
		now := time.Now()
		readings = slices.Grow(readings[:0], len(messages))[:len(messages)]
		for i := range messages {
			readings[i] = t.tracer.Read(now)
			messages[i].Reading = &readings[i]
		}
		defer func() {
			for i := range readings {
				readings[i].End()
			}
			clear(readings)
		}()
		return deliver(messages)
	})
}

// taken is what the attempts of an event are children of that an endpoint takes.
func taken(m *bus.Message) *tracing.Parent {
	if m.Reading == nil {
		return nil
	}
	return m.Reading.Taken(tracing.Place{Topic: m.Topic, Partition: string(m.Partition), Sequence: m.Position.Seq}, m.Event)
}

// span begins that of the attempt, if it is recorded. What is not in memory any more since the
// event was read, as after a takeover, is told by the event.
func (a attempt) span(group []*pendingDelivery, now time.Time, made *transform.Request) tracing.Span {
	t := a.shard.d.conf.Tracer
	if t == nil {
		return tracing.Span{}
	}
	var parents []tracing.Parent
	for _, d := range group {
		if d.trace != nil {
			parents = append(parents, *d.trace)
		} else if p, recorded := t.ParentOf(d.event); recorded {
			parents = append(parents, p)
		}
	}
	if len(parents) == 0 {
		return tracing.Span{}
	}
	first, to := group[0], a.out.address(made)
	return t.Attempt(tracing.Attempt{
		Endpoint: a.ep.Name, Method: to.Method, URL: to.URL, Delivery: first.ID, Batch: first.Batch, Event: first.event, Events: len(group),
		Number: first.Number, Began: now, Parents: parents,
	})
}

// traceparent names the attempt, or what its event names where it is not recorded.
func traceparent(s tracing.Span, e *event.Event) string {
	if s.Recorded() {
		return s.Traceparent()
	}
	return e.Extension("traceparent")
}
