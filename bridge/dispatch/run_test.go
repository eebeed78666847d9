package dispatch_test

import (
	"errors"
	"flag"
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// lingering is what a server's connection does for half a second after it was closed early.
var lingering = goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")

func TestMain(m *testing.M) {
	debug.SetGCPercent(400)                                // worlds come and go
	if err := flag.Set("rapid.checks", "15"); err != nil { // what the flag itself says comes after
		panic(err)
	}
	goleak.VerifyTestMain(m, lingering)
}

// inBubble runs a test with a world in a synctest bubble.
func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
}

// slowly makes every receiver take its time.
func (w *world) slowly(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latency = func(string) time.Duration { return d }
}

// A shard that another process has taken over is taken back when that one is gone, and what
// the first owner had begun is not begun again beside it.
func TestSupersededShardIsTakenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		w.slowly(3 * time.Second)
		w.publish(1, 5, "a")
		pass(time.Second)
		q := w.start(t, shards)
		pass(500 * time.Millisecond)
		q.kill()
		<-q.done
		w.slowly(time.Millisecond)
		w.publish(6, 10, "a")
		pass(3 * time.Minute)
		w.publish(11, 15, "a")
		pass(time.Minute)
		for n := 1; n <= 15; n++ {
			if w.delivered("crm", id(n)) == 0 {
				t.Errorf("event %d was lost", n)
			}
		}
		if left := p.dispatcher.Remembered(); len(left) > 0 {
			t.Errorf("still in memory: %v", left)
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A stop ends within the grace and a few seconds, whatever the bus does, and whatever runs.
func TestStopEndsWhileTheBusIsAway(t *testing.T) {
	for name, slow := range map[string]time.Duration{"nothing runs": time.Millisecond, "an attempt runs": time.Minute} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.start(t, shards)
				p.register(t, "crm", nil)
				w.slowly(slow)
				w.publish(1, 50, "a")
				pass(time.Second)
				away := dispatchtest.Fault{Err: bus.ErrUnavailable}
				p.client.Set(dispatchtest.Faults{
					Append:  func(bus.LogName) dispatchtest.Fault { return away },
					Journal: func() dispatchtest.Fault { return away },
					Call:    func(string) error { return bus.ErrUnavailable },
				})
				w.publish(51, 60, "a")
				pass(10 * time.Second)
				began := time.Now()
				_ = p.stop()
				if took := time.Since(began); took > 11*time.Second {
					t.Errorf("the stop took %v, the grace is 5s", took)
				}
			})
		})
	}
}

// One shard's trouble at a stop is not another's: what can hand over does.
func TestHandOverOfOneShardDoesNotWaitForAnother(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.start(t, 2)
		for n := range 6 {
			p.register(t, fmt.Sprint("ep", n), nil)
		}
		w.publish(1, 5, "a")
		pass(500 * time.Millisecond)
		p.client.Set(dispatchtest.Faults{Append: func(log bus.LogName) dispatchtest.Fault {
			if log.Kind == bus.State && log.Shard == 0 {
				return dispatchtest.Fault{Err: bus.ErrDiskFull}
			}
			return dispatchtest.Fault{}
		}})
		if err := p.stop(); !errors.Is(err, bus.ErrDiskFull) {
			t.Errorf("stop: %v, want the disk of shard 0", err)
		}
		posts := w.posted()
		q := w.start(t, 2)
		pass(10 * time.Second)
		if n := w.posted() - posts; n != 0 {
			t.Errorf("%d attempts were made again", n)
		}
		if err := q.stop(); err != nil {
			t.Error(err)
		}
	})
}

// While the journal does not answer no attempt begins; when it does, all that waits goes on.
func TestAttemptsWaitForTheJournal(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		p.register(t, "erp", nil)
		pass(time.Second)
		p.client.Set(dispatchtest.Faults{Journal: func() dispatchtest.Fault { return dispatchtest.Fault{Delay: 20 * time.Second} }})
		w.publish(1, 1, "a")
		pass(7 * time.Second)
		posts := w.posted()
		w.publish(2, 20, "a")
		pass(5 * time.Second)
		if n := w.posted() - posts; n != 0 {
			t.Errorf("%d attempts while records have not been acknowledged for 7 to 12 s", n)
		}
		p.client.Set(dispatchtest.Faults{})
		pass(30 * time.Second)
		w.once(t, "crm", 1, 20)
		w.once(t, "erp", 1, 20)
		p.stop()
	})
}

// A lane that was held back for want of room goes on although none of its own records is
// under way.
func TestLaneGoesOnWhenThereIsRoomAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.small = true // 12 attempts may be unrecorded
		p := w.start(t, 1)
		p.register(t, "crm", func(e *endpoint.Endpoint) { e.Events, e.Concurrency = []string{"a"}, 16 })
		p.register(t, "erp", func(e *endpoint.Endpoint) { e.Events = []string{"b"} })
		pass(time.Second)
		p.client.Set(dispatchtest.Faults{Journal: func() dispatchtest.Fault { return dispatchtest.Fault{Delay: 2 * time.Second} }})
		w.publish(1, 14, "a")
		w.publish(15, 15, "b")
		pass(20 * time.Second)
		w.once(t, "erp", 15, 15)
		w.once(t, "crm", 1, 14)
		p.stop()
	})
}

// A receiver that asks for a pause gets it, for all deliveries, and no attempt too many.
func TestRetryAfterHoldsTheEndpoint(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.answer = func(_, _ string, n int) delivery.Response {
			if n == 1 && w.posts == nil {
				return delivery.Response{Status: 429, Reason: delivery.ReasonLimited, RetryAfter: time.Minute}
			}
			return delivery.Response{Status: 200}
		}
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		pass(time.Second)
		w.publish(1, 1, "a")
		pass(time.Second)
		w.publish(2, 5, "a")
		pass(55 * time.Second)
		if n := w.posted(); n != 1 {
			t.Errorf("%d attempts within the minute that the endpoint asked for, want 1", n)
		}
		pass(time.Minute)
		w.once(t, "crm", 1, 5)
		p.stop()
	})
}

// The index of deliveries hears of what a takeover finds pending.
func TestTakeoverTellsWhatWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.answer = func(string, string, int) delivery.Response { return failure }
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		w.publish(1, 5, "a")
		pass(500 * time.Millisecond)
		p.kill() // before the delta: only the journal knows
		<-p.done
		q := w.start(t, shards)
		if n := len(q.waiting); n != 5 {
			t.Errorf("told of %d pending deliveries, want 5", n)
		}
		q.kill()
		<-q.done
	})
}

// A shard that cannot be owned leaves the others alone, and is taken once it is mended.
func TestDamagedShardLeavesTheOthersAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.start(t, 2)
		want := 0
		for n := range 12 {
			want += delivery.ShardOf(p.register(t, fmt.Sprint("ep", n), nil).ID, 2)
		}
		w.publish(1, 3, "a")
		pass(5 * time.Second)
		p.stop()
		name := bus.LogName{Kind: bus.State, Shard: 0}
		records := w.store.Records(name)
		if err := w.store.Connect().Trim(t.Context(), name, records[len(records)-1].Pos); err != nil {
			t.Fatal(err)
		}
		q := w.start(t, 2)
		w.publish(4, 6, "a")
		pass(10 * time.Second)
		if got := q.dispatcher.Stats().Shards; got != 1 {
			t.Errorf("%d shards are owned, want the one that is not damaged", got)
		}
		delivered := 0
		for n := range 12 {
			delivered += w.delivered(fmt.Sprint("ep", n), id(5))
		}
		if delivered != want {
			t.Errorf("event 5 reached %d endpoints, want the %d of shard 1", delivered, want)
		}
		if err := q.stop(); err != nil {
			t.Error(err)
		}
	})
}
