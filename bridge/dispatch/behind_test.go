package dispatch

import (
	"context"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// behind is what the API shows of an endpoint.
func (r *rig) behind(l *lane) delivery.Behind {
	if n := r.d.Note(l.ep.ID); n.Behind != nil {
		return *n.Behind
	}
	return delivery.Behind{Events: -1}
}

func TestBehindCountsWhatIsForTheEndpoint(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Events, e.Concurrency = []string{"a.*"}, 1 })
		r.out.holds(true)
		r.publish(1, 3, "a.x")
		r.publish(4, 100, "b.x")
		r.publish(101, 110, "a.x") // the lane takes four, one of which has begun
		r.feed()
		if b := r.behind(l); b.Events != 11 && b.Events != 12 || b.About || b.Since.IsZero() || b.Oldest.IsZero() {
			t.Errorf("behind %+v, want what is for it and was not begun", b)
		}
		r.catchUp()
		for n := range 13 {
			r.answer(200, []int{1, 2, 3, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110}[n])
			r.step()
			r.catchUp()
			if b := r.behind(l); b.Events < -1 || b.Events > int64(12-n) || b.About {
				t.Errorf("after %d: %+v", n+1, b)
			}
		}
		if b := r.behind(l); b.Events != -1 {
			t.Errorf("behind %+v, and everything was delivered", b)
		}
	})
}

// The past of a new endpoint is counted by its length, which is said.
func TestAPastShowsAsBehind(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.publish(1, 50, "a.x")
		r.feed()
		r.out.holds(true)
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Start, e.Concurrency = endpoint.StartAll, 1 })
		if b := r.behind(l); b.Events != 50 || !b.About || b.Since.IsZero() {
			t.Errorf("behind %+v, want about 50", b)
		}
		r.catchUp()
		if b := r.behind(l); b.Events >= 50 || b.Events < 40 || !b.About {
			t.Errorf("behind %+v, want about what the lane did not take", b)
		}
		r.step()
		r.takeover()
		if b := r.behind(r.lane(l.ep.ID)); b.Events < 40 || b.Events > 50 || !b.About {
			t.Errorf("behind %+v for the next owner", b)
		}
	})
}

// A reader may be ahead of the live feed.
func TestBehindIsNeverNegative(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", nil)
		_, err := r.reg.SetState(t.Context(), l.ep.ID, endpoint.Paused, "")
		r.must(err)
		r.apply()
		r.publish(1, 20, "a")
		r.feed()
		r.s.mu.Lock()
		for _, c := range l.feedOf(part).ranges {
			c.read.Seq += 30
		}
		r.s.mu.Unlock()
		if b := r.behind(l); b.Events != 0 {
			t.Errorf("behind %+v", b)
		}
	})
}

func TestLocateFindsAnEvent(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.publish(1, 30, "a")
		elapse(time.Hour)
		r.publish(31, 1500, "a")
		now := time.Now()
		for _, c := range []struct {
			event int
			from  bus.Positions
			since time.Time
			found int
		}{
			{1499, nil, now, 1},
			{31, nil, now.Add(-time.Second), 1},
			{1, bus.Positions{part: {Identity: "first", Seq: 0}}, now, 1},
			{1501, bus.Positions{part: {Identity: "first", Seq: 0}}, now, 0},
			{1, bus.Positions{part: {Identity: "another", Seq: 0}}, now.Add(time.Second), 0},
			{1500, bus.Positions{part: {Identity: "first", Seq: 1499}}, time.Time{}, 1},
			{1500, bus.Positions{part: {Identity: "first", Seq: 1500}}, time.Time{}, 0}, // nothing is read for it
			{1, bus.Positions{part: {Identity: "first", Seq: 0}}, time.Time{}, 1},
			{1500, nil, time.Time{}, 0},
		} {
			found, whole := r.d.Locate(t.Context(), dispatchtest.Event(c.event, "").ID, c.from, c.since)
			if len(found) != c.found || !whole {
				t.Errorf("event %d from %v: found %d, whole %v", c.event, c.from, len(found), whole)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, whole := r.d.Locate(ended, "x", nil, now); whole {
			t.Error("a search that was cut off saw everything")
		}
	})
}
