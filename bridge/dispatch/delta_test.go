package dispatch

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// bubble runs a test with a rig in a synctest bubble.
func bubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	bubbleOn(t, dispatchtest.New(), f)
}

func bubbleOn(t *testing.T, store *dispatchtest.Store, f func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, store: store}
		r.open()
		defer func() { r.kill() }()
		f(t, r)
	})
}

func TestPositionsPassOnlyWhatIsFinishedOrPut(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 3, "a")
		r.feed()
		r.answer(200, 2, 3)
		r.step()
		if at := r.logged().Positions[part]; at.Seq != 0 {
			t.Errorf("positions are at %d while the first event runs, want 0", at.Seq)
		}
		r.step() // the second delta that sees it run puts it
		st := r.logged()
		if at := st.Positions[part]; at.Seq != 3 || len(st.Entries) != 1 {
			t.Errorf("positions are at %d with %d entries, want 3 with 1", at.Seq, len(st.Entries))
		}
		r.answer(200, 1)
		r.step()
		if st := r.logged(); len(st.Entries) != 0 {
			t.Errorf("%d entries are left of what is finished", len(st.Entries))
		}
	})
}

func TestFinishedIsWhatTheJournalAcknowledged(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.client.Set(dispatchtest.Faults{Journal: func() dispatchtest.Fault { return dispatchtest.Fault{Err: bus.ErrUnavailable} }})
		r.publish(1, 1, "a")
		r.feed()
		r.step()
		if at := r.logged().Positions[part]; at.Seq != 0 {
			t.Errorf("positions are at %d while no record is acknowledged, want 0", at.Seq)
		}
		r.client.Set(dispatchtest.Faults{})
		elapse(time.Second)
		r.step()
		if at := r.logged().Positions[part]; at.Seq != 1 {
			t.Errorf("positions are at %d, want 1", at.Seq)
		}
	})
}

// What runs at a delta may end right after it; its record must lie where a successor reads.
func TestJournalIsHeldByWhatRuns(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 3, "a")
		r.feed()
		r.answer(200, 2)
		r.answer(200, 3)
		r.step()
		r.step() // 1 has an entry, and runs
		r.answer(200, 1)
		r.takeover()
		elapse(time.Minute)
		for n := 1; n <= 3; n++ {
			if r.posts(n) > 0 {
				t.Errorf("event %d was sent again though its record is in the journal", n)
			}
		}
	})
}

// An owner of before, a zombie, may journal its own attempt of what runs here meanwhile.
func TestJournalIsReadFromWhereWhatRunsBegan(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.feed()
		e := delivery.EntryOf(l.ep.ID, &r.store.Kept(part)[0])
		done := delivery.Attempt{Delivery: e.ID, Endpoint: e.Endpoint, Event: e.Event, Number: 1, Outcome: delivery.Delivered}
		if _, err := r.store.Connect().AppendJournal(t.Context(), 0, delivery.AppendAttempt(delivery.NewBatch(1), &done)); err != nil {
			t.Fatal(err)
		}
		r.answer(200, 2)
		r.step()
		r.step() // 1 has an entry, and runs
		r.takeover()
		elapse(time.Minute)
		if r.posts(1) > 0 {
			t.Error("event 1 was sent again though a record of its end was in the journal")
		}
	})
}

func TestJournalIsHeldByWhatASuccessorIsFedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 3, "a")
		r.feed()
		r.answer(200, 2, 3)
		r.step()
		r.takeover()
		r.feed()
		if r.posts(1) != 1 || r.posts(2) != 0 || r.posts(3) != 0 {
			t.Errorf("the successor sent %d, %d, %d times, want 1, 0, 0", r.posts(1), r.posts(2), r.posts(3))
		}
	})
}

// What a load found done lies after the place that it read the journal from, and must do so
// for the next load too.
func TestFoundDoneCountsFromTheLoadedPlace(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 3, "a")
		r.feed()
		r.answer(200, 2, 3)
		r.step()
		r.takeover()
		r.out.holds(true)
		r.step()
		r.takeover()
		r.feed()
		if r.posts(2) != 0 || r.posts(3) != 0 {
			t.Errorf("the third owner sent what the second found done: %d, %d times", r.posts(2), r.posts(3))
		}
	})
}

// A delta whose fate is open is written again; what it puts is not forgotten.
func TestUnwrittenDeltaIsWrittenAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 1, "a")
		r.feed()
		r.answer(500, 1)
		r.client.Set(dispatchtest.Faults{Append: func(bus.LogName) dispatchtest.Fault { return dispatchtest.Fault{Err: bus.ErrDiskFull} }})
		if err := r.s.writer.step(t.Context()); !errors.Is(err, bus.ErrDiskFull) {
			t.Fatalf("step with a full disk: %v", err)
		}
		r.client.Set(dispatchtest.Faults{})
		r.step()
		if st := r.logged(); len(st.Entries) != 1 || st.Positions[part].Seq != 1 {
			t.Errorf("%d entries and positions at %d, want 1 and 1", len(st.Entries), st.Positions[part].Seq)
		}
	})
}

// A power cut must not spare a delta and take the events that it counts.
func TestDeltaGoesOutAfterASync(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.publish(1, 5, "a")
		r.feed()
		r.step()
		r.store.PowerCut(nil)
		if at, kept := r.logged().Positions[part], r.store.Kept(part); at.Seq != int64(len(kept)) {
			t.Errorf("positions are at %d, %d events survived", at.Seq, len(kept))
		}
	})
}

func TestMemoryDrains(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Second) })
		r.out.holds(true)
		r.publish(1, 3, "a")
		r.feed()
		r.answer(200, 3)
		r.answer(500, 2)
		r.step()
		r.step()
		elapse(2 * time.Second)
		r.answer(200, 1, 2)
		r.step()
		if left := r.d.Remembered(); len(left) > 0 {
			t.Errorf("still in memory: %v", left)
		}
	})
}

// What ran when its endpoint was deleted leaves nothing behind.
func TestDeletedEndpointIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 4, "a")
		r.feed()
		r.answer(500, 1, 2)
		r.step()
		r.step()
		r.must(r.reg.Delete(t.Context(), l.ep.ID, nil))
		r.apply()
		r.answer(500, 3)
		r.answer(200, 4)
		r.step()
		if left, st := r.d.Remembered(), r.logged(); len(left)+len(st.Entries)+len(st.Feeds) > 0 {
			t.Errorf("in memory %v, in the log %d entries and %d feeds", left, len(st.Entries), len(st.Feeds))
		}
		ended := map[delivery.Ended]int{}
		for _, data := range r.store.Journal(0) {
			r.must(delivery.DecodeAttempts(data, func(a delivery.Attempt) error { ended[a.Ended]++; return nil }))
		}
		if ended[delivery.EndedCancelled] != 3 {
			t.Errorf("%d deliveries are recorded as cancelled, want 3", ended[delivery.EndedCancelled])
		}
	})
}
