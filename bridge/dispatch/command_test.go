package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// pending makes event 1 fail once and returns its entry.
func (r *rig) pending() delivery.Entry {
	r.t.Helper()
	r.register("crm", nil)
	r.out.holds(true)
	r.publish(1, 1, "a")
	r.feed()
	r.answer(500, 1)
	r.step()
	for _, e := range r.logged().Entries {
		return *e
	}
	r.t.Fatal("no entry")
	return delivery.Entry{}
}

func (r *rig) command(kind delivery.CommandKind, e delivery.Entry) {
	r.t.Helper()
	r.must(r.d.Command(r.t.Context(), delivery.Command{Kind: kind, Entry: e}))
	r.obey()
}

func (r *rig) obey() {
	r.t.Helper()
	r.must(r.d.commands.obey(r.t.Context(), newCommandLog(r.client)))
	elapse(settling)
}

// Effect and position of a command move in one delta, and only then does an attempt begin.
func TestRetryBeginsBehindItsDelta(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		e := r.pending()
		r.command(delivery.RetryNow, e)
		if r.posts(1) != 1 {
			t.Fatalf("sent %d times before the delta, want the first attempt alone", r.posts(1))
		}
		r.step()
		elapse(second)
		if r.posts(1) != 2 {
			t.Errorf("sent %d times behind the delta, want twice", r.posts(1))
		}
		st := r.logged()
		if at := r.store.Records(bus.LogName{Kind: bus.Commands})[0].Pos; st.Commands != at || len(st.Entries) != 1 {
			t.Errorf("the delta counts commands up to %d with %d entries, want %d with 1", st.Commands, len(st.Entries), at)
		}
		r.obey() // the same log again
		r.step()
		elapse(second)
		if r.posts(1) != 2 {
			t.Errorf("sent %d times, the command was acted on twice", r.posts(1))
		}
	})
}

// A delivery that ended, and was asked for again, while its entry was on the way: it counts as
// one entry, and the delta that begins its attempt is the one that knows of the command.
func TestRetryWhileTheEntryIsOnItsWay(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Schedule{} })
		r.out.holds(true)
		r.publish(1, 1, "a")
		r.feed()
		r.step() // its attempt runs long
		once := false
		r.client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name != "Sync" || once {
				return nil
			}
			once = true // the delta with its entry is on the way
			r.answer(500, 1)
			m := r.store.Kept(part)[0]
			e := delivery.EntryOf(l.ep.ID, &m)
			e.Number = 2
			r.command(delivery.RetryNow, e)
			return nil
		}})
		r.step()
		elapse(second)
		if !once || r.posts(1) != 1 {
			t.Fatalf("sent %d times, and no delta counts the command", r.posts(1))
		}
		r.step()
		elapse(second)
		if r.posts(1) != 2 || l.entries != 1 {
			t.Errorf("sent %d times with %d entries counted, want 2 and 1", r.posts(1), l.entries)
		}
		r.answer(200, 1)
		r.step()
		if st := r.logged(); l.entries != 0 || len(st.Entries) != 0 {
			t.Errorf("%d entries are counted and %d logged at the end", l.entries, len(st.Entries))
		}
	})
}

// A command that no delta counts is the successor's.
func TestCommandOutlivesItsOwner(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		e := r.pending()
		r.command(delivery.RetryNow, e)
		r.takeover()
		r.out.holds(true)
		r.obey()
		r.step()
		elapse(second)
		if r.posts(1) != 1 {
			t.Errorf("the successor sent it %d times, want once", r.posts(1))
		}
	})
}

func TestRetryTakesUpWhatHasEnded(t *testing.T) {
	for name, forgotten := range map[string]bool{"remembered": false, "forgotten": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				e := r.pending()
				r.out.holds(false)
				elapse(2 * time.Minute) // the second attempt succeeds
				if forgotten {
					r.step()
				}
				e.Number = 3
				r.command(delivery.RetryNow, e)
				r.step()
				elapse(second)
				r.step()
				if n, st := r.posts(1), r.logged(); n != 3 || len(st.Entries) != 0 {
					t.Errorf("sent %d times, %d entries, want 3 and 0", n, len(st.Entries))
				}
				if left := r.d.Remembered(); len(left) > 0 {
					t.Errorf("still in memory: %v", left)
				}
			})
		})
	}
}

// An author may know of an endpoint that the owner has not taken up yet.
func TestCommandWaitsForItsAuthorsRevision(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		made, err := r.reg.Create(t.Context(), r.endpoint("crm"))
		r.must(err)
		at := r.store.Publish(part, dispatchtest.Event(1, "a"))
		ref := delivery.EventRef{ID: "evt-1", Source: "/sources/test", Topic: "events", Partition: part, Position: at}
		e := delivery.Entry{ID: delivery.ID(made.ID, &ref), Endpoint: made.ID, Event: ref, Number: 2}
		r.command(delivery.RetryNow, e)
		r.step()
		r.apply()
		r.obey()
		r.step()
		elapse(second)
		if r.posts(1) != 1 {
			t.Errorf("sent %d times, want once", r.posts(1))
		}
	})
}

// A commands' log that ends before what was acted on is another log.
func TestCommandsMadeAnew(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		e := r.pending()
		r.s.mu.Lock()
		r.s.commands = 100
		r.s.mu.Unlock()
		r.command(delivery.RetryNow, e)
		r.step()
		elapse(second)
		if r.posts(1) != 2 {
			t.Errorf("sent %d times, the command of the new log was not acted on", r.posts(1))
		}
	})
}

// An endpoint that answers 410 gets no other attempt, whatever waits and however long the
// registry takes.
func TestNoAttemptBehindA410(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		r.out.holds(true)
		r.client.Set(dispatchtest.Faults{Append: func(log bus.LogName) dispatchtest.Fault {
			if log.Kind == bus.Registry {
				return dispatchtest.Fault{Err: bus.ErrDiskFull}
			}
			return dispatchtest.Fault{}
		}})
		r.publish(1, 3, "a")
		r.feed()
		r.answer(410, 1)
		elapse(10 * second)
		if n := r.posts(2) + r.posts(3); n != 0 {
			t.Errorf("%d attempts behind a 410", n)
		}
		r.client.Set(dispatchtest.Faults{})
		elapse(10 * second)
		if ep := r.reg.Set().ByID(l.ep.ID); ep.State != endpoint.Disabled {
			t.Errorf("the endpoint is %s, want disabled", ep.State)
		}
		r.apply()
		r.state(l.ep.ID, endpoint.Enabled)
		r.flow()
		elapse(second)
		r.once(2, 3)
	})
}
