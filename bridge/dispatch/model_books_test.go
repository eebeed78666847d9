package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// The model's own books: what an attempt may do that begins at the very moment at which its
// process loses the shard and is given it again.
func TestModelBooks(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name    string
		again   time.Duration // after the lease ran out, the shard is given to the process again
		begins  time.Duration // after that, an attempt
		another bool          // the shard is given to another process, which begins one too
		wrong   bool
	}{
		{name: "at that moment"},
		{name: "later", begins: time.Millisecond, wrong: true},
		{name: "the lease had run out before", again: time.Millisecond, wrong: true},
		{name: "another process at that moment", another: true},
		{name: "another process, later", another: true, begins: time.Millisecond, wrong: true},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(t, script{Shards: 1, Partitions: 1, Leases: true})
				m.start()
				m.start()
				defer func() {
					for _, p := range m.alive {
						p.kill()
						<-p.done
					}
				}()
				of, to := m.alive[0], m.alive[0]
				if x.another {
					to = m.alive[1]
				}
				ep := &party{Endpoint: receiver("ep", func(e *endpoint.Endpoint) { e.ID, e.Concurrency = "ep_1", 2 })}
				m.parties = append(m.parties, ep)
				begin := func(p *process) (end func()) {
					m.mu.Lock()
					defer m.mu.Unlock()
					return m.across(p, ep)
				}
				m.w.leases.Expire(0)
				of.seat.Tell()
				m.lease(0, of)
				if !x.another {
					begin(of)
				}
				pass(time.Second)
				m.w.leases.Expire(0)
				pass(x.again)
				m.lease(0, to)
				if x.another {
					begin(to)
				}
				pass(x.begins)
				begin(of)
				if got := len(m.wrong) > 0; got != x.wrong {
					t.Errorf("the model says %q", m.wrong)
				}
			})
		})
	}
}
