package dispatch

import (
	"errors"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// turnAway tells, by a record of the journal, that a filter of the endpoint failed on an event. The
// event is not for the endpoint: no delivery is begun, and no load takes the record for the end of
// one, since a period that is learned of later may take the event. But positions pass the event
// only once the record is acknowledged, so that every such event has one.
func (s *shard) turnAway(l *lane, m *bus.Message, failed error, out *fifo[handed], before bus.Position) {
	ref := delivery.RefOf(m)
	id := delivery.ID(l.ep.ID, &ref)
	if d := s.known[id]; d != nil { // somebody had it sent by hand
		out.push(handed{d, before})
		return
	}
	now := time.Now()
	d := &pendingDelivery{
		Entry: &delivery.Entry{ID: id, Endpoint: l.ep.ID, Event: ref.Compact(), Number: 1, Due: now, Created: now},
		lane:  l, heapIndex: -1, own: true, status: running, turnedAway: true,
	}
	out.push(handed{d, before})
	s.rec.add(outcome{d, d.ended(delivery.EndedFilterError, failed.Error())})
}

// tellTurnedAway counts and logs such a record, now that it is durable.
func (d *Dispatcher) tellTurnedAway(a *delivery.Attempt) {
	if a.Ended != delivery.EndedFilterError {
		return
	}
	d.metrics.ended(delivery.Discarded, a.Ended, 1)
	name := a.Endpoint
	if ep := d.registry.Set().ByID(a.Endpoint); ep != nil {
		name = ep.Name
	}
	d.trouble.WarnOf(name, "filter failed, event not delivered", errors.New(a.Detail),
		slog.String("delivery", a.Delivery), slog.String("event", a.Event.ID), slog.String("type", a.Event.Type),
		slog.String("outcome", string(a.Outcome)), slog.String("reason", string(a.Ended)))
}
