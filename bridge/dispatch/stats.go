package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// Stats counts what waits: entries and queued events exactly, what lags in the topics
// by its sequences.
func (d *Dispatcher) Stats() delivery.Stats {
	st := delivery.Stats{Pending: map[string]int64{}}
	for _, cause := range delivery.Causes() {
		if cause != delivery.WaitsRunning {
			st.Pending[string(cause)] = 0
		}
	}
	now := time.Now()
	for _, s := range d.owned.all() {
		st.Shards++
		s.mu.Lock()
		for _, l := range s.lanes {
			laneView{l}.count(&st, now)
		}
		s.mu.Unlock()
	}
	st.Lag = d.live.Lag()
	return st
}

func (l laneView) count(st *delivery.Stats, now time.Time) {
	for _, d := range l.waiting {
		st.Pending[string(l.standing(d, 0, now).Waits)]++
		st.Oldest = max(st.Oldest, now.Sub(d.Created))
	}
	if l.fresh > 0 {
		l.skipForgotten()
		cause := l.standing(*l.queue.front(), 0, now).Waits
		st.Pending[string(cause)] += int64(l.fresh)
		st.Oldest = max(st.Oldest, now.Sub((*l.queue.front()).Created))
	}
	if b := l.behind(); b != nil {
		cause := l.stopped()
		if cause == "" {
			cause = delivery.WaitsBehind
		}
		st.Pending[string(cause)] += b.Events
		if !b.Oldest.IsZero() {
			st.Oldest = max(st.Oldest, now.Sub(b.Oldest))
		}
	}
}
