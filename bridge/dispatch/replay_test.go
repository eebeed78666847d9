package dispatch

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// replay asks for what lies from one event to another to be sent to an endpoint.
func (r *rig) replay(l *lane, from, to int64, change func(*delivery.Replay)) string {
	r.t.Helper()
	at := r.store.Kept(part)[0].Position
	rp := delivery.Replay{
		ID: delivery.NewReplay(), Endpoint: l.ep.ID, Created: time.Now(),
		Stretches: map[bus.Partition]delivery.Stretch{part: {From: bus.Position{Identity: at.Identity, Seq: from - 1}, To: bus.Position{Identity: at.Identity, Seq: to}}},
	}
	if change != nil {
		change(&rp)
	}
	r.must(r.d.Command(r.t.Context(), delivery.Command{Kind: delivery.StartReplay, Replay: &rp}))
	r.obey()
	return rp.ID
}

// goesOn lets replays go on until nothing moves.
func (r *rig) goesOn() {
	r.t.Helper()
	for range 4 {
		r.step()
		r.catchUp()
		elapse(second)
	}
	r.step()
}

// stands holds how far the one replay is, by its owner and by the log, against what is wanted.
func (r *rig) stands(state delivery.ReplayState, matched, sent, failed int64) {
	r.t.Helper()
	all, err := r.d.Replays(r.t.Context())
	r.must(err)
	if len(all) != 1 {
		r.t.Fatalf("%d replays, want 1", len(all))
	}
	if st := all[0]; st.State != state || st.Matched != matched || st.Sent != sent || st.Failed != failed {
		r.t.Errorf("the replay is %s, %d matched, %d sent, %d failed; want %s, %d, %d, %d", st.State, st.Matched, st.Sent, st.Failed, state, matched, sent, failed)
	}
	if !state.Over() {
		return
	}
	for _, j := range r.logged().Jobs {
		if j.State != state || j.Sent != sent || j.Failed != failed || len(j.Ranges) != 0 {
			r.t.Errorf("in the log it is %s, %d sent, %d failed, with %d ranges", j.State, j.Sent, j.Failed, len(j.Ranges))
		}
	}
}

// What was published long before an endpoint was registered is sent to it by its filter or that of the
// replay, once, and only behind the delta that knows of the replay.
func TestReplayOfHistoryToANewEndpoint(t *testing.T) {
	for name, c := range map[string]struct {
		filters string
		want    int64
	}{"the endpoint's own filter": {"", 10}, "a filter of the replay": {`[{"exact":{"type":"b"}}]`, 5}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.publish(1, 10, "a")
				r.publish(11, 15, "b")
				l := r.register("crm", func(e *endpoint.Endpoint) { e.Events = []string{"a"} })
				r.replay(l, 1, 15, func(rp *delivery.Replay) {
					if c.filters != "" {
						rp.Filters = json.RawMessage(c.filters)
					}
				})
				r.catchUp()
				if r.posts(1)+r.posts(11) != 0 {
					t.Fatal("sent before the delta that knows of the replay")
				}
				r.goesOn()
				if c.filters == "" {
					r.once(1, 10)
				} else {
					r.once(11, 15)
				}
				r.stands(delivery.ReplayDone, c.want, c.want, 0)
				r.forgot()
				r.publish(16, 17, "a")
				r.feed()
				r.once(16, 17)
			})
		})
	}
}

// However often the owner changes, every event is replayed, none twice whose record was in the journal,
// and the counts are exact.
func TestReplayOutlivesItsOwners(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		const events = 30
		r.publish(1, events, "a")
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency = 8 })
		r.replay(l, 1, events, nil)
		sent, failed := map[int]int{}, map[int]bool{} // by the owners before
		for turn := range 12 {
			r.out.holds(true)
			r.step()
			r.catchUp()
			cutOff := turn%2 == 0 // the first that runs: what ends behind it would be fed to a successor again
			for n := 1; n <= events; n++ {
				r.out.mu.Lock()
				open := len(r.out.open[fmt.Sprint("evt-", n)])
				r.out.mu.Unlock()
				if open == 0 || cutOff {
					cutOff = cutOff && open == 0
					continue
				}
				code := 200
				if n%10 == 0 && !failed[n] {
					code, failed[n] = 500, true // its entry has to be taken over
				}
				r.answer(code, n)
				if turn%3 != 2 {
					r.step()
				}
			}
			if turn%2 == 0 {
				for n := 1; n <= events; n++ {
					sent[n] += r.posts(n)
				}
				r.takeover()
				elapse(2 * time.Minute)
			}
		}
		r.out.holds(false)
		elapse(2 * time.Minute)
		r.goesOn()
		for n := 1; n <= events; n++ {
			want := 1
			if n%10 == 0 {
				want = 2
			}
			if all := sent[n] + r.posts(n); all < want {
				t.Errorf("event %d was sent %d times, want %d", n, all, want)
			}
		}
		r.stands(delivery.ReplayDone, events, events, 0)
		r.forgot()
		r.takeover()
		r.goesOn()
		for n := 1; n <= events; n++ {
			if r.posts(n) != 0 {
				t.Errorf("event %d is sent again by the successor of one that was done", n)
			}
		}
		r.stands(delivery.ReplayDone, events, events, 0)
	})
}

// What topics bring goes first: a replay gets a place when none of that can begin, and a part of the
// places at most.
func TestLiveEventsGoBeforeAReplay(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.publish(1, 10, "a")
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency = 8 })
		r.out.holds(true)
		r.replay(l, 1, 10, nil)
		r.step()
		r.catchUp()
		if posts, replays := r.runs(l); posts != 2 || replays != 2 {
			t.Fatalf("%d attempts run, %d of the replay, want a quarter of 8", posts, replays)
		}
		r.publish(11, 14, "a")
		r.feed()
		if posts, replays := r.runs(l); posts != 6 || replays != 2 || l.feedOf(part).behind {
			t.Errorf("%d attempts run, %d of the replay, want the 4 live ones beside them", posts, replays)
		}
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.Concurrency = 1 })
		r.apply()
		r.answer(200, 11, 12, 13, 14, 1)
		r.publish(15, 15, "a")
		r.feed()
		r.answer(200, 2)
		if posts, replays := r.runs(l); posts != 1 || replays != 0 || r.posts(15) != 1 || r.posts(3) != 0 {
			t.Errorf("%d attempts run, %d of the replay, want the live one", posts, replays)
		}
	})
}

func TestReplayIsPausedResumedCancelled(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.publish(1, 10, "a")
		l := r.register("crm", one)
		r.out.holds(true)
		id := r.replay(l, 1, 10, nil)
		r.step()
		r.catchUp()
		r.command(delivery.PauseReplay, delivery.Entry{Endpoint: l.ep.ID, Replay: id})
		r.answer(200, 1)
		r.goesOn()
		if r.posts(2) != 0 {
			t.Error("a paused replay goes on")
		}
		r.takeover()
		r.out.holds(true)
		l = r.lane(l.ep.ID)
		r.goesOn()
		if n := r.posts(1) + r.posts(2); n != 0 {
			t.Errorf("a paused replay goes on with its next owner, %d attempts", n)
		}
		r.command(delivery.ResumeReplay, delivery.Entry{Endpoint: l.ep.ID, Replay: id})
		r.step()
		r.catchUp()
		r.answer(500, 2)
		r.command(delivery.CancelReplay, delivery.Entry{Endpoint: l.ep.ID, Replay: id})
		r.answer(200, 3) // it has begun
		r.out.holds(false)
		r.goesOn()
		elapse(10 * time.Minute)
		r.goesOn()
		if r.posts(2) != 1 || r.posts(4) != 0 {
			t.Errorf("after its end event 2 was sent %d times and event 4 %d times, want 1 and 0", r.posts(2), r.posts(4))
		}
		r.stands(delivery.ReplayCancelled, 3, 2, 1)
		r.forgot()
	})
}

// Listed deliveries are sent again as deliveries of their own, through a takeover, at the replay's rate;
// those that fail for good count as failed.
func TestReplayOfListedDeliveries(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Schedule{} })
		r.publish(1, 9, "a")
		r.feed()
		r.step()
		rp := delivery.Replay{ID: delivery.NewReplay(), Endpoint: l.ep.ID, Created: time.Now(), NewID: true}
		rp.Rate = "1/s"
		c := delivery.Command{Kind: delivery.StartReplay, Replay: &rp}
		for _, m := range r.store.Kept(part) {
			e := delivery.EntryOf(l.ep.ID, &m)
			e.ID, e.Replay, e.NewID, e.Due = delivery.ReplayID(l.ep.ID, &e.Event, rp.ID), rp.ID, true, time.Now()
			c.Entries = append(c.Entries, e)
		}
		rp.Listed = len(c.Entries)
		r.must(r.d.Command(t.Context(), c))
		r.obey()
		r.step()
		r.takeover()
		l = r.lane(l.ep.ID)
		if l.entries != 0 {
			t.Errorf("%d entries of the replay count as the endpoint's own", l.entries)
		}
		r.stands(delivery.ReplayRunning, 9, 0, 0)
		elapse(4500 * time.Millisecond)
		sent := 0
		for n := 1; n <= 9; n++ {
			sent += r.posts(n)
		}
		if sent != 4 {
			t.Errorf("%d sent in 4.5 s at 1/s", sent)
		}
		r.out.holds(true)
		elapse(second)
		for n := 1; n <= 9; n++ {
			r.out.mu.Lock()
			open := len(r.out.open[fmt.Sprint("evt-", n)])
			r.out.mu.Unlock()
			if open > 0 {
				r.answer(500, n)
			}
		}
		r.out.holds(false)
		elapse(10 * second)
		r.goesOn()
		r.stands(delivery.ReplayDone, 9, 8, 1)
		r.forgot()
	})
}

// A replayed event has the webhook-id that it always had, unless another one is asked for: then one of the
// replay, at every attempt.
func TestWebhookIDOfAReplay(t *testing.T) {
	t.Parallel()
	e := dispatchtest.Event(1, "a")
	id := func(replay string, newID bool) string {
		return messageID(&pendingDelivery{Entry: &delivery.Entry{Replay: replay, NewID: newID}, event: &e})
	}
	first, kept, own, again, other := id("", false), id("rpl_1", false), id("rpl_1", true), id("rpl_1", true), id("rpl_2", true)
	if kept != first || own == first || own != again || own == other {
		t.Errorf("ids are %s, %s, %s, %s, %s", first, kept, own, again, other)
	}
}

// runs is how many attempts of a lane run, and how many of them are of replays.
func (r *rig) runs(l *lane) (posts, replays int) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return l.posts, l.replays
}

// What has ended behind an event whose attempt runs is fed to a successor again, which does not count it
// twice.
func TestAReplayCountsOnceThroughATakeover(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.publish(1, 2, "a")
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency = 8 })
		r.out.holds(true)
		r.replay(l, 1, 2, nil)
		r.step()
		elapse(second) // the first attempt begins behind this delta: the next one makes no entry of it
		r.catchUp()
		r.answer(200, 2)
		r.step()
		r.takeover()
		r.goesOn()
		if r.posts(1) != 1 || r.posts(2) != 0 {
			t.Errorf("the successor sent event 1 %d times and event 2 %d times, want 1 and 0", r.posts(1), r.posts(2))
		}
		r.stands(delivery.ReplayDone, 2, 2, 0)
		r.forgot()
	})
}

// While the breaker is not closed nothing of a replay is sent beside what waits anyway.
func TestAReplayWaitsForTheBreaker(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.broken(500, nil)
		sent := func() (n int) {
			for i := 1; i <= 9; i++ {
				n += r.posts(i)
			}
			return n
		}
		before := sent()
		r.s.mu.Lock()
		l.breaker.next = time.Now().Add(time.Minute)
		r.s.mu.Unlock()
		r.replay(l, 1, 3, nil)
		r.step()
		r.catchUp()
		r.step()
		elapse(30 * second)
		if _, replays := r.runs(l); sent() != before || replays != 0 {
			t.Errorf("%d attempts behind an open breaker, %d of the replay", sent()-before, replays)
		}
		elapse(time.Minute)
		if _, replays := r.runs(l); r.posts(9) != 1 || sent() != before+1 || replays != 0 {
			t.Errorf("event 9 was sent %d times, %d attempts in all, %d of the replay; want it as the probe", r.posts(9), sent()-before, replays)
		}
		r.out.holds(false)
		r.answer(200, 9, 7, 8)
		r.is(l, delivery.BreakerClosed)
		r.goesOn()
		r.stands(delivery.ReplayDone, 3, 3, 0)
	})
}

// What a replay sends counts for the breaker, and where nothing else waits one of its attempts is the probe.
func TestAReplayOpensAndClosesTheBreaker(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.publish(1, 20, "a")
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency = 32 })
		r.out.holds(true)
		r.replay(l, 1, 20, nil)
		r.step()
		r.catchUp()
		r.answer(500, 1, 2, 3, 4, 5, 6)
		r.answer(200, 7, 8, 9, 10, 11, 12, 13) // were sent before it opened
		r.is(l, delivery.BreakerOpen)
		elapse(second)
		if posts, _ := r.runs(l); r.posts(14) != 0 || posts != 0 {
			t.Errorf("%d attempts behind an open breaker", posts)
		}
		elapse(5 * second)
		if posts, replays := r.runs(l); posts != 1 || replays != 1 {
			t.Fatalf("%d attempts run, %d of the replay, want the probe", posts, replays)
		}
		r.is(l, delivery.BreakerHalfOpen)
		r.out.holds(false)
		for n := 1; n <= 20; n++ {
			r.out.mu.Lock()
			open := len(r.out.open[fmt.Sprint("evt-", n)])
			r.out.mu.Unlock()
			if open > 0 {
				r.answer(200, n)
			}
		}
		r.is(l, delivery.BreakerClosed)
		elapse(10 * time.Minute)
		r.goesOn()
		r.stands(delivery.ReplayDone, 20, 20, 0)
		r.forgot()
	})
}
