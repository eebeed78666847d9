package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A Cause says why a pending delivery is not attempted now, or that it is; a closed set.
type Cause string

const (
	WaitsRetry    Cause = "retry"   // for its time in the schedule
	WaitsOrder    Cause = "order"   // for another one of its key
	WaitsLimited  Cause = "limited" // for its turn: a hold, the rate, the attempts that run, the members of its batch
	WaitsBreaker  Cause = "breaker"
	WaitsPaused   Cause = "paused"
	WaitsDisabled Cause = "disabled"
	WaitsBehind   Cause = "behind" // its endpoint's reader has not come to it
	WaitsReplay   Cause = "replay"
	WaitsRunning  Cause = "running" // its attempt is being made, or recorded
)

// Causes lists the closed set.
func Causes() []Cause {
	return []Cause{
		WaitsRetry, WaitsOrder, WaitsLimited, WaitsBreaker, WaitsPaused, WaitsDisabled, WaitsBehind, WaitsReplay, WaitsRunning,
	}
}

// A Standing is where a pending delivery stands.
type Standing struct {
	Waits Cause
	Until time.Time // as far as it is known
	Due   time.Time // of its next attempt, zero when it waits for its first or runs
}

// A Waiting is a pending delivery and where it stands.
type Waiting struct {
	Entry
	Standing
}

// Standing says where a delivery of a shard that this process owns stands; false for one that
// is not pending here.
func (d *Dispatcher) Standing(endpointID, delivery string) (st Standing, ok bool) {
	s := d.shard(ShardOf(endpointID, d.total()))
	if s == nil {
		return st, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.known[delivery]
	if x == nil || x.status == final || x.status == forgotten {
		return st, false
	}
	return x.lane.standing(x, x.lane.turn(x), time.Now()), true
}

// Waiting lists the pending deliveries of the shards that this process owns, as wanted, in no
// order. wants must not keep what it is shown.
func (d *Dispatcher) Waiting(wants func(*Entry) bool) (all []Waiting) {
	now := time.Now()
	for _, s := range d.shards() {
		s.mu.Lock()
		for _, l := range s.lanes {
			all = l.list(all, wants, now)
		}
		s.mu.Unlock()
	}
	return all
}

func (l *lane) list(all []Waiting, wants func(*Entry) bool, now time.Time) []Waiting {
	take := func(d *delivery, turn int) {
		if wants(&d.Entry) {
			w := Waiting{d.Entry, l.standing(d, turn, now)}
			w.Event = w.Event.compact()
			all = append(all, w)
		}
	}
	for d := range l.running {
		take(d, 0)
	}
	for _, d := range l.waiting {
		take(d, 0)
	}
	turn := 0
	for _, d := range l.queue.all() {
		if d.status == queued {
			take(d, turn)
			turn++
		}
	}
	return all
}

// turn is how many first attempts are to be made before a delivery's.
func (l *lane) turn(d *delivery) (before int) {
	if d.status != queued {
		return 0
	}
	for _, x := range l.queue.all() {
		if x == d {
			break
		}
		if x.status == queued {
			before++
		}
	}
	return before
}

// stopped is why the lane makes no attempt at all; "" where it may.
func (l *lane) stopped() Cause {
	switch {
	case l.ep.State == endpoint.Paused, l.ep.State == endpoint.Removed:
		return WaitsPaused
	case l.ep.State == endpoint.Disabled, l.disabled > l.ep.Revision:
		return WaitsDisabled
	}
	return ""
}

// standing of a delivery that so many others are in front of.
func (l *lane) standing(d *delivery, turn int, now time.Time) (st Standing) {
	if d.status == running {
		return Standing{Waits: WaitsRunning, Until: d.began.Add(l.ep.Timeout)}
	}
	if d.status == waiting {
		if st.Due = d.Due; l.hold.until.After(st.Due) {
			st.Due = l.hold.until
		}
	}
	switch at := l.opens().Add(time.Duration(turn) * l.limit.interval); {
	case l.stopped() != "":
		st.Waits = l.stopped()
	case d.status == waiting && d.Due.After(now) && !l.hold.until.After(d.Due), d.retry:
		st.Waits, st.Until = WaitsRetry, d.Due
	case at.After(now):
		st.Waits, st.Until = WaitsLimited, at
	default:
		st.Waits = WaitsLimited
		if size, wait := l.outbound.batch(); size > 1 && d.status == queued && d.at.Add(wait).After(now) {
			st.Until = d.at.Add(wait)
		}
	}
	return st
}
