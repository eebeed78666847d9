package dispatch

import (
	"testing"
	"time"
)

func TestTolls(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var l toll
	for range 10_000 {
		l.pay(tollFree, now)
	}
	if l.high(0) {
		t.Errorf("quick looks are owed for: %v", l.owed)
	}
	for range 51 {
		l.pay(time.Millisecond, now)
	}
	if !l.high(tollMost) || l.left(now.Add(time.Second)) != 41*time.Millisecond || l.left(now.Add(time.Hour)) != 0 {
		t.Errorf("owed %v, and %v a second later", l.owed, l.left(now.Add(time.Second)))
	}
	for range 1000 {
		l.pay(time.Millisecond, now)
	}
	if l.owed != tollLimit {
		t.Errorf("owed %v", l.owed)
	}
	if l.pay(0, now.Add(10*time.Second)); l.owed != tollLimit-100*time.Millisecond {
		t.Errorf("after a quick look %v are owed", l.owed)
	}
}

// An endpoint whose filters are slow is fed by a reader of its own until they are no burden any more.
// What is for it stays the same.
func TestSlowFiltersLeaveTheLiveFeed(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", filtered(`[{"jq":".attributes.subject != \"3\""}]`))
		away := func() bool {
			r.s.mu.Lock()
			defer r.s.mu.Unlock()
			return l.feedOf(part).behind
		}
		r.publish(1, 2, "a")
		r.feed()
		r.s.mu.Lock()
		l.toll = toll{tollLimit, time.Now()}
		r.s.mu.Unlock()
		r.publish(3, 5, "a")
		r.feed()
		if !away() || r.posts(4) != 0 {
			t.Error("it is still live")
		}
		if b := r.behind(l); b.Events == 0 || !b.About {
			t.Errorf("behind by %+v, want about as many as there are", b)
		}
		r.d.ranges.Once(t.Context()) // a second, of which a hundredth is forgiven
		if !away() || r.posts(4) != 1 {
			t.Error("it joined while its filters are a burden, or was not fed")
		}
		elapse(time.Minute)
		r.publish(6, 6, "a")
		r.feed()
		r.catchUp()
		if away() {
			t.Error("it has not joined the live feed again")
		}
		r.publish(7, 7, "a")
		r.feed()
		for n, want := range []int{1, 1, 0, 1, 1, 1, 1} {
			if got := r.posts(n + 1); got != want {
				t.Errorf("event %d was sent %d times, want %d", n+1, got, want)
			}
		}
	})
}
