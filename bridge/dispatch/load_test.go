package dispatch

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// A failed attempt that only the journal knows is a pending delivery again, and durable with
// the first delta.
func TestFailureKnownFromTheJournalAloneIsPutFirst(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 1, "a")
		r.feed()
		r.answer(500, 1)
		r.takeover()
		r.step()
		for _, e := range r.logged().Entries {
			if e.Number != 2 {
				t.Errorf("the entry waits for attempt %d, want 2", e.Number)
			}
		}
		if n := len(r.logged().Entries); n != 1 {
			t.Errorf("%d entries after the first delta, want 1", n)
		}
		r.feed()
		elapse(time.Hour)
		if r.posts(1) != 1 {
			t.Errorf("sent %d times, want the second attempt alone", r.posts(1))
		}
	})
}

// A failure in the journal of what has been counted since is of no consequence.
func TestFailureOfWhatIsNotFedAgainCountsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.publish(1, 1, "a")
		r.feed()
		r.step()
		var late delivery.Attempt
		for _, data := range r.store.Journal(0) {
			r.must(delivery.DecodeAttempts(data, func(a delivery.Attempt) error { late = a; return nil }))
		}
		late.Number, late.Outcome, late.Status, late.Next = 1, "", 500, time.Now()
		_, err := r.store.Connect().AppendJournal(t.Context(), 0, delivery.AppendAttempt(delivery.NewBatch(1), &late))
		r.must(err)
		r.takeover()
		elapse(time.Minute)
		if n := len(r.lane(l.ep.ID).waiting); n != 0 || r.posts(1) != 0 {
			t.Errorf("%d pending, sent %d times, want nothing", n, r.posts(1))
		}
	})
}

// An owner reads on only after a valid claim, and what was written meanwhile is read first.
func TestClaimSupersedes(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 1, "a")
		r.feed()
		old, stop := r.s, r.stop
		r.open()
		if err := old.writer.step(t.Context()); !errors.Is(err, bus.ErrSuperseded) {
			t.Errorf("the old owner's delta: %v, want that it is superseded", err)
		}
		r.feed()
		if r.posts(1) != 1 {
			t.Errorf("the new owner sent event 1 %d times, want once", r.posts(1))
		}
		stop()
	})
}

func TestOwnsAgainWhenSomebodyWroteBehindTheLoad(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.feed()
		r.answer(200, 2)
		old := r.s
		slow := r.store.Connect()
		conf := r.d.conf
		conf.Store = slow
		d := New(conf)
		starts, err := r.reg.Starts(t.Context(), conf.Topics)
		r.must(err)
		d.partitions.Begin(starts, starts.Positions(), true)
		once := false
		slow.Set(dispatchtest.Faults{Append: func(bus.LogName) dispatchtest.Fault {
			if !once { // the old owner is faster
				once = true
				r.must(old.writer.step(t.Context()))
				r.must(old.writer.step(t.Context()))
			}
			return dispatchtest.Fault{}
		}})
		s := d.newShard(0)
		r.must(s.own(t.Context()))
		if n, at := len(s.log.State().Entries), s.log.State().Positions[part]; n != 1 || at.Seq != 2 {
			t.Errorf("loaded %d entries and positions at %d, want what the old owner wrote last: 1 and 2", n, at.Seq)
		}
	})
}

// A log that lost its front without a snapshot is not taken for an empty one.
func TestDamagedShardIsNotOwned(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.publish(1, 2, "a")
		r.feed()
		r.step()
		name := bus.LogName{Kind: bus.State}
		records := r.store.Records(name)
		r.must(r.client.Trim(t.Context(), name, records[len(records)-1].Pos))
		s := r.d.newShard(0)
		if err := s.own(t.Context()); !errors.Is(err, statelog.ErrDamaged) {
			t.Errorf("own: %v, want that the log is damaged", err)
		}
	})
}

// The journal may be made anew, shorter than the place that the log names.
func TestJournalMadeAnew(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		for n := 1; n <= 9; n++ {
			r.publish(n, n, "a")
			r.feed()
		}
		r.step()
		r.kill()
		for range r.store.Journal(0) {
			r.store.TrimJournal(0, 1<<40)
		}
		r.open()
		r.publish(10, 11, "a")
		r.feed()
		r.step()
		if st := r.logged(); st.Positions[part].Seq != 11 {
			t.Errorf("positions are at %d, want 11", st.Positions[part].Seq)
		}
		r.once(10, 11)
	})
}

// A batch keeps its members over a restart.
func TestBatchIsReunited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		l := &lane{running: map[*pendingDelivery]struct{}{}}
		for i, batch := range []string{"x", "y", "x", "", "x"} {
			d := &pendingDelivery{Entry: &delivery.Entry{ID: string(rune('a' + i)), Batch: batch, Due: now, Event: delivery.EventRef{Position: bus.Position{Seq: int64(9 - i)}}}}
			l.waiting.wait(d)
		}
		group := l.line.reunite(&pendingDelivery{Entry: &delivery.Entry{ID: "z", Batch: "x", Event: delivery.EventRef{Position: bus.Position{Seq: 6}}}})
		ids := ""
		for _, d := range group {
			ids += d.ID
		}
		if ids != "ezca" || len(l.waiting) != 2 {
			t.Errorf("members %s, %d left to wait, want ezca in the order of their places, and 2", ids, len(l.waiting))
		}
	})
}
