package dispatch_test

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// stuck is an endpoint that answers after ten minutes, beside one that is well.
func (w *world) stuck(t *testing.T, p *process) {
	t.Helper()
	w.mu.Lock()
	w.latency = func(name string) time.Duration {
		if name == "stuck" {
			return 10 * time.Minute
		}
		return time.Millisecond
	}
	w.mu.Unlock()
	p.register(t, "stuck", func(e *endpoint.Endpoint) { e.Timeout = time.Hour })
	p.register(t, "crm", nil)
	w.publish(1, 1, "a")
	pass(1500 * time.Millisecond)
}

// A shard whose lease is ours is taken back soon after somebody else wrote its log, whatever an
// endpoint takes for its answer.
func TestSupersededShardDoesNotWaitForOneEndpoint(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, _ *process) {
		p.take(0)
		w.stuck(t, p)
		chain := bus.NewChain(w.store.Connect(), bus.LogName{Kind: bus.State})
		if err := chain.Read(t.Context(), func(bus.Record) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := chain.Append(t.Context(), []byte(`{"v":1,"k":"claim"}`)); err != nil {
			t.Fatal(err)
		}
		w.publish(2, 2, "a")
		pass(15 * time.Second)
		w.publish(3, 3, "a")
		pass(time.Second)
		w.expect(t, "crm", 1, 1, 3)
		pass(11 * time.Minute)
		w.once(t, "stuck", 1, 3)
	})
}

// So it is with one that was lost and comes back.
func TestLostShardThatComesBackDoesNotWaitForOneEndpoint(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, _ *process) {
		p.take(0)
		w.stuck(t, p)
		w.leases.Expire(0)
		p.seat.Tell()
		pass(time.Minute)
		if w.delivered("stuck", id(1)) != 0 {
			t.Fatal("the attempt has ended")
		}
		p.take(0)
		pass(15 * time.Second)
		w.publish(2, 2, "a")
		pass(time.Second)
		w.expect(t, "crm", 1, 1, 2)
	})
}
