package dispatch

import (
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
)

// What Hookspan tells of deliveries lies on topics, so endpoints may be fed it. Two rules keep it
// from telling of itself without end, also in a circle of several endpoints or installations: a
// delivery of such an event that fails makes no other one, and nothing that is told about an
// endpoint is for that endpoint.

// judge says what an event is to an endpoint, which its list, the event's place and the event itself
// decide, and nothing that changes.
func (d *Dispatcher) judge(ep *endpoint.Endpoint, m *bus.Message) (endpoint.Verdict, error) {
	if m.Fault != "" || delivery.IsMark(m.Event) {
		return endpoint.NotTaken, nil
	}
	v, err := ep.Judge(m)
	if v != endpoint.NotTaken && d.conf.telling().About(m) == ep.Name {
		return endpoint.NotTaken, nil
	}
	return v, err
}

// IsFor reports whether an event is for an endpoint.
func (d *Dispatcher) IsFor(ep *endpoint.Endpoint, m *bus.Message) bool {
	v, _ := d.judge(ep, m)
	return v == endpoint.Taken
}

func (l *lane) judge(m *bus.Message) (endpoint.Verdict, error) {
	if !l.ep.LooksInside() {
		return l.shard.d.judge(l.ep, m)
	}
	began := time.Now()
	v, err := l.shard.d.judge(l.ep, m)
	now := time.Now()
	l.toll.pay(now.Sub(began), now)
	return v, err
}

func (c *Config) telling() delivery.Telling {
	return delivery.Telling{Dead: c.DeadTopic, Ops: c.OpsTopic}
}

// tells reports whether a delivery is of a report. What an earlier version kept says it by its topic
// or, once it is read, by the event.
func (c *Config) tells(x *pendingDelivery) bool {
	return c.isReport(&x.Event) || x.event != nil && delivery.IsReport(x.event)
}

func (c *Config) isReport(e *delivery.EventRef) bool {
	return e.Report || e.Topic == c.DeadTopic || e.Topic == c.OpsTopic
}

// Extensions of a dead letter.
const (
	deadEndpoint = delivery.ExtensionEndpoint
	deadDelivery = delivery.ExtensionDelivery
	deadReason   = delivery.ExtensionReason
	deadAttempts = delivery.ExtensionAttempts
	deadTopic    = delivery.ExtensionTopic
)

func deadLetter(ep *endpoint.Endpoint, d *pendingDelivery, why delivery.Ended) *event.Event {
	e := *d.event
	e.Extensions = slices.DeleteFunc(slices.Clone(e.Extensions), func(x event.Extension) bool { return x.Name == deadAttempts })
	e.SetExtension(deadEndpoint, ep.Name)
	e.SetExtension(deadDelivery, d.ID)
	e.SetExtension(deadReason, string(why))
	if d.Event.Topic != "" {
		e.SetExtension(deadTopic, event.Clean(d.Event.Topic))
	}
	e.Extensions = append(e.Extensions, event.Extension{Name: deadAttempts, Value: itoa(d.Number), Kind: event.Integer})
	return &e
}
