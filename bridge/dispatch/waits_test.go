package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// standing of an event's delivery, as somebody who looks it up is told.
func (r *rig) standing(n int) delivery.Standing {
	r.t.Helper()
	id := dispatchtest.Event(n, "").ID
	all := r.d.Waiting(func(e *delivery.Entry) bool { return e.Event.ID == id })
	if len(all) != 1 {
		r.t.Fatalf("event %d is found %d times", n, len(all))
	}
	st, ok := r.d.Standing(all[0].Endpoint, all[0].ID)
	if !ok || st != all[0].Standing {
		r.t.Errorf("event %d: by its id %+v %v, in the list %+v", n, st, ok, all[0].Standing)
	}
	return st
}

func TestStandingSaysWhyAndUntilWhen(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency, e.Timeout = 1, 10*second })
		wants := func(n int, waits delivery.Cause, until, due time.Time) {
			t.Helper()
			if st := r.standing(n); st != (delivery.Standing{Waits: waits, Until: until, Due: due}) {
				t.Errorf("event %d: %+v, want %s until %v, due %v", n, st, waits, until, due)
			}
		}
		var none time.Time
		r.out.holds(true)
		begun := time.Now()
		r.publish(1, 2, "a")
		r.feed()
		wants(1, delivery.WaitsRunning, begun.Add(10*second), none)
		wants(2, delivery.WaitsLimited, none, none) // the one attempt at a time runs
		r.answer(500, 1)
		r.answer(200, 2)
		due := r.s.known[r.entry(1)].Due
		wants(1, delivery.WaitsRetry, due, due)

		r.s.mu.Lock()
		l.hold.until = due.Add(second)
		r.s.mu.Unlock()
		wants(1, delivery.WaitsLimited, due.Add(second), due.Add(second))
		r.publish(3, 3, "a")
		r.feed()
		wants(3, delivery.WaitsLimited, due.Add(second), none)
		r.s.mu.Lock()
		l.hold = hold{}
		r.s.mu.Unlock()

		for state, waits := range map[endpoint.State]delivery.Cause{endpoint.Paused: delivery.WaitsPaused, endpoint.Disabled: delivery.WaitsDisabled} {
			_, err := r.reg.SetState(t.Context(), l.ep.ID, state, "")
			r.must(err)
			r.apply()
			wants(1, waits, none, due)
			if n := r.d.Note(l.ep.ID); n.Behind == nil || n.Behind.Events != 1 || n.Behind.About {
				t.Errorf("%s: %+v, want the one event that was not begun", state, n.Behind)
			}
		}
	})
}

func TestStandingUnderARate(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", func(e *endpoint.Endpoint) { e.Rate = endpoint.Rate{PerSecond: 0.1, Burst: 1} })
		began := time.Now()
		r.publish(1, 3, "a")
		r.feed()
		for n := 1; n <= 3; n++ {
			if st := r.standing(n); st.Waits != delivery.WaitsLimited || !st.Until.Equal(began.Add(time.Duration(n)*10*second)) {
				t.Errorf("event %d: %+v, want limited until its turn in %d0 s", n, st, n)
			}
		}
	})
}

// A batch goes when its first member has waited for it.
func TestStandingInABatch(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", inBatches("3"))
		first := time.Now()
		r.publish(1, 1, "a")
		r.feed()
		elapse(20 * second)
		r.publish(2, 2, "a")
		r.feed()
		for n := 1; n <= 2; n++ {
			if st := r.standing(n); st.Waits != delivery.WaitsLimited || !st.Until.Equal(first.Add(time.Minute)) {
				t.Errorf("event %d: %+v, want limited until %v", n, st, first.Add(time.Minute))
			}
		}
	})
}

// Under a rate a batch is one request.
func TestStandingOfBatchesUnderARate(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", func(e *endpoint.Endpoint) {
			inBatches("2")(e)
			e.Rate = endpoint.Rate{PerSecond: 0.01, Burst: 1}
		})
		began := time.Now()
		r.publish(1, 3, "a")
		r.feed()
		for n, wait := range []time.Duration{100, 100, 200} {
			if st := r.standing(n + 1); st.Waits != delivery.WaitsLimited || !st.Until.Equal(began.Add(wait*second)) {
				t.Errorf("event %d: %+v, want limited for %d s", n+1, st, wait)
			}
		}
	})
}

func inBatches(size string) func(*endpoint.Endpoint) {
	return func(e *endpoint.Endpoint) {
		e.Content, e.Options = "batch", map[string]string{"batch_size": size, "batch_wait": "1m"}
	}
}

// What waits for another one of its key waits as long as that one does.
func TestStandingBehindAnotherThatIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", byType)
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.feed()
		r.answer(500, 1)
		due := r.s.known[r.entry(1)].Due
		for held, until := range map[time.Time]time.Time{due.Add(time.Hour): due.Add(time.Hour), due.Add(-second): due} {
			r.s.mu.Lock()
			l.hold = hold{until: held, by: delivery.HeldByRetryAfter}
			r.s.mu.Unlock()
			if st := r.standing(2); st.Waits != delivery.WaitsOrder || !st.Until.Equal(until) {
				t.Errorf("held until %v: %+v, want it to wait for its order until %v", held, st, until)
			}
		}
	})
}

// A replay has no end that is known, but the hold of its endpoint has.
func TestStandingOfAReplayUnderAHold(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.publish(1, 2, "a")
		r.feed()
		r.out.holds(true)
		r.replay(l, 1, 2, func(p *delivery.Replay) { p.Rate = "0.001/s" })
		r.goesOn()
		wants := func(until time.Time) {
			t.Helper()
			all := r.d.Waiting(func(e *delivery.Entry) bool { return e.Event.ID == dispatchtest.Event(2, "").ID })
			if len(all) != 1 || all[0].Waits != delivery.WaitsReplay || !all[0].Until.Equal(until) {
				t.Errorf("%+v, want it to wait for the replay until %v", all, until)
			}
		}
		wants(time.Time{})
		held := time.Now().Add(time.Hour)
		r.s.mu.Lock()
		l.hold = hold{until: held, by: delivery.HeldByRetryAfter}
		r.s.mu.Unlock()
		wants(held)
	})
}

// A retry is as old as its event, which is no sign that anything is late.
func TestAgesAreToldByReason(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency = 1 })
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.feed()
		r.answer(500, 1) // the second one runs from here on
		elapse(5 * second)
		r.publish(3, 3, "a")
		r.feed()
		elapse(second)
		st := r.d.Stats()
		age := func(waits string) time.Duration { return st.OldestOf[waits].Truncate(second) }
		if st.Oldest.Truncate(second) != 6*second || st.Longest != delivery.WaitsRetry || age("retry") != 6*second || age("limited") != second || age("behind") != 0 {
			t.Errorf("ages %v, %v in all (%s)", st.OldestOf, st.Oldest, st.Longest)
		}
		if st.Pending["retry"] != 1 || st.Pending["limited"] != 1 {
			t.Errorf("pending %v", st.Pending)
		}
	})
}

// entry is the id of an event's delivery to the one endpoint.
func (r *rig) entry(n int) string {
	for _, m := range r.store.Kept(part) {
		if m.Event.ID == dispatchtest.Event(n, "").ID {
			for _, l := range r.s.lanes {
				return delivery.EntryOf(l.ep.ID, &m).ID
			}
		}
	}
	r.t.Fatalf("event %d is not stored", n)
	return ""
}

// pendingEntry is the delivery of an event as the shard has it.
func (r *rig) pendingEntry(n int) delivery.Entry {
	r.t.Helper()
	for _, w := range r.d.Waiting(func(e *delivery.Entry) bool { return e.Event.Seq == int64(n) }) {
		return w.Entry
	}
	r.t.Fatalf("event %d is not pending", n)
	return delivery.Entry{}
}
