package dispatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
)

// A partition that nobody can be asked about keeps its own events waiting and no others, at a
// takeover too, and misses nothing once it is back. Where an endpoint begins in it cannot be
// told meanwhile.
func TestPartitionThatIsAwayWaitsAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const other = bus.Partition("other")
		w.topics = []string{">"}
		w.store.AddPartition(other, "first")
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		w.publish(1, 5, "a")
		w.store.Publish(other, dispatchtest.Event(101, "a"))
		pass(10 * time.Second)
		if err := p.stop(); err != nil {
			t.Fatal(err)
		}
		w.store.SetAway(other, true)
		q := w.start(t, shards)
		w.publish(6, 10, "a")
		w.store.Publish(other, dispatchtest.Event(102, "a"))
		pass(10 * time.Second)
		for n := 1; n <= 10; n++ {
			if got := w.delivered("crm", id(n)); got != 1 {
				t.Errorf("event %d was delivered %d times while another partition is away", n, got)
			}
		}
		if _, err := q.registry.Create(t.Context(), receiver("late", nil)); !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("an endpoint that begins now: %v", err)
		}
		w.store.SetAway(other, false)
		pass(10 * time.Second)
		for _, n := range []int{101, 102} {
			if got := w.delivered("crm", id(n)); got != 1 {
				t.Errorf("event %d was delivered %d times once its partition is back", n, got)
			}
		}
		if err := q.stop(); err != nil {
			t.Error(err)
		}
	})
}
