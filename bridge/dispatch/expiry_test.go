package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

const age = 90 * second

func aged(e *endpoint.Endpoint) { e.MaxAge = age }

// publishUntil stores an event that says itself from when on it is of no use.
func (r *rig) publishUntil(n int, end time.Time) {
	e := dispatchtest.Event(n, "a")
	e.SetExtension("expirytime", end.UTC().Format(time.RFC3339Nano))
	r.store.Publish(part, e)
}

// end is how an event's delivery ended, by the journal; nil while it goes on.
func (r *rig) end(n int) (last *delivery.Attempt) {
	r.t.Helper()
	id := dispatchtest.Event(n, "").ID
	r.must(r.store.Connect().ReadJournal(r.t.Context(), 0, 0, func(_ int64, data []byte) error {
		return delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
			if a.Event.ID == id && a.Outcome != "" {
				last = &a
			}
			return nil
		})
	}))
	return last
}

// endsAt fails unless an event's delivery waits until a moment, and expires then.
func (r *rig) endsAt(n int, at time.Time) {
	r.t.Helper()
	elapse(time.Until(at) - 10*time.Millisecond)
	if a := r.end(n); a != nil {
		r.t.Fatalf("event %d ended before its time: %+v", n, a)
	}
	elapse(10*time.Millisecond + settling)
	a := r.end(n)
	if a == nil || a.Outcome != delivery.Discarded || a.Ended != delivery.EndedExpired || a.Detail == "" || a.Received.Before(at) || a.Received.Sub(at) > settling {
		r.t.Fatalf("event %d at the end of its life: %+v, want expired at %v", n, a, at)
	}
}

// A retry that would come after the age is not made, nor waited for.
func TestAgeEndsWhatWaitsForARetry(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", aged)
		r.out.holds(true)
		stored := time.Now()
		r.publish(1, 1, "a")
		r.feed()
		r.answer(500, 1)
		elapse(time.Minute)
		r.answer(500, 1)
		r.step()
		if st := r.standing(1); st.Waits != delivery.WaitsRetry || !st.Until.Equal(stored.Add(age)) || !st.Due.IsZero() {
			t.Errorf("standing %+v, want it to wait for its end at %v and for no attempt", st, stored.Add(age))
		}
		r.endsAt(1, stored.Add(age))
		elapse(time.Hour)
		if r.posts(1) != 2 {
			t.Errorf("sent %d times, want the two attempts within its age", r.posts(1))
		}
		r.step()
		if n := len(r.logged().Entries); n != 0 || l.entries != 0 || len(l.mortals) != 0 {
			t.Errorf("%d entries in the log, %d counted, %d mortals", n, l.entries, len(l.mortals))
		}
	})
}

func TestExpiryEndsWhateverItWaitsFor(t *testing.T) {
	for name, stop := range map[string]func(r *rig, l *lane){
		"its turn": func(*rig, *lane) {},
		"a hold": func(r *rig, l *lane) {
			r.s.mu.Lock()
			defer r.s.mu.Unlock()
			l.hold.until = time.Now().Add(time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				l := r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency, e.Timeout = 1, time.Hour })
				r.out.holds(true)
				end := time.Now().Add(10 * second)
				r.publish(1, 1, "a")
				r.publishUntil(2, end.Add(10*second))
				r.publishUntil(3, end)
				r.publish(4, 4, "a")
				r.feed()
				stop(r, l)
				if st := r.standing(3); st.Waits != delivery.WaitsLimited || st.Until.IsZero() {
					t.Errorf("standing %+v, want limited until its end", st)
				}
				r.endsAt(3, end)
				r.endsAt(2, end.Add(10*second))
				r.s.mu.Lock()
				l.hold = hold{}
				r.s.mu.Unlock()
				r.answer(200, 1)
				r.answer(200, 4)
				if r.posts(2)+r.posts(3) != 0 || l.fresh != 0 || l.bytes != 0 {
					t.Errorf("sent %d and %d times; %d wait with %d bytes", r.posts(2), r.posts(3), l.fresh, l.bytes)
				}
				r.step()
				if at := r.logged().Positions[part]; at.Seq != 4 {
					t.Errorf("positions are at %d, want behind all", at.Seq)
				}
			})
		})
	}
}

func TestAgeEndsWhatAPausedEndpointHolds(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", aged)
		r.out.holds(true)
		stored := time.Now()
		r.publish(1, 1, "a")
		r.feed()
		r.answer(500, 1)
		_, err := r.reg.SetState(t.Context(), l.ep.ID, endpoint.Paused, "")
		r.must(err)
		r.apply()
		r.endsAt(1, stored.Add(age))
	})
}

// An attempt that runs is finished, whatever its event's age.
func TestAgeEndsNothingThatRuns(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", func(e *endpoint.Endpoint) { e.MaxAge, e.Timeout = second, time.Hour })
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.feed()
		elapse(5 * second)
		r.answer(200, 1)
		if a := r.end(1); a == nil || a.Outcome != delivery.Delivered {
			t.Errorf("delivered late: %+v", a)
		}
		r.answer(500, 2)
		elapse(settling)
		if a := r.end(2); a == nil || a.Ended != delivery.EndedExpired {
			t.Errorf("failed late: %+v", a)
		}
	})
}

// A successor ends it at the same moment, whether it finds an entry or a record in the journal.
func TestAgeOutlivesItsOwner(t *testing.T) {
	for name, step := range map[string]bool{"in the log": true, "in the journal alone": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.register("crm", aged)
				r.out.holds(true)
				r.step()
				stored := time.Now()
				end := stored.Add(80 * second)
				r.publish(1, 1, "a")
				r.publishUntil(2, end)
				r.feed()
				elapse(40 * second)
				r.answer(500, 1, 2)
				if step {
					r.step()
				}
				r.takeover()
				r.endsAt(2, end)
				r.endsAt(1, stored.Add(age))
				if r.posts(1)+r.posts(2) != 0 {
					t.Error("sent again at the end of its life")
				}
			})
		})
	}
}

// What an earlier version kept says nothing of its event, which tells before the next attempt.
func TestLifeIsLearntFromTheEvent(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.out.holds(true)
		r.publishUntil(1, time.Now().Add(30*second))
		r.feed()
		r.answer(500, 1)
		r.s.mu.Lock()
		for _, d := range l.waiting {
			l.mortals.drop(d)
			d.draft().Life = nil
		}
		r.s.mu.Unlock()
		elapse(time.Minute + settling)
		if a := r.end(1); r.posts(1) != 1 || a == nil || a.Ended != delivery.EndedExpired {
			t.Errorf("sent %d times, ended %+v", r.posts(1), a)
		}
	})
}

// An edit holds for what waits already, both ways.
func TestAnotherAge(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Hour, time.Hour) })
		limit := func(age time.Duration) {
			r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.MaxAge = age })
			r.apply()
		}
		r.out.holds(true)
		stored := time.Now()
		r.publish(1, 1, "a")
		r.feed()
		r.answer(500, 1)
		for _, other := range []time.Duration{age, 3 * age, 0} {
			limit(other)
		}
		elapse(4 * age)
		if a := r.end(1); a != nil {
			t.Fatalf("ended by the age of before: %+v", a)
		}
		limit(5 * age)
		r.endsAt(1, stored.Add(5*age))
	})
}

// A retry by hand is made once at any age, by a successor too.
func TestRetryByHandAtAnyAge(t *testing.T) {
	for name, takeover := range map[string]bool{"here": false, "by a successor": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				l := r.register("crm", func(e *endpoint.Endpoint) {
					e.MaxAge, e.Schedule = age, endpoint.Waits(time.Minute, time.Minute, time.Minute, time.Minute, time.Minute, time.Minute)
				})
				r.out.holds(true)
				r.publish(1, 1, "a")
				r.feed()
				r.answer(500, 1)
				elapse(2 * age)
				r.answer(500, 1) // of the second attempt, which ran at the end of its age
				elapse(settling)
				if r.end(1) == nil {
					t.Fatal("it has not ended")
				}
				m := r.store.Kept(part)[0]
				e := delivery.EntryOf(l.ep.ID, &m)
				e.Number = 3
				r.command(delivery.RetryNow, e)
				r.step()
				if takeover {
					r.takeover() // whose attempts succeed
					elapse(second)
					if a := r.end(1); r.posts(1) != 1 || a.Outcome != delivery.Delivered {
						t.Errorf("the successor has sent it %d times: %+v", r.posts(1), a)
					}
					return
				}
				elapse(second)
				before := r.posts(1)
				r.answer(500, 1)
				elapse(2 * time.Hour)
				if r.posts(1) != before {
					t.Errorf("sent %d times more after the attempt that was asked for", r.posts(1)-before)
				}
			})
		})
	}
}

// What waits for its turn, or is about to end, when it is asked for is attempted, too.
func TestRetryByHandOfWhatEndsMeanwhile(t *testing.T) {
	for name, late := range map[string]bool{"before it ends": false, "while its end is being recorded": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				l := r.register("crm", func(e *endpoint.Endpoint) { e.MaxAge, e.Concurrency, e.Timeout = age, 1, time.Hour })
				r.out.holds(true)
				r.publish(1, 2, "a") // the first one runs, beyond its age
				r.feed()
				if late {
					r.client.Set(dispatchtest.Faults{Journal: func() dispatchtest.Fault { return dispatchtest.Fault{Delay: 3 * second} }})
					elapse(age + second)
				}
				m := r.store.Kept(part)[1]
				r.command(delivery.RetryNow, delivery.EntryOf(l.ep.ID, &m))
				r.step()
				elapse(age + 10*second)
				r.obey() // again, as at each poll
				r.step()
				r.answer(200, 1)
				elapse(second)
				if r.posts(2) != 1 || l.fresh != 0 || l.bytes != 0 {
					t.Fatalf("sent %d times, %d wait with %d bytes", r.posts(2), l.fresh, l.bytes)
				}
				r.answer(200, 2)
				elapse(5 * second)
				if a := r.end(2); a == nil || a.Outcome != delivery.Delivered {
					t.Errorf("its end: %+v", a)
				}
			})
		})
	}
}

// never is a lease that does not hold.
type never struct{}

func (never) Holds() bool { return false }

// Who is not sure to own the shard ends nothing.
func TestAgeEndsNothingWithoutALease(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", aged)
		r.out.holds(true)
		r.publish(1, 1, "a")
		r.feed()
		r.answer(500, 1)
		var lost bus.Lease = never{}
		r.s.lease.Store(&lost)
		elapse(time.Hour)
		if a := r.end(1); a != nil {
			t.Errorf("ended without a lease: %+v", a)
		}
		r.s.lease.Store(nil)
		elapse(2 * expiryRetry)
		if a := r.end(1); a == nil || a.Ended != delivery.EndedExpired {
			t.Errorf("with the lease again: %+v", a)
		}
	})
}
