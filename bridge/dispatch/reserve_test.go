package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A request that is sent a second time takes a place under the rate like any other, and stays
// within its attempt.
func TestSecondRequestCountsUnderTheRate(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Rate = endpoint.Rate{PerSecond: 1, Burst: 1} })
		elapse(5 * second)
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.feed() // takes its time; the first one has begun
		begun := time.Now().Add(-settling)
		if wait, ok := l.reserve(begun.Add(second)); ok || wait != 0 {
			t.Errorf("the attempt ends with the next place, and got one after %v", wait)
		}
		if wait, ok := l.reserve(begun.Add(30 * second)); !ok || wait != time.Until(begun.Add(second)) {
			t.Errorf("waits for %v, %v", wait, ok)
		}
		elapse(time.Until(begun.Add(2*second - time.Millisecond)))
		if got := r.posts(2); got != 0 {
			t.Errorf("%d attempts of the next event before its turn", got)
		}
		elapse(2 * time.Millisecond)
		if got := r.posts(2); got != 1 {
			t.Errorf("%d attempts of the next event in its turn", got)
		}
		r.s.mu.Lock()
		l.hold.until = time.Now().Add(time.Minute)
		r.s.mu.Unlock()
		if _, ok := l.reserve(time.Now().Add(30 * second)); ok {
			t.Error("the endpoint asked for peace, and got a second request")
		}
		r.flow(1, 2)
	})
}
