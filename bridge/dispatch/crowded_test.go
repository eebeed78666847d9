package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// An attempt for which there was no connection is made again soon and counts for nothing: not for the
// schedule, nor for the quota.
func TestAnAttemptWithoutAConnectionDoesNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		crowded := 5
		w.answer = func(string, string, int) delivery.Response {
			if crowded--; crowded >= 0 {
				return delivery.Response{Reason: delivery.ReasonCrowded}
			}
			return delivery.Response{Status: 200, Waited: 10 * time.Millisecond}
		}
		p := w.start(t, 1)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.DisableAfter = time.Millisecond })
		pass(time.Second)
		w.publish(1, 1, "a")
		pass(10 * time.Second)
		if n := w.delivered("crm", id(1)); n != 1 {
			t.Fatalf("delivered %d times", n)
		}
		for _, post := range w.all() {
			if post.attempt != 1 {
				t.Errorf("attempt %d", post.attempt)
			}
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.attempted) != 1 || p.attempted[0].Outcome != delivery.Delivered {
			t.Fatalf("in the journal: %+v", p.attempted)
		}
		if a := p.attempted[0]; a.Received.Sub(a.Sent) >= 10*time.Millisecond {
			t.Errorf("the wait is part of the attempt: %v", a.Received.Sub(a.Sent))
		}
	})
}
