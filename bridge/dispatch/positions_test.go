package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
)

// A cut back is the one thing that moves positions back, at a load.
func TestLoadAfterACutBack(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		for n := 1; n <= 6; n++ {
			r.publish(n, n, "a")
			r.feed()
			elapse(time.Minute)
			r.step()
		}
		r.kill()
		r.store.CutBack(part, 3)
		r.publish(11, 15, "a") // at 4 to 8: what lay at the position is another event now
		r.open()
		r.feed()
		r.once(11, 15)
		if n := r.posts(1) + r.posts(2) + r.posts(3); n != 0 {
			t.Errorf("what was there before the cut was sent again %d times", n)
		}
		r.step()
		if at := r.logged().Positions[part]; at.Seq != 8 {
			t.Errorf("positions are at %d, want 8", at.Seq)
		}
	})
}

// A cut back that is found while the owner lives moves its feed and its log back, and what
// an endpoint that is behind has still to read.
func TestCutBackUnderALivingOwner(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		r.register("erp", nil)
		r.publish(21, 22, "a")
		r.feed()
		r.step()
		elapse(2 * time.Minute)
		r.leaves(l) // 1 to 8 at 3 to 10
		r.flow(1, 1, 2, 3, 4, 5, 6, 7, 8)
		r.out.holds(true)
		r.step()
		elapse(2 * time.Minute)
		r.store.CutBack(part, 2)
		r.publish(31, 36, "a")
		r.must(r.d.live.Recheck(t.Context(), part))
		r.read, _ = r.s.Place(part)
		if r.read.Seq > 2 {
			t.Fatalf("the feed goes on at %d, want 2 at most", r.read.Seq)
		}
		r.step()
		if at := r.logged().Positions[part]; at.Seq > 2 {
			t.Errorf("the log's positions are at %d, want 2 at most", at.Seq)
		}
		r.out.holds(false)
		r.feed()
		r.catchUp()
		elapse(second)
		for n := 31; n <= 36; n++ {
			if got := r.posts(n); got != 2 {
				t.Errorf("event %d was sent %d times, want once to each endpoint", n, got)
			}
		}
	})
}

// What expired before a reader is skipped, and counted.
func TestExpiredRangeIsSkipped(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		r.leaves(l)
		r.store.Expire(part, 6) // 1 runs, 2 to 5 are gone
		_, err := r.d.partitions.Spans(t.Context())
		r.must(err)
		r.flow(1)
		elapse(second)
		r.once(6, 8)
		if n := r.posts(2) + r.posts(5); n != 0 || l.feedOf(part).behind {
			t.Errorf("sent what is gone %d times, behind %v", n, l.feedOf(part).behind)
		}
		r.publish(9, 9, "a")
		r.feed()
		r.once(9, 9)
	})
}

// An endpoint that is behind begins at the front of a partition that was made anew.
func TestRecreatedUnderARange(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		r.leaves(l)
		r.store.Recreate(part, "second")
		r.publish(11, 13, "a")
		r.must(r.d.live.Recheck(t.Context(), part))
		r.read, _ = r.s.Place(part)
		r.flow(1)
		r.feed()
		r.catchUp()
		elapse(second)
		r.once(11, 13)
		r.step()
		r.step()
		if left := r.d.Remembered(); len(left) > 0 {
			t.Errorf("still in memory: %v", left)
		}
	})
}

// A reader that was held back may still have events of a partition that was made anew meanwhile.
// They are older than a period that begins in the new one, and not for it.
func TestPeriodInARecreatedPartition(t *testing.T) {
	for name, made := range map[string]func(r *rig) (begin func()){
		"created": func(r *rig) func() { return func() { r.register("crm", nil) } },
		"edited": func(r *rig) func() {
			l := r.register("crm", func(e *endpoint.Endpoint) { e.Events = []string{"b"} })
			return func() {
				r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.Events = []string{"*"} })
				r.apply()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				begin := made(r)
				r.publish(1, 3, "a")
				held := r.store.Kept(part)
				r.store.Recreate(part, "second")
				r.publish(4, 5, "a")
				begin()
				r.s.Take(&feed.Batch{Partition: part, Before: r.read, End: held[2].Position, Messages: held})
				r.must(r.d.live.Recheck(t.Context(), part)) // as the follower does now
				r.read, _ = r.s.Place(part)
				r.publish(6, 7, "a")
				r.feed()
				r.catchUp()
				elapse(second)
				r.once(6, 7)
				for n := 1; n <= 5; n++ {
					if r.posts(n) != 0 {
						t.Errorf("event %d was sent and is from before the period", n)
					}
				}
			})
		})
	}
}

// Nothing that any owner needs goes when the event store is nearly full; what only a paused
// endpoint needs goes last.
func TestPurgesWhatNobodyNeeds(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		ctx := t.Context()
		paused := r.register("crm", nil)
		r.state(paused.ep.ID, endpoint.Paused)
		r.register("erp", nil)
		r.publish(1, 3, "a")
		r.feed()
		r.publish(4, 10, "a")
		r.out.holds(true)
		r.feed() // 4 to 10 run
		r.store.SetRoom(bus.Room{Used: 99, Limit: 100})
		r.must(r.d.purger.MakeRoom(ctx))
		if got := r.store.Purged(); len(got) != 0 {
			t.Fatalf("purged %v before the last deltas are known", got)
		}
		r.step()
		r.must(r.d.purger.Purge(ctx, false))
		if got := r.store.Purged(); len(got) != 0 {
			t.Fatalf("purged %v, all of which a paused endpoint needs", got)
		}
		r.must(r.d.purger.MakeRoom(ctx))
		if kept := r.store.Kept(part); kept[0].Position.Seq != 4 {
			t.Errorf("the first event kept is %d, want 4, which runs", kept[0].Position.Seq)
		}
		// A period that the last delta does not know needs what is behind its from.
		r.store.SetOthersNeed(5)
		r.flow(4, 5, 6, 7, 8, 9, 10)
		elapse(second)
		r.step()
		_, err := r.reg.Create(ctx, r.endpoint("late"))
		r.must(err)
		r.publish(11, 20, "a")
		r.feed()
		r.step()
		r.must(r.d.purger.MakeRoom(ctx))
		if kept := r.store.Kept(part); kept[0].Position.Seq != 6 {
			t.Errorf("the first event kept is %d, want 6: somebody else has acknowledged 5", kept[0].Position.Seq)
		}
		r.store.SetOthersNeed(100)
		r.must(r.d.purger.MakeRoom(ctx))
		if kept := r.store.Kept(part); kept[0].Position.Seq != 11 {
			t.Errorf("the first event kept is %d, want 11: the new endpoint's period begins there", kept[0].Position.Seq)
		}
	})
}

// An owner that slept may not have heard that an endpoint takes part again.
func TestPurgesNothingOfAnEndpointThatWasEnabledMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		crm := r.register("crm", nil)
		_, err := r.reg.SetState(t.Context(), crm.ep.ID, endpoint.Disabled, "for a while")
		r.must(err)
		r.apply()
		r.publish(1, 4, "a")
		r.feed()
		r.store.SetRoom(bus.Room{Used: 99, Limit: 100})
		r.must(r.d.purger.MakeRoom(t.Context())) // from now on deltas say what they need
		r.step()
		_, err = r.reg.SetState(t.Context(), crm.ep.ID, endpoint.Enabled, "")
		r.must(err) // and the shard has not taken it up
		r.must(r.d.purger.MakeRoom(t.Context()))
		if got := r.store.Purged(); len(got) != 0 {
			t.Fatalf("purged %v, which an endpoint that is enabled has not had", got)
		}
		r.apply()
		r.catchUp()
		r.once(1, 4)
	})
}

// What a last delta counted before a cut back says nothing about what lies there now.
func TestPurgesNothingBehindACutBack(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.publish(1, 4, "a")
		r.feed()
		r.store.SetRoom(bus.Room{Used: 99, Limit: 100})
		r.must(r.d.purger.MakeRoom(t.Context())) // from now on deltas say what they need
		elapse(2 * time.Minute)
		r.step()
		r.store.CutBack(part, 1)
		r.publish(11, 15, "a") // at 2 to 6; the log counts up to 4
		r.must(r.d.purger.MakeRoom(t.Context()))
		if got := r.store.Purged(); len(got) != 0 {
			t.Fatalf("purged %v, which nobody has read", got)
		}
		r.must(r.d.live.Recheck(t.Context(), part))
		r.read, _ = r.s.Place(part)
		r.feed()
		r.once(11, 15)
		r.step()
		r.must(r.d.purger.MakeRoom(t.Context()))
		if kept := r.store.Kept(part); len(kept) != 0 {
			t.Errorf("%d events are kept that everybody has", len(kept))
		}
	})
}
