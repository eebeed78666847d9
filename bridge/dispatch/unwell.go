package dispatch

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/bridge/ops"
)

// An endpoint of which operators were told something bad is unwell until its next success, which
// they are told, too. It stays so through takeovers: in deltas, and by the journal for what was
// told after the last one.

const opsRecovered = string(ops.EndpointRecovered)

// report tells operators of something bad. The endpoint is unwell once that is told: a success in
// between would be told before it, and nobody would hear of the end.
func (a attempt) report(e *event.Event) {
	if e == nil {
		return
	}
	a.shard.d.ops(e)
	a.shard.mu.Lock()
	defer a.shard.mu.Unlock()
	a.lane.hold.ails(e.Time)
}

// ails: something bad was told at that time.
func (h *hold) ails(at time.Time) {
	if h.unwell.IsZero() {
		h.unwell = at
	}
}

// recovered takes in a success. What was on its way to an endpoint that gets nothing more says
// nothing about it. The shard's mutex is held.
func (a attempt) recovered(ended time.Time) {
	l := a.lane
	since := l.hold.unwell
	if since.IsZero() || l.closed || l.blocked() || l.disabled > l.ep.Revision {
		return
	}
	l.hold.unwell = time.Time{}
	d, ep := a.shard.d, l.ep
	d.background.Go(func() {
		d.log.Info("endpoint recovered", slog.String("endpoint", ep.Name), logline.Took(ended.Sub(since)))
		told := d.ops(opsEvent(opsRecovered, ep.ID+"/"+strconv.FormatInt(ended.UnixNano(), 36), ep, ops.Recovered{
			AboutEndpoint: opsEndpoint{Endpoint: ep.ID, Name: ep.Name, Reason: "an attempt succeeded"}, Since: since.UTC(),
		}))
		if !told { // the next success is
			l.shard.mu.Lock()
			defer l.shard.mu.Unlock()
			l.hold.ails(since)
		}
	})
}

// ailing takes up whether an endpoint is unwell, where the journal or the registry knows more than
// the last delta.
func (was *loaded) ailing(ep *endpoint.Endpoint) {
	id := ep.ID
	held := was.Held[id]
	well := was.past.Well[id]
	if !well.IsZero() && well.UnixNano() > held.Unwell {
		held.Unwell = 0
	}
	ended, some := was.past.Unsuccessful[id]
	told := some && !was.shard.d.conf.isReport(&ended.Event) &&
		(ended.Ended == delivery.EndedExhausted || ended.Ended == delivery.EndedExpired)
	switch {
	case held.Unwell != 0:
	case told && ended.Received.After(well):
		held.Unwell = ended.Received.UnixNano()
	case ep.State == endpoint.Disabled:
		held.Unwell = ep.Updated.UnixNano()
	}
	if held != was.Held[id] {
		was.Held[id] = held
	}
}

// nearlyFull tells operators that events are purged before their retention is over. Whoever tells it
// again within the hour, after a takeover, does so under the same id.
func (d *Dispatcher) nearlyFull(room bus.Room) {
	now := time.Now()
	d.log.Warn("event store nearly full", slog.Int64("used_bytes", room.Used), slog.Int64("limit_bytes", room.Limit))
	e := ops.New(ops.StoreNearlyFull, strconv.FormatInt(now.Truncate(time.Hour).Unix(), 36), "", ops.StoreOf(room))
	d.background.Go(func() { d.ops(e) })
}
