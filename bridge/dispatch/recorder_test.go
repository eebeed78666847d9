package dispatch

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// What an endpoint answers takes six times its length in a record: however much of it there is, an
// entry fits every bus.
func TestAnEntryOfTheJournalFitsTheBus(t *testing.T) {
	t.Parallel()
	hostile := strings.Repeat("<", failureBytes)
	batch := make([]outcome, 300)
	for i := range batch {
		batch[i].attempt = delivery.Attempt{Delivery: "dlv", Endpoint: "ep", Response: hostile, Headers: delivery.Headers(hostile), Request: delivery.Headers(strings.Repeat(hostile, 2))}
	}
	written := 0
	for written < len(batch) {
		data, n := entryOf(batch[written:], nil)
		if n == 0 || len(data) > 1<<20 {
			t.Fatalf("%d records take %d bytes", n, len(data))
		}
		written += n
	}
}

// A bus that takes less than is thought gets less, and whatever else is recorded goes on.
func TestWhatIsTooLargeForTheBusIsWrittenInLess(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency = 8 })
		refused := 0
		r.client.Set(dispatchtest.Faults{Journal: func() dispatchtest.Fault {
			if refused++; refused <= 3 { // of three, of one, and of the two others
				return dispatchtest.Fault{Err: bus.ErrTooLarge}
			}
			return dispatchtest.Fault{}
		}})
		r.publish(1, 3, "a")
		r.feed()
		elapse(10 * second)
		for n := 1; n <= 3; n++ {
			if a := r.end(n); a == nil || a.Outcome != delivery.Delivered {
				t.Errorf("event %d ended as %+v", n, a)
			}
		}
		if refused < 4 {
			t.Errorf("the journal was written %d times", refused)
		}
	})
}

// A note that no entry holds is left out: nothing depends on it, and everything on the journal.
func TestANoteTooLargeForTheBusHoldsNothingUp(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.client.Set(dispatchtest.Faults{Most: 16 << 10})
		long := make([]string, 2000)
		for i := range long {
			long[i] = "dlv_" + strings.Repeat("a", 26)
		}
		r.s.rec.tell([]delivery.Note{{Endpoint: "first"}, {Endpoint: "long", Running: long}, {Endpoint: "last"}})
		r.publish(1, 1, "a")
		r.feed()
		elapse(2 * unrecordedAge)
		if a := r.end(1); a == nil || a.Outcome != delivery.Delivered {
			t.Errorf("event 1 ended as %+v", a)
		}
		var told []string
		r.must(r.store.Connect().ReadJournal(t.Context(), 0, 0, func(_ int64, data []byte) error {
			return delivery.DecodeNotes(data, func(n delivery.Note) { told = append(told, n.Endpoint) })
		}))
		if strings.Join(told, " ") != "first last" {
			t.Errorf("told is of %v", told)
		}
		if !r.d.throttle.hasCapacity() {
			t.Error("attempts are held back")
		}
	})
}
