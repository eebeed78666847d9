package dispatch_test

import (
	"testing"
	"time"

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

// Whoever answers for all knows by it what a feed that stands, or whose process is gone, has not read;
// and which lanes have a new owner.
func TestOwnersTellWhatTheyHaveRead(t *testing.T) {
	shared(t, 2, func(t *testing.T, w *world, p, q *process) {
		p.take(0)
		q.take(1)
		q.inShard(t, 1, 2, "crm", nil)
		pass(2 * time.Second)
		shard := delivery.ShardNote(1)
		first := w.notes(t, 1)[shard]
		if first.Taken.IsZero() || len(first.Read) != 1 {
			t.Errorf("a new owner told %+v", first)
		}
		written := len(w.store.Journal(1))
		pass(time.Minute)
		if n := len(w.store.Journal(1)); n != written {
			t.Errorf("%d entries while nothing is read", n-written)
		}
		w.publish(1, 10, "a")
		pass(5 * time.Second)
		read := func() int64 { return w.notes(t, 1)[shard].Read[dispatchtest.Partition].Seq }
		if got := read(); got != 10 {
			t.Errorf("told that %d were read, want 10", got)
		}
		w.publish(11, 15, "a")
		pass(3 * time.Second)
		if got := read(); got != 10 {
			t.Errorf("told again within seconds, that %d were read", got)
		}
		pass(10 * time.Second)
		if got := read(); got != 15 {
			t.Errorf("told that %d were read, want 15", got)
		}
		q.kill()
		w.publish(16, 20, "a")
		pass(time.Second)
		p.take(1)
		pass(3 * time.Second)
		if n := w.notes(t, 1)[shard]; !n.Taken.After(first.Taken) {
			t.Errorf("the next owner told %+v", n)
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
