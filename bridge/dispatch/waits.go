package dispatch

import (
	"maps"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// Standing says where a delivery of a shard that this process owns stands; false for one that
// is not pending here.
func (d *Dispatcher) Standing(endpointID, id string) (st delivery.Standing, ok bool) {
	s := d.owned.shard(delivery.ShardOf(endpointID, d.owned.total()))
	if s == nil {
		return st, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.known[id]
	if x == nil || x.status == final || x.status == forgotten {
		return st, false
	}
	l := laneView{x.lane}
	return l.standing(x, l.before(x), time.Now()), true
}

// Read is how far the events that were published were looked at for an endpoint of a shard that this
// process owns; nil for another's.
func (d *Dispatcher) Read(endpointID string) bus.Positions {
	s := d.owned.shard(delivery.ShardOf(endpointID, d.owned.total()))
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	read := maps.Clone(s.read)
	if l := s.lanes[endpointID]; l != nil {
		for p, pl := range l.feeds {
			read[p] = later(read[p], pl.since)
		}
	}
	return read
}

// Waiting lists the pending deliveries of the shards that this process owns, as wanted, in no
// order. wants must not keep what it is shown.
func (d *Dispatcher) Waiting(wants func(*delivery.Entry) bool) (all []delivery.Waiting) {
	now := time.Now()
	for _, s := range d.owned.all() {
		s.mu.Lock()
		for _, l := range s.lanes {
			all = laneView{l}.list(all, wants, now)
		}
		s.mu.Unlock()
	}
	return all
}

// A laneView says what waits in a lane, and why. It changes nothing.
type laneView struct{ *lane }

func (l laneView) list(all []delivery.Waiting, wants func(*delivery.Entry) bool, now time.Time) []delivery.Waiting {
	take := func(d *pendingDelivery, before int) {
		if wants(d.Entry) {
			w := delivery.Waiting{Entry: *d.Entry, Standing: l.standing(d, before, now)}
			w.Event = w.Event.Compact()
			all = append(all, w)
		}
	}
	for d := range l.running {
		take(d, 0)
	}
	for _, d := range l.waiting {
		take(d, 0)
	}
	for d := range l.inOrder() {
		take(d, 0)
	}
	before := 0
	for _, d := range l.queue.all() {
		if d.status == queued {
			take(d, before)
			before++
		}
	}
	for _, j := range l.jobs {
		for _, d := range j.waiting {
			take(d, 0)
		}
		for _, d := range j.queue.all() {
			if d.status == queued {
				take(d, 0)
			}
		}
	}
	return all
}

// before is how many first attempts are to be made before a delivery's.
func (l laneView) before(d *pendingDelivery) (n int) {
	if d.status != queued || d.job != nil {
		return 0
	}
	for _, x := range l.queue.all() {
		if x == d {
			break
		}
		if x.status == queued {
			n++
		}
	}
	return n
}

// stopped is why the lane makes no attempt at all; "" where it may.
func (l laneView) stopped() delivery.Cause {
	switch {
	case l.ep.State == endpoint.Paused, l.ep.State == endpoint.Removed:
		return delivery.WaitsPaused
	case l.ep.State == endpoint.Disabled, l.disabled > l.ep.Revision:
		return delivery.WaitsDisabled
	}
	return ""
}

// held is until when nothing is sent, whatever the limits allow.
func (l laneView) held() time.Time {
	if l.breaker.state == delivery.BreakerOpen && l.breaker.next.After(l.hold.until) {
		return l.breaker.next
	}
	return l.hold.until
}

// standing of a delivery that so many first attempts come before.
func (l laneView) standing(d *pendingDelivery, before int, now time.Time) delivery.Standing {
	return l.turn(d, before, now).Within(d.ends()).At(now)
}

// turn is where a delivery stands that never ends by itself.
func (l laneView) turn(d *pendingDelivery, before int, now time.Time) (st delivery.Standing) {
	if d.status == running || d.status == expiring {
		return delivery.Standing{Waits: delivery.WaitsRunning, Until: d.began.Add(l.ep.Timeout)}
	}
	if d.status == waiting || d.status == asked {
		if st.Due = d.Due; l.held().After(st.Due) {
			st.Due = l.held()
		}
		if room := l.quota.ready(0); room.After(st.Due) {
			st.Due = room
		}
	}
	size, _ := l.outbound.batch()
	switch at := l.allowed(before / max(size, 1)); {
	case l.stopped() != "":
		st.Waits = l.stopped()
	case d.status == ordered:
		st.Waits, st.Until = delivery.WaitsOrder, l.heldUntil(d, now)
	case d.status == waiting && d.Due.After(now) && st.Due.Equal(d.Due), d.status == asked:
		st.Waits, st.Until = delivery.WaitsRetry, d.Due
	case !l.breaker.closed():
		st.Waits, st.Until = delivery.WaitsBreaker, l.broken()
	case d.job != nil && !(d.status == waiting && at.After(now)): // for what topics have brought, for its own rate, or until it is resumed
		st.Waits, st.Until = delivery.WaitsReplay, l.hold.until
	default:
		st.Waits, st.Until = delivery.WaitsLimited, at
		if whole := l.gathered(d); whole.After(at) {
			st.Until = whole
		}
	}
	return st
}

// gathered is when the batch goes that a delivery is in, whatever it has by then; zero where it is in
// none, or in one that is full.
func (l laneView) gathered(d *pendingDelivery) time.Time {
	size, wait := l.outbound.batch()
	if size <= 1 || l.fresh >= size || d.status != queued || d.job != nil {
		return time.Time{}
	}
	first := slices.IndexFunc(l.queue.all(), func(x *pendingDelivery) bool { return x.status == queued })
	return l.queue.all()[first].Created.Add(wait)
}
