package dispatch

import (
	"strconv"
	"testing"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// cancelled counts the records that end deliveries because somebody wanted them no more.
func (r *rig) cancelled() (n int) {
	r.t.Helper()
	for _, data := range r.store.Journal(0) {
		r.must(delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
			if a.Outcome == delivery.Discarded && a.Ended == delivery.EndedCancelled {
				n++
			}
			return nil
		}))
	}
	return n
}

func (r *rig) settle() {
	r.t.Helper()
	for range 3 {
		r.step()
		elapse(second)
	}
}

func (r *rig) forgot() {
	r.t.Helper()
	if left := r.d.Remembered(); len(left) > 0 {
		r.t.Errorf("still in memory: %v", left)
	}
	if st := r.logged(); len(st.Entries) != 0 {
		r.t.Errorf("%d entries are left in the log", len(st.Entries))
	}
}

// What waits for its second attempt ends behind the delta that counts the command, once, and no
// attempt is made any more.
func TestCancelEndsWhatWaits(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		e := r.pending()
		r.command(delivery.Cancel, e)
		if n := r.cancelled(); n != 0 {
			t.Fatalf("%d ended before the delta", n)
		}
		r.settle()
		elapse(10 * 60 * second)
		if r.posts(1) != 1 || r.cancelled() != 1 {
			t.Errorf("sent %d times, %d ended, want once each", r.posts(1), r.cancelled())
		}
		r.forgot()
		r.command(delivery.Cancel, e) // it has ended
		r.settle()
		if r.cancelled() != 1 {
			t.Errorf("%d records of its end, want 1", r.cancelled())
		}
	})
}

// An owner that dies between the delta that counts the command and the record of the end leaves an
// entry that says so.
func TestCancelOutlivesItsOwner(t *testing.T) {
	for name, counted := range map[string]bool{"no delta counts it": false, "a delta counts it": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				e := r.pending()
				r.command(delivery.Cancel, e)
				if counted {
					r.step() // and what it records is not acknowledged yet
				}
				r.takeover()
				r.obey()
				r.settle()
				elapse(10 * 60 * second)
				if r.posts(1) != 0 || r.cancelled() == 0 {
					t.Errorf("sent %d times, %d ended", r.posts(1), r.cancelled())
				}
				r.forgot()
			})
		})
	}
}

// An attempt that runs is finished. If it fails there is no other; if not, it was delivered.
func TestCancelOfWhatRuns(t *testing.T) {
	for status, want := range map[int]int{500: 1, 200: 0} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				l := r.register("crm", nil)
				r.out.holds(true)
				r.publish(1, 1, "a")
				r.feed()
				m := r.store.Kept(part)[0]
				r.command(delivery.Cancel, delivery.EntryOf(l.ep.ID, &m))
				r.settle()
				r.answer(status, 1)
				r.settle()
				elapse(10 * 60 * second)
				if r.posts(1) != 1 || r.cancelled() != want {
					t.Errorf("sent %d times, %d ended as cancelled, want 1 and %d", r.posts(1), r.cancelled(), want)
				}
				r.forgot()
			})
		})
	}
}

// What waits in the lane for its first attempt, and what no reader has come to, is never sent.
func TestDrainEndsAllThatWaits(t *testing.T) {
	for name, paused := range map[string]bool{"in the lane": false, "behind": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				l := r.register("crm", one)
				r.out.holds(true)
				if paused {
					r.state(l.ep.ID, endpoint.Paused)
				}
				r.publish(1, 3, "a")
				r.feed()
				r.command(delivery.Drain, delivery.Entry{Endpoint: l.ep.ID})
				r.settle()
				if paused {
					r.state(l.ep.ID, endpoint.Enabled)
				} else {
					r.answer(200, 1)
				}
				r.flow()
				r.settle()
				if n := r.posts(2) + r.posts(3); n != 0 {
					t.Errorf("%d attempts of what was drained", n)
				}
				r.publish(4, 5, "a")
				r.feed()
				r.flow()
				r.settle()
				r.once(4, 5)
				r.takeover() // nothing of it comes back
				r.feed()
				r.flow()
				r.settle()
				if n := r.posts(2) + r.posts(3); n != 0 {
					t.Errorf("%d attempts of what was drained, by the successor", n)
				}
			})
		})
	}
}

// The last word counts: what was cancelled while its attempt ran, and asked for after that, goes on.
func TestRetryAfterCancelOfWhatRuns(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 1, "a")
		r.feed()
		m := r.store.Kept(part)[0]
		e := delivery.EntryOf(l.ep.ID, &m)
		r.command(delivery.Cancel, e)
		r.command(delivery.RetryNow, e)
		r.settle()
		r.answer(500, 1)
		r.settle()
		if r.cancelled() != 0 {
			t.Error("it has ended as cancelled")
		}
	})
}
