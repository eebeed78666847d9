package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// Stats counts what waits: entries and queued events exactly, what lags in the topics
// by its sequences.
func (d *Dispatcher) Stats() delivery.Stats { return d.count(func(string, waitsOf) {}) }

// waitsOf is what waits for one endpoint.
type waitsOf struct {
	deliveries int64
	oldest     time.Duration
	longest    delivery.Cause // what the oldest waits for
}

// count also hands over what waits for each endpoint.
func (d *Dispatcher) count(each func(endpoint string, w waitsOf)) delivery.Stats {
	st := delivery.Stats{Pending: map[string]int64{}, OldestOf: map[string]time.Duration{}}
	for _, cause := range delivery.Causes() {
		if cause != delivery.WaitsRunning {
			st.Pending[string(cause)], st.OldestOf[string(cause)] = 0, 0
		}
	}
	now := time.Now()
	for _, s := range d.owned.all() {
		st.Shards++
		s.mu.Lock()
		for _, l := range s.lanes {
			w := laneView{l}.count(&st, now)
			if w.oldest > st.Oldest {
				st.Oldest, st.Longest = w.oldest, w.longest
			}
			each(l.ep.Name, w)
		}
		s.mu.Unlock()
	}
	st.Lag = d.live.Lag()
	return st
}

func (l laneView) count(st *delivery.Stats, now time.Time) (w waitsOf) {
	add := func(cause delivery.Cause, n int64, since time.Time, first bool) {
		st.Pending[string(cause)] += n
		w.deliveries += n
		if since.IsZero() {
			return
		}
		age := now.Sub(since)
		if age > w.oldest {
			w.oldest, w.longest = age, cause
		}
		if first || cause != delivery.WaitsLimited {
			st.OldestOf[string(cause)] = max(st.OldestOf[string(cause)], age)
		}
	}
	for _, d := range l.waiting {
		add(l.standing(d, 0, now).Waits, 1, d.Created, d.Number == 1)
	}
	fresh := int64(l.fresh)
	for d := range l.inOrder() {
		if d.entry == unwritten {
			if d.job != nil { // it waits for the replay, like all that has not begun
				continue
			}
			fresh--
		}
		add(l.standing(d, 0, now).Waits, 1, d.Created, true)
	}
	if l.skipForgotten(); l.queue.len() > 0 {
		first := *l.queue.front()
		add(l.standing(first, 0, now).Waits, fresh, first.Created, true)
	}
	for _, j := range l.jobs {
		for _, d := range j.waiting {
			add(l.standing(d, 0, now).Waits, 1, d.Created, true)
		}
		cause := l.stopped()
		switch {
		case cause != "":
		case !l.breaker.closed():
			cause = delivery.WaitsBreaker
		default:
			cause = delivery.WaitsReplay
		}
		n := int64(j.fresh)
		for _, c := range j.ranges {
			n += c.left(bus.Position{})
		}
		add(cause, n, j.since(), true)
	}
	if b := l.behind(); b != nil {
		cause := l.stopped()
		switch {
		case cause != "":
		case !l.breaker.closed():
			cause = delivery.WaitsBreaker
		default:
			cause = delivery.WaitsBehind
		}
		add(cause, b.Events, b.Oldest, true)
	}
	return w
}
