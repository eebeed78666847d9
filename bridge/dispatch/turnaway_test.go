package dispatch

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// failsOn3 are filters that fail on events 3 and 10.
func failsOn3(e *endpoint.Endpoint) { filtered(`[{"sql":"subject <> 3 OR missing = 1"}]`)(e) }

func filtered(filters string) func(*endpoint.Endpoint) {
	return func(e *endpoint.Endpoint) {
		if err := e.Filters.Parse(filters); err != nil {
			panic(err)
		}
	}
}

// turnedAway is how often the journal tells of which events that a filter failed on them.
func (r *rig) turnedAway() map[string]int {
	r.t.Helper()
	told := map[string]int{}
	for _, data := range r.store.Journal(0) {
		r.must(delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
			if a.Ended != delivery.EndedFilterError {
				return nil
			}
			if a.Outcome != delivery.Discarded || a.Detail != "filters[0].sql: at 17: the event has no attribute missing" {
				r.t.Errorf("recorded as %+v", a)
			}
			told[a.Event.ID]++
			return nil
		}))
	}
	return told
}

func (r *rig) wantTurnedAway(want map[string]int) {
	r.t.Helper()
	if got := r.turnedAway(); !maps.Equal(got, want) {
		r.t.Errorf("turned away %v, want %v", got, want)
	}
}

func TestAFilterThatFailsIsToldAndNothingIsSent(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", failsOn3)
		r.publish(1, 4, "a")
		r.feed()
		for n, want := range []int{1, 1, 0, 1} {
			if got := r.posts(n + 1); got != want {
				t.Errorf("event %d was sent %d times, want %d", n+1, got, want)
			}
		}
		r.wantTurnedAway(map[string]int{"evt-3": 1})
		r.step()
		if left := r.d.Remembered(); len(left) > 0 {
			t.Errorf("in memory: %v", left)
		}
		st := r.logged()
		if at := r.store.Kept(part)[3].Position; st.Positions[part] != at || len(st.Entries) != 0 {
			t.Errorf("positions %v with %d entries, want %v with none", st.Positions[part], len(st.Entries), at)
		}
		r.takeover()
		r.feed()
		elapse(time.Minute)
		r.wantTurnedAway(map[string]int{"evt-3": 1})
	})
}

// Another tenant's event never meets the filters: it is neither sent nor told of, from behind either.
func TestNothingIsToldOfAnotherTenantsEvents(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) {
			one(e)
			e.Tenant = "acme"
			failsOn3(e)
		})
		r.out.holds(true)
		r.publishOf(1, 56) // the filter fails on every seventh; 24 and 52 of those are the tenant's
		r.feed()
		if !l.feedOf(part).behind {
			t.Fatal("the endpoint has not left the live feed")
		}
		r.flow(4)
		for n := 1; n <= 56; n++ {
			want := 0
			if owners[n%len(owners)] == "acme" && n%7 != 3 {
				want = 1
			}
			if got := r.posts(n); got != want {
				t.Errorf("event %d was sent %d times, want %d", n, got, want)
			}
		}
		if ids := slices.Sorted(maps.Keys(r.turnedAway())); !slices.Equal(ids, []string{"evt-24", "evt-52"}) {
			t.Errorf("turned away %v", ids)
		}
	})
}

// Positions wait for the record, so that no kill leaves an event without one.
func TestPositionsWaitForWhatIsTold(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", failsOn3)
		r.client.Set(dispatchtest.Faults{Journal: func() dispatchtest.Fault { return dispatchtest.Fault{Err: bus.ErrUnavailable} }})
		r.publish(3, 3, "a")
		r.feed()
		r.step()
		if at := r.logged().Positions[part]; at.Reaches(r.store.Kept(part)[0].Position) {
			t.Errorf("positions are at %v without a record", at)
		}
		r.takeover()
		r.feed()
		r.wantTurnedAway(map[string]int{"evt-3": 1})
	})
}

// An owner that has not learned of a period yet records by the one before; what the newer one takes
// is delivered all the same, by that owner and by its successor.
func TestWhatWasTurnedAwayIsTakenByANewerPeriod(t *testing.T) {
	for name, learn := range map[string]func(r *rig){
		"the same owner":             func(r *rig) { r.apply() },
		"the next one, fed again":    func(r *rig) { r.takeover(); r.feed() },
		"the next one, by its range": func(r *rig) { r.step(); r.takeover() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				l := r.register("crm", failsOn3)
				r.edit(l.ep.ID, filtered(`[]`))
				r.publish(3, 4, "a")
				r.feed() // by the old filters
				r.wantTurnedAway(map[string]int{"evt-3": 1})
				sent := r.posts(4)
				learn(r)
				r.catchUp()
				elapse(second)
				if n := r.posts(3); n != 1 {
					t.Errorf("sent %d times, want once", n)
				}
				if name == "the same owner" && (sent != 1 || r.posts(4) != 1) {
					t.Errorf("what both take was sent %d times, want once", r.posts(4))
				}
				r.wantTurnedAway(map[string]int{"evt-3": 1})
			})
		})
	}
}

// The other way round, what was taken and delivered is not told of.
func TestANewerPeriodTellsOnlyWhatWasNotTaken(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", filtered(`[{"sql":"subject <> 10"}]`))
		r.edit(l.ep.ID, failsOn3)
		r.publish(3, 3, "a")
		r.feed()
		r.step() // it is delivered, and forgotten
		r.apply()
		r.catchUp()
		r.wantTurnedAway(map[string]int{})
		if r.posts(3) != 1 {
			t.Errorf("sent %d times, want once", r.posts(3))
		}
	})
}

// An endpoint that is behind is judged alike.
func TestReadersTurnAwayToo(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) {
			one(e)
			failsOn3(e)
		})
		r.out.holds(true)
		r.publish(1, 12, "a")
		r.feed()
		if !l.feedOf(part).behind {
			t.Fatal("the endpoint has not left the live feed")
		}
		r.flow(1)
		for n := 1; n <= 12; n++ {
			want := 1
			if n%7 == 3 {
				want = 0
			}
			if got := r.posts(n); got != want {
				t.Errorf("event %d was sent %d times, want %d", n, got, want)
			}
		}
		told := r.turnedAway()
		if ids := slices.Sorted(maps.Keys(told)); !slices.Equal(ids, []string{"evt-10", "evt-3"}) {
			t.Errorf("turned away %v", told)
		}
		r.step()
		r.step()
		if left := r.d.Remembered(); len(left) > 0 {
			t.Errorf("in memory: %v", left)
		}
	})
}

// Who has such an event sent by hand gets it sent, and nothing is told of it again.
func TestWhatWasTurnedAwayCanBeSentByHand(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", failsOn3)
		r.out.holds(true)
		r.publish(1, 1, "a") // runs, so that a successor is fed both
		r.publish(3, 3, "a")
		r.feed()
		m := r.store.Kept(part)[1]
		e := delivery.EntryOf(l.ep.ID, &m)
		e.Number = 2
		r.command(delivery.RetryNow, e)
		r.step()
		elapse(settling)
		r.answer(200, 3)
		r.takeover()
		r.feed()
		elapse(time.Minute)
		if r.posts(3) != 0 {
			t.Errorf("sent %d times by the successor", r.posts(3))
		}
		r.wantTurnedAway(map[string]int{"evt-3": 1})
	})
}

// What Hookspan tells about an endpoint is nothing to it, whatever its filters say.
func TestReportsAreNotTurnedAway(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", filtered(`[{"sql":"missing = 1"}]`))
		report := dispatchtest.Event(1, opsExhausted)
		report.Subject = "crm"
		m := bus.Message{Topic: "ops", Partition: "ops", Position: bus.Position{Identity: "i", Seq: 1}, Event: &report}
		if v, _ := r.d.judge(l.ep, &m); v != endpoint.NotTaken {
			t.Errorf("judged %v", v)
		}
		report.Subject = "erp"
		if v, err := r.d.judge(l.ep, &m); v != endpoint.FilterFailed || err == nil {
			t.Errorf("judged %v, %v", v, err)
		}
	})
}
