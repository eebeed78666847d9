package dispatch

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
)

// one makes an endpoint that takes one attempt at a time.
func one(e *endpoint.Endpoint) { e.Concurrency = 1 }

// leaves fills a lane: of 1 to 8 the first runs, and the endpoint is behind.
func (r *rig) leaves(l *lane) {
	r.t.Helper()
	r.out.holds(true)
	r.publish(1, 8, "a")
	r.feed()
	if !l.feedOf(part).behind {
		r.t.Fatal("the endpoint has not left the live feed")
	}
}

// once fails unless every event of a range was sent exactly once.
func (r *rig) once(from, to int) {
	r.t.Helper()
	for n := from; n <= to; n++ {
		if got := r.posts(n); got != 1 {
			r.t.Errorf("event %d was sent %d times, want once", n, got)
		}
	}
}

// flow lets everything succeed that waits, and whatever comes.
func (r *rig) flow(running ...int) {
	r.out.mu.Lock()
	r.out.hold = false
	r.out.mu.Unlock()
	r.answer(200, running...)
	r.catchUp()
}

func TestLeavingEndpointMissesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		r.leaves(l)
		r.flow(1)
		r.once(1, 8)
		if l.feedOf(part).behind {
			t.Error("the endpoint has not joined the live feed again")
		}
	})
}

func TestRangeOfALeavingEndpointBeginsInFrontOfWhatRuns(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		r.leaves(l)
		r.step()
		f := r.logged().Feeds[l.ep.ID][string(part)]
		if !f.Behind || len(f.Ranges) != 1 || f.Ranges[0].From.Seq != 0 || f.Ranges[0].To != nil {
			t.Errorf("the delta names %+v while event 1 runs, want an open range behind 0", f)
		}
		r.takeover()
		r.flow()
		r.once(1, 8)
	})
}

func TestJoinsAtWhatTheFeedHasRead(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		r.leaves(l)
		r.out.holds(false)
		r.answer(200, 1)
		hungry := r.d.hungry()[part][0]
		kept := r.store.Kept(part)
		take := func(before bus.Position, messages []bus.Message) (more bool) {
			return hungry.Take(&feed.Batch{Partition: part, Before: before, End: messages[len(messages)-1].Position, Messages: messages})
		}
		take(hungry.At, kept[1:4])
		elapse(second)
		if !take(kept[3].Position, kept[4:6]) || !l.feedOf(part).behind {
			t.Error("joined at event 6, the feed has read 8")
		}
		if take(kept[5].Position, kept[6:8]) || l.feedOf(part).behind {
			t.Error("not joined at event 8, which is all that the feed has read")
		}
		elapse(second)
		r.once(1, 8)
	})
}

func TestJoinedEndpointIsLiveOnlyBehindItsRange(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		other := r.register("erp", nil)
		r.leaves(l)
		r.publish(9, 10, "a") // the reader is ahead of the feed
		r.flow(1, 1)          // of both endpoints
		elapse(second)
		if pl := l.feedOf(part); pl.behind || pl.since == nil || pl.since.Seq != 10 {
			t.Fatalf("live %v since %v, want live since 10", !pl.behind, pl.since)
		}
		r.out.posts = map[string]int{}
		r.s.known = map[string]*pendingDelivery{} // were they forgotten, nothing else would keep them from going out twice
		r.feed()
		if n := r.posts(9) + r.posts(10); n != 2 {
			t.Errorf("events 9 and 10 were sent %d times, want once each, to %s alone", n, other.ep.Name)
		}
	})
}

func TestSinceGoesWhenPositionsPassIt(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		r.leaves(l)
		r.flow(1)
		elapse(second)
		r.step()
		if f, ok := r.logged().Feeds[l.ep.ID]; ok {
			t.Errorf("the log still names %+v of an endpoint that is live", f)
		}
	})
}

// Whichever feed meets an event, it is handed over once.
func TestEventMetByTwoFeedsIsHandedOverOnce(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 3, "a")
		r.feed()
		kept := r.store.Kept(part)
		r.s.mu.Lock()
		pl, zero := l.feedOf(part), kept[0].Position
		zero.Seq, zero.Mark = 0, 0
		c := &catchupRange{from: zero, read: zero, to: &kept[2].Position}
		pl.ranges = append(pl.ranges, c)
		r.s.mu.Unlock()
		r.catchUp()
		r.once(1, 3)
	})
}

// A blocked endpoint begins nothing, keeps nothing in memory, and goes on where it was.
func TestBlockedEndpointIsFedAgainWhenItIsEnabled(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		r.leaves(l)
		r.answer(200, 1)
		r.catchUp() // fills the lane from the range
		r.state(l.ep.ID, endpoint.Paused)
		if l.fresh != 0 || l.bytes != 0 {
			t.Errorf("%d events wait in the lane of a paused endpoint", l.fresh)
		}
		r.catchUp()
		r.publish(9, 12, "a")
		r.feed()
		r.state(l.ep.ID, endpoint.Enabled)
		r.flow(2)
		elapse(second)
		r.once(1, 12)
	})
}

// What was found done at a load must not hold the journal's place for as long as its
// endpoint is blocked.
func TestBlockedEndpointPassesWhatALoadFoundDone(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 4, "a")
		r.feed()
		r.answer(200, 3)
		_, err := r.reg.SetState(t.Context(), l.ep.ID, endpoint.Paused, "")
		r.must(err)
		r.takeover()
		r.step()
		held := r.logged().Journal
		r.catchUp()
		r.step()
		st := r.logged()
		if len(st.Entries) != 2 || st.Journal <= held {
			t.Errorf("%d entries and the journal from %d on, want those of 1 and 2, and more than %d", len(st.Entries), st.Journal, held)
		}
		id := l.ep.ID
		r.state(id, endpoint.Enabled)
		r.flow()
		elapse(second)
		if r.posts(3) != 0 || r.posts(1) != 1 || r.posts(2) != 1 || r.posts(4) != 1 {
			t.Errorf("sent %d, %d, %d, %d times, want 1, 1, 0, 1", r.posts(1), r.posts(2), r.posts(3), r.posts(4))
		}
	})
}

// Nor may the first event of a partition whose sequences begin at 0.
func TestBlockedEndpointPassesTheFirstOffset(t *testing.T) {
	bubbleOn(t, dispatchtest.NewOffsets(), func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		r.publish(1, 1, "a")
		r.feed()
		_, err := r.reg.SetState(t.Context(), l.ep.ID, endpoint.Paused, "")
		r.must(err)
		r.takeover()
		r.catchUp()
		r.step()
		f := r.logged().Feeds[l.ep.ID][string(part)]
		if len(f.Ranges) != 1 || f.Ranges[0].From.Seq != 0 {
			t.Errorf("the feed is %+v, want a range that begins behind the first event, which is done", f)
		}
	})
}

func (r *rig) state(id string, to endpoint.State) {
	r.t.Helper()
	_, err := r.reg.SetState(r.t.Context(), id, to, "")
	r.must(err)
	r.apply()
}

// A period that is taken up after the feed has passed its from gets a range.
func TestItemTakenUpLateGetsItsRange(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Events = []string{"a"} })
		r.publish(1, 2, "b")
		r.feed()
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.Events = []string{"*"} })
		r.publish(3, 4, "b")
		r.publish(5, 5, "a")
		r.feed() // by the old list
		r.apply()
		r.catchUp()
		elapse(second)
		r.once(3, 5)
		if n := r.posts(1) + r.posts(2); n != 0 {
			t.Errorf("events from before the edit were sent %d times", n)
		}
	})
}

func TestItemNewerThanTheLogGetsItsRangeAtALoad(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Events = []string{"a"} })
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.Events = []string{"*"} })
		r.publish(1, 3, "b")
		r.feed()
		r.step() // positions are past the period, its revision is not
		r.takeover()
		r.catchUp()
		elapse(second)
		r.once(1, 3)
	})
}

// A widened filter must not cut short what an endpoint that is behind still has to read.
func TestLateItemMovesNoRangeForward(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Events, e.Concurrency = []string{"a"}, 1 })
		r.leaves(l)
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.Events = []string{"*"} })
		r.publish(9, 10, "b")
		r.feed()
		r.apply()
		r.flow(1)
		elapse(second)
		r.once(1, 10)
	})
}

// Which periods hold is decided by an event's place, also when it is read late.
func TestListDecidesByPlace(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Events, e.Concurrency = []string{"a"}, 1 })
		r.leaves(l)
		r.publish(9, 10, "b")
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.Events = []string{"b"} })
		r.publish(11, 12, "b")
		r.publish(13, 14, "a")
		r.apply()
		r.feed()
		r.flow(1)
		elapse(second)
		r.once(1, 8)
		r.once(11, 12)
		for _, n := range []int{9, 10, 13, 14} {
			if r.posts(n) != 0 {
				t.Errorf("event %d was sent and is not for the endpoint", n)
			}
		}
	})
}

// A period whose place was cut back before it was taken up holds for what came later.
func TestItemOfACutBackPartition(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.publish(1, 10, "a")
		_, err := r.reg.Create(t.Context(), r.endpoint("crm"))
		r.must(err)
		elapse(second)
		r.store.CutBack(part, 4)
		r.publish(11, 13, "a")
		r.must(r.d.live.Recheck(t.Context(), part))
		r.read, _ = r.s.Place(part)
		r.feed() // nobody is there yet
		r.apply()
		r.catchUp()
		elapse(second)
		r.once(11, 13)
		if n := r.posts(1) + r.posts(4); n != 0 {
			t.Errorf("events from before the registration were sent %d times", n)
		}
	})
}

// A period may only be folded when everything in the log is past the next one.
func TestFoldsWhatTheLastDeltaHasPassed(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Events = []string{"a"} })
		r.publish(1, 3, "b")
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.Events = []string{"*"} })
		fold := func() int {
			r.d.applier.compact(t.Context(), r.reg.Set())
			return len(r.reg.Set().ByID(l.ep.ID).Periods)
		}
		if n := fold(); n != 2 {
			t.Errorf("folded to %d periods before anybody has taken the new one up", n)
		}
		r.feed()
		r.apply()
		if n := fold(); n != 2 {
			t.Errorf("folded to %d periods before a delta says so", n)
		}
		r.step()
		if n := fold(); n != 1 {
			t.Errorf("%d periods are left, want 1", n)
		}
	})
}

// While an attempt of an older event runs, A lies before the period.
func TestDoesNotFoldWhileARangeIsBeforeTheItem(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Events, e.Concurrency = []string{"a"}, 1 })
		r.leaves(l)
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.Events = []string{"*"} })
		r.publish(9, 9, "a")
		r.feed()
		r.apply()
		r.step()
		r.d.applier.compact(t.Context(), r.reg.Set())
		if n := len(r.reg.Set().ByID(l.ep.ID).Periods); n != 2 {
			t.Errorf("folded to %d periods while a range has to read by the older one", n)
		}
	})
}

func (r *rig) endpoint(name string) *endpoint.Endpoint {
	e := endpoint.Default()
	e.Name, e.URL, e.Signature, e.Jitter = name, "https://"+name, "none", 0
	return e
}

// The limits of a lane: an endpoint whose oldest event has waited too long leaves.
func TestOverdueEndpointLeaves(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", one)
		other := r.register("erp", nil)
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.feed()
		elapse(laneAge + second)
		r.s.overdue()
		if !l.feedOf(part).behind || other.feedOf(part).behind {
			t.Errorf("behind are crm %v, erp %v, want only crm", l.feedOf(part).behind, other.feedOf(part).behind)
		}
		r.flow()
	})
}
