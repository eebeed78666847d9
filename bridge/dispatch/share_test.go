package dispatch_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

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
		if e := p.register(t, name, change); delivery.ShardOf(e.ID, shards) == shard {
			return e
		} else if err := p.registry.Delete(t.Context(), e.ID, nil); err != nil {
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
		q.inShard(t, 1, 2, "crm", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Hour) })
		w.mu.Lock()
		w.answer = func(string, string, int) delivery.Response { return failure }
		w.mu.Unlock()
		w.publish(1, 1, "a")
		pass(100 * time.Millisecond)
		w.leases.Give(1)
		q.mu.Lock()
		a := q.attempted[0]
		q.mu.Unlock()
		e := delivery.Entry{ID: a.Delivery, Endpoint: a.Endpoint, Event: a.Event, Number: 2}
		if err := p.dispatcher.Command(t.Context(), delivery.Command{Kind: delivery.RetryNow, Entry: e}); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second) // p has acted on it for the shard that it owns
		p.take(1)
		pass(3 * time.Second)
		if n := p.ended()[delivery.EndedExhausted]; n != 1 {
			t.Errorf("%d deliveries were tried again and given up, want 1", n)
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
		w.answer = func(endpoint, _ string, _ int) delivery.Response {
			if endpoint == "erp" {
				return failure
			}
			return delivery.Response{Status: 200}
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
		w.answer = func(string, string, int) delivery.Response { return delivery.Response{Status: 200} }
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
		if n := q.ended()[delivery.EndedExpired]; n != 0 {
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
			if err := p.dispatcher.Command(t.Context(), delivery.Command{Kind: delivery.RetryNow}); err != nil {
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
