package dispatch

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// within fails where more than so many attempts lie in any interval.
func within(t *testing.T, limit setting.Quota, begun []time.Time) {
	t.Helper()
	for i := limit.Count; i < len(begun); i++ {
		if gap := begun[i].Sub(begun[i-limit.Count]); gap < limit.Per {
			t.Fatalf("attempts %d to %d begin within %v, want no more than %s", i-limit.Count+1, i+1, gap, limit)
		}
	}
}

// Attempts that come at any time: never more than the limit, and nearly as many. Owners change now
// and then, with and without a hand-over.
func TestQuotaIsExact(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(1, 2))
	for _, limit := range []setting.Quota{{Count: 1, Per: time.Second}, {Count: 10, Per: time.Second}, {Count: 7, Per: time.Minute}, {Count: 10, Per: time.Hour}, {Count: 500, Per: time.Minute}} {
		for _, kills := range []bool{false, true} {
			q := newQuota(limit)
			now := time.Date(2026, 5, 4, 10, 0, 0, 123456789, time.UTC)
			began := now
			var begun []time.Time
			var logged statelog.Spent
			var flying *statelog.Spent // a delta that is not in the log yet: attempts begin meanwhile
			land := func() {
				if flying != nil {
					logged, flying = *flying, nil
					q.landed()
				}
			}
			tick := min(limit.Per/time.Duration(20*limit.Count), 200*time.Millisecond)
			delta := now
			for range 60_000 {
				now = now.Add(time.Duration(chance.Int64N(int64(tick))))
				if chance.IntN(2) == 0 {
					land()
				}
				if now.Sub(delta) >= deltaEvery {
					delta = now
					land()
					if s, changed := q.durable(now, false); changed {
						flying = &s
					}
				}
				if kills && chance.IntN(20_000) == 0 {
					if chance.IntN(2) == 0 {
						land()
						if s, changed := q.durable(now, true); changed {
							logged = s
						}
					} else if flying != nil && chance.IntN(2) == 0 { // it landed, and nobody heard of it
						logged = *flying
					}
					flying = nil
					q = newQuota(limit)
					q.restore(logged, now)
				}
				for q.open() && !q.ready(0).After(now) {
					q.take(now)
					begun = append(begun, now)
				}
			}
			within(t, limit, begun)
			most := float64(limit.Count) * float64(now.Sub(began)) / float64(limit.Per)
			if least := 0.95 * (most - float64(limit.Count)); !kills && float64(len(begun)) < least {
				t.Errorf("%s: %d attempts in %v, want 95%% of %.0f", limit, len(begun), now.Sub(began), most)
			}
		}
	}
}

// What began and was not made leaves room for another.
func TestQuotaGivesBack(t *testing.T) {
	t.Parallel()
	q := newQuota(setting.Quota{Count: 3, Per: time.Hour})
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	for n := range 3 {
		q.take(now.Add(time.Duration(n) * 10 * time.Minute))
	}
	full := q.ready(0)
	q.giveBack(now.Add(10 * time.Minute))
	if full.IsZero() || !q.ready(0).IsZero() || q.used != 2 {
		t.Errorf("room at %v, then at %v with %d used", full, q.ready(0), q.used)
	}
	q.take(now.Add(30 * time.Minute))
	if got := q.ready(0); !got.Equal(full) {
		t.Errorf("full again until %v, want %v", got, full)
	}
}

func TestQuotaSaysWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	q := newQuota(setting.Quota{Count: 3, Per: time.Minute})
	q.granted = 9
	for range 2 {
		q.take(now)
	}
	q.take(now.Add(30 * time.Second))
	in := func(d time.Duration) time.Time { return now.Add(d + 600*time.Millisecond) } // the end of a slot
	for before, want := range []time.Time{in(time.Minute), in(time.Minute), in(90 * time.Second), in(2 * time.Minute), in(2 * time.Minute), in(150 * time.Second)} {
		if at := q.ready(before); !at.Equal(want) {
			t.Errorf("behind %d others: %v, want %v", before, at.Sub(now), want.Sub(now))
		}
	}
	q.renew(setting.Quota{Count: 4, Per: time.Hour}, now.Add(40*time.Second))
	if q.used != 3 || q.granted != 0 || q.ready(0) != (time.Time{}) || q.ready(1).Before(now.Add(time.Hour)) {
		t.Errorf("with another limit %d count, %d are granted, room at %v and %v", q.used, q.granted, q.ready(0), q.ready(1))
	}
	q.renew(setting.Quota{}, now)
	if !q.open() || q.ready(99) != (time.Time{}) {
		t.Error("without a limit there is no room")
	}
}

func limited(e *endpoint.Endpoint) {
	e.AttemptsLimit = setting.Quota{Count: 3, Per: time.Hour}
	e.Schedule = endpoint.Waits(time.Minute, time.Minute, time.Minute, time.Minute)
}

// An attempt begins only when the log counts it; what waits says until when.
func TestAttemptsLimitIsGrantedByTheLog(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", limited)
		r.publish(1, 3, "a")
		r.feed()
		sent := func() (n int) {
			for i := 1; i <= 5; i++ {
				n += r.posts(i)
			}
			return n
		}
		if n := sent(); n != 0 {
			t.Fatalf("%d attempts that no delta counts", n)
		}
		begun := time.Now()
		for want := 1; want <= 3; want++ {
			r.step()
			elapse(second)
			if n := sent(); n != want {
				t.Fatalf("%d attempts after %d deltas", n, want)
			}
		}
		r.publish(4, 5, "a")
		r.feed()
		r.step()
		elapse(time.Minute)
		if n := sent(); n != 3 {
			t.Fatalf("%d attempts within an hour, want 3", n)
		}
		if st := r.standing(4); st.Waits != delivery.WaitsLimited || st.Until.Before(begun.Add(time.Hour)) || st.Until.After(begun.Add(61*time.Minute)) {
			t.Errorf("standing %+v, want limited for an hour", st)
		}
		elapse(time.Hour)
		if n := sent(); n != 4 {
			t.Errorf("%d attempts after an hour, want the one more that the last delta grants", n)
		}
		r.step()
		elapse(second)
		if n := sent(); n != 5 {
			t.Errorf("%d attempts after another delta, want 5", n)
		}
	})
}

// A retry that is due and finds no room is told of, so that another replica knows why it waits.
func TestARetryWithoutRoomIsTold(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", limited)
		begun := time.Now()
		r.out.holds(true)
		r.publish(1, 1, "a")
		r.feed()
		for range 3 {
			r.step()
			elapse(61 * second)
			r.answer(500, 1)
		}
		r.step()
		if n := r.d.Note(l.ep.ID); n.Waits != "" {
			t.Errorf("before it is due: %+v", n)
		}
		elapse(70 * second)
		if r.posts(1) != 3 {
			t.Fatalf("%d attempts within an hour, want 3", r.posts(1))
		}
		if n := r.d.Note(l.ep.ID); n.Waits != delivery.WaitsLimited || n.Until.Before(begun.Add(59*time.Minute)) || n.Until.After(begun.Add(63*time.Minute)) {
			t.Errorf("told %+v, want limited for an hour", n)
		}
		_, err := r.reg.SetState(t.Context(), l.ep.ID, endpoint.Paused, "")
		r.must(err)
		r.apply()
		if n := r.d.Note(l.ep.ID); n.Waits != "" {
			t.Errorf("of a paused endpoint, which everybody knows: %+v", n)
		}
	})
}

// A successor counts what was made, and what could have been made unknown to the log.
func TestAttemptsLimitOutlivesItsOwner(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", limited)
		r.out.holds(true)
		begun := time.Now()
		r.publish(1, 3, "a")
		r.feed()
		r.step()
		elapse(second)
		if r.posts(1) != 1 { // no delta names it: it was granted
			t.Fatal("the first attempt has not begun")
		}
		r.takeover()
		r.out.holds(true)
		r.feed()
		for range 5 {
			r.step()
			elapse(second)
		}
		if n := r.posts(1) + r.posts(2) + r.posts(3); n != 2 {
			t.Errorf("the successor has made %d attempts, want the two that are left", n)
		}
		elapse(time.Until(begun.Add(62 * time.Minute)))
		r.step()
		elapse(second)
		if n := r.posts(1) + r.posts(2) + r.posts(3); n < 3 {
			t.Errorf("%d attempts when the hour is over", n)
		}
	})
}

// A shard that is handed over takes back what was granted: nothing of the limit is lost.
func TestHandOverTakesTheGrantBack(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", limited)
		r.step()
		id := l.ep.ID
		if s := r.logged().Spent[id]; s.Ahead != 1 {
			t.Fatalf("granted %+v, want one attempt", s)
		}
		r.s.stop()
		r.must(r.s.writer.handOver(t.Context()))
		if s := r.logged().Spent[id]; s.Ahead != 0 || s.Width == 0 {
			t.Errorf("handed over with %+v", s)
		}
	})
}

// Without a limit there is nothing in the log, nor when its endpoint is gone.
func TestNothingIsSpentWithoutALimit(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", limited)
		r.register("erp", nil)
		r.publish(1, 2, "a")
		r.feed()
		r.step()
		if n := len(r.logged().Spent); n != 1 {
			t.Errorf("%d endpoints in the log, want the one with a limit", n)
		}
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.AttemptsLimit = setting.Quota{} })
		r.apply()
		r.step()
		if n := len(r.logged().Spent); n != 0 {
			t.Errorf("%d endpoints in the log, want none", n)
		}
	})
}
