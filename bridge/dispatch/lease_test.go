package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// shared runs a test with processes that share the shards as the test says. The first one holds
// none yet. That nothing of a process is left when it has ended, the bubble itself sees to.
func shared(t *testing.T, shards int, f func(t *testing.T, w *world, p, q *process)) {
	t.Helper()
	inBubble(t, func(t *testing.T, w *world) {
		w.leases = dispatchtest.NewLeases()
		p, q := w.start(t, shards), w.start(t, shards)
		f(t, w, p, q)
		for _, x := range []*process{p, q} {
			if err := x.stop(); err != nil && !x.client.Dead() {
				t.Error(err)
			}
		}
	})
}

// take leases a shard to a process and waits until it owns it.
func (p *process) take(shard int) {
	p.w.leases.Take(shard, p.seat)
	pass(10 * time.Millisecond)
}

// one makes an endpoint take one attempt at a time.
func one(e *endpoint.Endpoint) { e.Concurrency = 1 }

// expect fails unless each of some events was sent to an endpoint just so often.
func (w *world) expect(t *testing.T, endpoint string, times, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		sent := 0
		for _, p := range w.all() {
			if p.endpoint == endpoint && p.event == id(n) {
				sent++
			}
		}
		if sent != times {
			t.Errorf("event %d was sent to %s %d times, want %d", n, endpoint, sent, times)
		}
	}
}

// records counts what a shard's state log holds.
func (w *world) records(shard int) int {
	return len(w.store.Records(bus.LogName{Kind: bus.State, Shard: shard}))
}

// recorded counts the attempts in a shard's journal.
func (w *world) recorded(shard int) (n int) {
	for _, data := range w.store.Journal(shard) {
		err := delivery.DecodeAttempts(data, func(delivery.Attempt) error { n++; return nil })
		if err != nil {
			panic(err)
		}
	}
	return n
}

func TestPlannedMoveRepeatsNothing(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		p.register(t, "crm", nil)
		w.publish(1, 20, "a")
		pass(100 * time.Millisecond)
		began := time.Now()
		if !w.leases.Give(0) {
			t.Fatal("the lease ran out")
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("it took %v to hand over what nothing runs for", took)
		}
		q.take(0)
		w.publish(21, 30, "a")
		pass(10 * time.Second)
		w.expect(t, "crm", 1, 1, 30)
	})
}

// The last delta says that the shard is handed over only when nothing runs and everything is in
// the journal.
func TestHandedOverIsSaidWhenAllIsJournaled(t *testing.T) {
	for name, slow := range map[string]time.Duration{"said": 0, "not said": 7 * time.Second} {
		t.Run(name, func(t *testing.T) {
			shared(t, 1, func(t *testing.T, w *world, p, _ *process) {
				p.take(0)
				p.register(t, "crm", nil)
				pass(2 * time.Second)
				p.client.Set(dispatchtest.Faults{Journal: func() dispatchtest.Fault { return dispatchtest.Fault{Delay: slow} }})
				w.publish(1, 1, "a")
				pass(100 * time.Millisecond)
				w.leases.Give(0)
				handed, err := dispatch.HandedOver(t.Context(), w.store.Connect(), 0)
				if err != nil || handed != (slow == 0) {
					t.Errorf("handed over: %v, %v", handed, err)
				}
				pass(10 * time.Second)
			})
		})
	}
}

// What runs when a shard is asked for is waited for; nothing begins meanwhile, here or there.
func TestGiveWaitsForWhatRuns(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		p.register(t, "crm", one)
		w.slowly(3 * time.Second)
		w.publish(1, 3, "a")
		pass(time.Second) // 1 runs
		began := time.Now()
		given := make(chan struct{})
		go func() {
			defer close(given)
			w.leases.Give(0)
		}()
		pass(time.Second)
		if handed, err := dispatch.HandedOver(t.Context(), w.store.Connect(), 0); handed || err != nil {
			t.Errorf("handed over while an attempt runs: %v, %v", handed, err)
		}
		<-given
		if took := time.Since(began); took < 1900*time.Millisecond || took > 2100*time.Millisecond {
			t.Errorf("giving took %v, the attempt needed 2s", took)
		}
		q.take(0)
		pass(30 * time.Second)
		w.expect(t, "crm", 1, 1, 3)
		for _, post := range w.all() {
			if post.event != id(1) && post.owner != q {
				t.Errorf("%s was sent by the process that had given the shard", post.event)
			}
		}
	})
}

func TestAttemptCutOffByAMoveDoesNotCount(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		p.register(t, "crm", nil)
		w.slowly(20 * time.Second)
		w.publish(1, 1, "a")
		pass(time.Second)
		began := time.Now()
		w.leases.Give(0)
		if took := time.Since(began); took < 4900*time.Millisecond || took > 5500*time.Millisecond {
			t.Errorf("giving took %v, the grace is 5s", took)
		}
		w.slowly(time.Millisecond)
		q.take(0)
		pass(10 * time.Second)
		w.expect(t, "crm", 1, 1, 1)
		if first := w.all()[0]; first.attempt != 1 {
			t.Errorf("it arrived with attempt %d, want 1", first.attempt)
		}
	})
}

// A shard that is lost: no attempt begins, those that run are finished and journaled however long
// they take, no record is written, and nothing is remembered.
func TestLostShard(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		p.register(t, "crm", one)
		w.slowly(9 * time.Second)
		w.publish(1, 3, "a")
		pass(1500 * time.Millisecond) // 1 runs
		w.leases.Expire(0)
		p.seat.Tell()
		records := w.records(0)
		if n := p.dispatcher.Stats().Shards; n != 0 {
			t.Errorf("it owns %d shards still", n)
		}
		pass(9 * time.Second)
		if n := w.recorded(0); n != 1 || w.posted() != 1 {
			t.Errorf("%d attempts were made and %d recorded, want the one that ran", w.posted(), n)
		}
		if n := w.records(0) - records; n != 0 {
			t.Errorf("%d records were written after the loss", n)
		}
		w.slowly(time.Millisecond)
		q.take(0)
		pass(10 * time.Second)
		w.expect(t, "crm", 1, 1, 3)
	})
}

// A lease that runs out while its shard is being handed over ends that.
func TestLostWhileItIsGiven(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, _ *process) {
		p.take(0)
		p.register(t, "crm", one)
		w.slowly(4 * time.Second)
		w.publish(1, 2, "a")
		pass(2500 * time.Millisecond) // 1 runs
		go w.leases.Give(0)
		pass(500 * time.Millisecond)
		w.leases.Expire(0)
		pass(100 * time.Millisecond)
		records := w.records(0)
		pass(10 * time.Second)
		if n := w.records(0) - records; n != 0 || w.recorded(0) != 1 {
			t.Errorf("%d records were written after the loss, and %d attempts recorded, want none and the one that ran", n, w.recorded(0))
		}
	})
}

// A process that was away while its lease ran out begins nothing when it comes back, and does not
// take the shard from its next owner, however late it hears of it.
func TestZombieLeavesTheNextOwnerAlone(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		p.register(t, "crm", nil)
		w.publish(1, 5, "a")
		pass(2 * time.Second)
		w.leases.Expire(0)
		q.take(0)
		for n := 6; n <= 60; n++ {
			w.publish(n, n, "a")
			if n%10 == 0 { // something to write, so that the zombie finds out
				q.register(t, fmt.Sprint("none", n), func(e *endpoint.Endpoint) { e.Events = []string{"none"} })
			}
			pass(time.Second)
		}
		w.expect(t, "crm", 1, 1, 60)
		if n, err := dispatch.Claims(t.Context(), w.store.Connect(), 0); n != 2 || err != nil {
			t.Errorf("the shard was claimed %d times, want once by each: %v", n, err)
		}
		for _, post := range w.all()[5:] {
			if post.owner != q {
				t.Errorf("%s was sent by the zombie", post.event)
			}
		}
		p.seat.Tell()
	})
}

// A shard that comes back is claimed when the attempts of the turn before have ended.
func TestTakenAgainWhileItsAttemptsRun(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, _ *process) {
		p.take(0)
		p.register(t, "crm", one)
		w.slowly(5 * time.Second)
		w.publish(1, 2, "a")
		pass(1500 * time.Millisecond)
		w.leases.Expire(0)
		p.seat.Tell()
		p.take(0)
		records := w.records(0)
		pass(3 * time.Second)
		if n := w.records(0) - records; n != 0 || p.dispatcher.Stats().Shards != 0 {
			t.Errorf("%d records were written while an attempt of the turn before runs", n)
		}
		pass(20 * time.Second)
		w.expect(t, "crm", 1, 1, 2)
	})
}

// While a lease does not hold for certain attempts wait; when it was renewed they go on, with
// nothing read again.
func TestLapsedLeaseHoldsAttemptsBack(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, _ *process) {
		p.take(0)
		p.register(t, "crm", nil)
		pass(time.Second)
		w.leases.Lapse(0)
		w.publish(1, 3, "a")
		pass(10 * time.Second)
		if n := w.posted(); n != 0 {
			t.Fatalf("%d attempts began under a lease that does not hold", n)
		}
		w.leases.Renew(0)
		pass(1500 * time.Millisecond)
		w.expect(t, "crm", 1, 1, 3)
	})
}

// An attempt whose event had to be read again begins only if the lease still holds then.
func TestLeaseThatLapsesWhileAnEventIsRead(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, _ *process) {
		p.take(0)
		p.register(t, "crm", nil)
		w.mu.Lock()
		w.answer = func(_, _ string, attempt int) delivery.Response {
			if attempt == 1 {
				return failure
			}
			return delivery.Response{Status: 200}
		}
		w.mu.Unlock()
		w.publish(1, 1, "a")
		pass(100 * time.Millisecond)
		p.client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name == "Get" {
				w.leases.Lapse(0)
			}
			return nil
		}})
		pass(5 * time.Second)
		w.expect(t, "crm", 1, 1, 1)
		p.client.Set(dispatchtest.Faults{})
		w.leases.Renew(0)
		pass(5 * time.Second)
		w.expect(t, "crm", 2, 1, 1)
		if last := w.all()[1]; last.attempt != 2 {
			t.Errorf("it was attempt %d, want 2: the one that was held back does not count", last.attempt)
		}
	})
}
