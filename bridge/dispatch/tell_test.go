package dispatch_test

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// What waits for an endpoint of another process is told by its owner, through the journal.
func TestOwnersTellOfTheirLanes(t *testing.T) {
	shared(t, 2, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		q.take(1)
		slow := q.inShard(t, 1, 2, "erp", func(e *endpoint.Endpoint) { e.Rate = endpoint.Rate{PerSecond: 1, Burst: 1} })
		live := q.inShard(t, 1, 2, "crm", nil)
		pass(time.Second)
		w.publish(1, 1300, "a")
		pass(10 * time.Second)
		notes := w.notes(t, 1)
		own := q.dispatcher.Note(slow.ID)
		n := notes[slow.ID]
		if n.Behind == nil || own == nil || n.Behind.About || n.Behind.Events < own.Behind.Events || n.Behind.Events > own.Behind.Events+20 {
			t.Errorf("told %+v; its owner knows %+v", n.Behind, own.Behind)
		}
		if n.Queued == 0 || n.Queued > 1300 {
			t.Errorf("told that %d wait for their first attempt", n.Queued)
		}
		if n.Waits != delivery.WaitsLimited || len(n.Before) != 1 || len(n.Reached) != 1 {
			t.Errorf("told %+v", n)
		}
		if n := notes[live.ID]; !n.Empty() {
			t.Errorf("told of an endpoint that just delivers: %+v", notes[live.ID])
		}
		if p.dispatcher.Note(slow.ID) != nil {
			t.Error("who does not own the shard knows of its lanes")
		}
		written := len(w.store.Journal(1))
		if _, err := q.registry.SetState(t.Context(), slow.ID, endpoint.Paused, ""); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		before := len(w.store.Journal(1))
		pass(50 * time.Second)
		if n := len(w.store.Journal(1)); n > before {
			t.Errorf("%d entries while nothing changes, and %d before", n-before, before-written)
		}
		if got := w.notes(t, 1)[slow.ID].Behind; got.Events < 1280 || got.Events > 1295 {
			t.Errorf("paused, %d wait", got.Events)
		}
		q.kill() // it would deliver for long
	})
}

// A feed that stands is told of by the shard's owner, once it has stood for a while; and so is that there
// is a new owner.
func TestOwnersTellWhatTheyHaveNotRead(t *testing.T) {
	shared(t, 2, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		q.take(1)
		q.inShard(t, 1, 2, "crm", nil)
		pass(2 * time.Second)
		shard := delivery.ShardNote(1)
		n := w.notes(t, 1)[shard]
		if n.Taken.IsZero() || !n.Empty() {
			t.Errorf("told of a new owner %+v", n)
		}
		w.publish(1, 10, "a")
		pass(5 * time.Second)
		if again := w.notes(t, 1)[shard]; !again.At.Equal(n.At) {
			t.Errorf("told of a feed that reads: %+v", again)
		}
		q.client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name == "Follow" {
				return bus.ErrUnavailable
			}
			return nil
		}})
		w.publish(11, 15, "a")
		pass(10 * time.Second)
		n = w.notes(t, 1)[shard]
		if len(n.Unread) != 1 || n.Unread[dispatchtest.Partition].Seq != 10 {
			t.Errorf("told %+v, want that nothing behind 10 was read", n)
		}
		q.client.Set(dispatchtest.Faults{})
		pass(15 * time.Second)
		if n := w.notes(t, 1)[shard]; len(n.Unread) > 0 {
			t.Errorf("all was read, and told is %+v", n)
		}
	})
}

// A process that begins to answer for all learns what has been pending for long.
func TestPendingElsewhereIsTold(t *testing.T) {
	shared(t, 2, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		q.take(1)
		bad := true
		w.answer = func(_, event string, _ int) delivery.Response {
			if bad && event != id(5) {
				return failure
			}
			return delivery.Response{Status: 200}
		}
		q.inShard(t, 1, 2, "erp", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Hour) })
		pass(time.Second)
		w.publish(1, 5, "a")
		pass(time.Minute)
		told := func(p *process) (n int) {
			if err := p.dispatcher.PendingElsewhere(t.Context(), func(e delivery.Entry) {
				if n++; e.Number != 2 || e.Event.ID == id(5) {
					t.Errorf("told of %+v", e)
				}
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := told(p); n != 4 {
			t.Errorf("told of %d pending deliveries, want 4", n)
		}
		if n := told(q); n != 0 {
			t.Errorf("the owner is told of %d of its own", n)
		}
		w.mu.Lock()
		bad = false
		w.mu.Unlock()
		pass(time.Hour)
		q.client.Kill() // the log may name what has ended
		if n := told(p); n != 0 {
			t.Errorf("told of %d that have ended", n)
		}
	})
}

// notes are the newest that lie in a shard's journal, by endpoint.
func (w *world) notes(t *testing.T, shard int) map[string]delivery.Note {
	t.Helper()
	all := map[string]delivery.Note{}
	for _, data := range w.store.Journal(shard) {
		if err := delivery.DecodeNotes(data, func(n delivery.Note) { all[n.Endpoint] = n }); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
