package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
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
		if n := len(w.store.Journal(0)); n != 1 || w.posted() != 1 {
			t.Errorf("%d attempts were made and %d journal entries written, want the one that ran", w.posted(), n)
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
		if n := w.records(0) - records; n != 0 || len(w.store.Journal(0)) != 1 {
			t.Errorf("%d records were written after the loss, %d to the journal, want none and the attempt that ran", n, len(w.store.Journal(0)))
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
		w.answer = func(_, _ string, attempt int) dispatch.Response {
			if attempt == 1 {
				return failure
			}
			return dispatch.Response{Status: 200}
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

// A limit on the rate holds across a move: the new owner begins without a token.
func TestRateHoldsAcrossAMove(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.Rate = endpoint.Rate{PerSecond: 1, Burst: 1} })
		pass(5 * time.Second)
		w.publish(1, 6, "a")
		pass(2500 * time.Millisecond)
		w.leases.Give(0)
		q.take(0)
		pass(20 * time.Second)
		w.expect(t, "crm", 1, 1, 6)
		for i, post := range w.all()[1:] {
			if apart := post.at.Sub(w.all()[i].at); apart < time.Second {
				t.Errorf("posts %d and %d are %v apart", i, i+1, apart)
			}
		}
	})
}

// An endpoint that was made while nobody owned its shard is served as soon as somebody does.
func TestAdoptedShardServesNewEndpoints(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		p.register(t, "crm", nil)
		pass(2 * time.Second)
		w.leases.Give(0)
		p.register(t, "erp", nil)
		w.publish(1, 4, "a")
		q.take(0)
		w.publish(5, 8, "a")
		pass(500 * time.Millisecond)
		w.expect(t, "crm", 1, 1, 8)
		w.expect(t, "erp", 1, 1, 8)
	})
}

// inShard registers endpoints until one lies in a shard.
func (p *process) inShard(t *testing.T, shard, shards int, name string, change func(*endpoint.Endpoint)) *endpoint.Endpoint {
	t.Helper()
	for n := range 100 {
		if e := p.register(t, name, change); dispatch.ShardOf(e.ID, shards) == shard {
			return e
		} else if err := p.registry.Delete(t.Context(), e.ID); err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
	}
	t.Fatal("no endpoint lies there")
	return nil
}

// A command waits in the log for whoever owns its shard next, also one who had read past it for
// the shards that it owned by then.
func TestCommandReachesAShardThatIsAdoptedLater(t *testing.T) {
	shared(t, 2, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		q.take(1)
		q.inShard(t, 1, 2, "crm", func(e *endpoint.Endpoint) { e.Schedule = []time.Duration{time.Hour} })
		w.mu.Lock()
		w.answer = func(string, string, int) dispatch.Response { return failure }
		w.mu.Unlock()
		w.publish(1, 1, "a")
		pass(100 * time.Millisecond)
		w.leases.Give(1)
		q.mu.Lock()
		a := q.attempted[0]
		q.mu.Unlock()
		e := dispatch.Entry{ID: a.Delivery, Endpoint: a.Endpoint, Event: a.Event, Number: 2}
		if err := p.dispatcher.Command(t.Context(), dispatch.Command{Kind: dispatch.Cancel, Entry: e}); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second) // p has acted on it for the shard that it owns
		p.take(1)
		pass(3 * time.Second)
		if n := p.ended()[dispatch.Cancelled]; n != 1 {
			t.Errorf("%d deliveries were cancelled, want 1", n)
		}
	})
}

// What another process's shard still needs is not purged, and commands that it has not acted on
// are kept.
func TestSpaceLeavesWhatOthersNeed(t *testing.T) {
	shared(t, 2, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		q.take(1)
		p.inShard(t, 0, 2, "crm", nil)
		q.inShard(t, 1, 2, "erp", nil)
		w.mu.Lock()
		w.answer = func(endpoint, _ string, _ int) dispatch.Response {
			if endpoint == "erp" {
				return failure
			}
			return dispatch.Response{Status: 200}
		}
		w.mu.Unlock()
		pass(time.Second)
		w.publish(1, 10, "a")
		pass(3 * time.Second)
		w.store.SetRoom(bus.Room{Used: 99, Limit: 100})
		pass(10 * time.Second)
		if n := len(w.store.Kept(dispatchtest.Partition)); n != 10 {
			t.Errorf("%d of 10 events are kept that the other process has still to deliver", n)
		}
		w.mu.Lock()
		w.answer = func(string, string, int) dispatch.Response { return dispatch.Response{Status: 200} }
		w.mu.Unlock()
		pass(time.Minute)
		w.expect(t, "crm", 1, 1, 10)
		for n := 1; n <= 10; n++ {
			if w.delivered("erp", id(n)) != 1 {
				t.Errorf("event %d was delivered to erp %d times", n, w.delivered("erp", id(n)))
			}
		}
		if n := len(w.store.Kept(dispatchtest.Partition)); n != 0 {
			t.Errorf("%d events are kept that everybody has", n)
		}
	})
}

// An endpoint that the holder of shard 0 has not heard of yet is needed for all the same.
func TestSpaceKnowsEndpointsOfOthers(t *testing.T) {
	shared(t, 2, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		q.take(1)
		p.inShard(t, 0, 2, "crm", nil)
		pass(2 * time.Second)
		w.store.SetRoom(bus.Room{Used: 99, Limit: 100})
		pass(1900 * time.Millisecond)
		w.slowly(15 * time.Second)
		q.inShard(t, 1, 2, "erp", nil)
		w.publish(1, 3, "a")
		pass(30 * time.Second)
		w.expect(t, "erp", 1, 1, 3)
		if n := q.ended()[dispatch.Expired]; n != 0 {
			t.Errorf("%d deliveries expired", n)
		}
	})
}

func TestCommandsAreTrimmedBehindEveryOwner(t *testing.T) {
	shared(t, 2, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		q.take(1)
		q.inShard(t, 1, 2, "erp", nil)
		pass(2 * time.Second)
		q.client.Freeze()
		log := bus.LogName{Kind: bus.Commands}
		for range 3 {
			if err := p.dispatcher.Command(t.Context(), dispatch.Command{Kind: dispatch.Cancel}); err != nil {
				t.Fatal(err)
			}
		}
		pass(15 * time.Minute)
		if n := len(w.store.Records(log)); n != 3 {
			t.Errorf("%d of 3 commands are kept that one owner has not read", n)
		}
		q.client.Thaw()
		pass(15 * time.Minute)
		if n := len(w.store.Records(log)); n != 1 {
			t.Errorf("%d commands are kept, want the last one", n)
		}
	})
}

// What waits for an endpoint of another process is told by its shard's log.
func TestBehindElsewhere(t *testing.T) {
	shared(t, 2, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		q.take(1)
		slow := q.inShard(t, 1, 2, "erp", func(e *endpoint.Endpoint) { e.Rate = endpoint.Rate{PerSecond: 1, Burst: 1} })
		live := q.inShard(t, 1, 2, "crm", nil)
		pass(time.Second)
		w.publish(1, 3000, "a")
		pass(20 * time.Second)
		var reads atomic.Int64
		p.client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name == "Read" {
				reads.Add(1)
			}
			return nil
		}})
		own := q.dispatcher.Behind(slow.ID)
		b, err := p.dispatcher.LastBehind(t.Context(), slow.ID)
		if err != nil || b == nil || own == nil || b.Events < own.Events || b.Events > own.Events+1100 || !b.Since.IsZero() {
			t.Errorf("behind %+v, %v; its owner says %+v", b, err, own)
		}
		asked := reads.Load()
		if b, err := p.dispatcher.LastBehind(t.Context(), live.ID); b != nil || err != nil {
			t.Errorf("a live endpoint is behind: %+v, %v", b, err)
		}
		if n := reads.Load() - asked; n != 0 {
			t.Errorf("the second look within a second read the log %d times", n)
		}
		if owned, all := p.dispatcher.Owned(); len(owned) != 1 || owned[0] != 0 || all != 2 {
			t.Errorf("it owns %v of %d", owned, all)
		}
		q.kill() // it would deliver for long
	})
}

// A process that owns nothing reads no topic, and begins to when it is given a shard.
func TestProcessWithoutAShardReadsNothing(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, q *process) {
		var follows atomic.Int64
		q.client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name == "Follow" {
				follows.Add(1)
			}
			return nil
		}})
		p.take(0)
		p.register(t, "crm", nil)
		w.publish(1, 50, "a")
		pass(time.Minute)
		if n := follows.Load(); n != 0 {
			t.Errorf("it followed the topics %d times without a shard", n)
		}
		w.leases.Give(0)
		q.take(0)
		w.publish(51, 60, "a")
		pass(5 * time.Second)
		w.expect(t, "crm", 1, 1, 60)
		w.leases.Give(0)
		p.take(0)
		w.publish(61, 62, "a")
		pass(10 * time.Second)
		idle := follows.Load()
		w.publish(63, 80, "a")
		pass(time.Minute)
		if n := follows.Load() - idle; n > 0 {
			t.Errorf("it went on reading, %d times, after it had given its only shard", n)
		}
		w.expect(t, "crm", 1, 61, 80)
	})
}

// A shard that is asked for in the moment in which it was taken is given, and nothing of it stays.
func TestAskedForWhileItIsTaken(t *testing.T) {
	shared(t, 1, func(t *testing.T, w *world, p, q *process) {
		var loading atomic.Bool
		p.client.Set(dispatchtest.Faults{Call: func(name string) error {
			switch {
			case name == "JournalSpan":
				loading.Store(true)
			case name == "Read" && loading.Swap(false): // of the registry, the last thing that a load asks for
				go w.leases.Give(0)
				pass(time.Millisecond)
			}
			return nil
		}})
		w.leases.Take(0, p.seat)
		pass(100 * time.Millisecond)
		if n := p.dispatcher.Stats().Shards; n != 0 || w.leases.Lease(0) != nil {
			t.Errorf("it owns %d shards after it was asked for the only one", n)
		}
		q.take(0)
		q.register(t, "crm", nil)
		w.publish(1, 5, "a")
		pass(5 * time.Second)
		w.expect(t, "crm", 1, 1, 5)
		for _, post := range w.all() {
			if post.owner != q {
				t.Errorf("%s was sent by a process that does not own the shard", post.event)
			}
		}
	})
}

// Records of a shard that was lost, which the journal never took, hold nothing else back.
func TestLostRecordsHoldNobodyBack(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.leases, w.small = dispatchtest.NewLeases(), true
		p := w.start(t, 1)
		p.take(0)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.Concurrency = 20 })
		pass(time.Second)
		p.client.Set(dispatchtest.Faults{Journal: func() dispatchtest.Fault { return dispatchtest.Fault{Err: bus.ErrUnavailable} }})
		w.publish(1, 30, "a")
		pass(time.Second)
		w.leases.Expire(0)
		p.seat.Tell()
		pass(10 * time.Second)
		p.client.Set(dispatchtest.Faults{})
		p.take(0)
		pass(30 * time.Second)
		for n := 1; n <= 30; n++ {
			if w.delivered("crm", id(n)) == 0 {
				t.Errorf("event %d was not delivered", n)
			}
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Leases that end with an error end the process in order.
func TestLeasesThatFail(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.leases = dispatchtest.NewLeases()
		p := w.launch(1)
		p.dispatcher = dispatch.New(p.config(refused{p.seat}))
		if err := p.prepare(); err != nil {
			t.Fatal(err)
		}
		p.run()
		p.take(0)
		p.register(t, "crm", nil)
		w.publish(1, 5, "a")
		pass(5 * time.Second)
		if n := p.dispatcher.Stats().Shards; n != 0 {
			t.Errorf("it owns %d shards still", n)
		}
		if err := p.stop(); !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("it ended with %v, want what the leases said", err)
		}
		handed, err := dispatch.HandedOver(t.Context(), w.store.Connect(), 0)
		if err != nil || !handed {
			t.Errorf("handed over: %v, %v", handed, err)
		}
		w.expect(t, "crm", 1, 1, 5)
	})
}

// refused are leases that nobody may have after a second.
type refused struct{ *dispatchtest.Seat }

func (r refused) Join(_ context.Context, shards int, m bus.Member) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = r.Seat.Join(ctx, shards, held{m}) }()
	pass(time.Second)
	return bus.ErrUnavailable
}

// held is a member that is never asked for what it has.
type held struct{ bus.Member }

func (held) Give(context.Context, int) {}
