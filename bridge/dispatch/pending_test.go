package dispatch

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// While all endpoints together have as many entries as may be, each keeps to its share; what one
// gives up another may have.
func TestEntriesAreSharedByTheEndpoints(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		many, few := r.register("many", nil), r.register("few", nil)
		r.d.limits.laneEntries, r.d.limits.entries, r.d.limits.leastShare = 100, 10, 2
		many.entries, few.entries = 9, 5
		laden := func() string { return fmt.Sprint(many.laden(), few.laden()) }
		if got := laden(); got != "false false" {
			t.Errorf("laden %s before the shard has counted, want neither", got)
		}
		r.s.overdue()
		if got := laden(); got != "true true" {
			t.Errorf("laden %s with 9 and 5 of 10, want both", got)
		}
		few.entries = 4
		r.s.overdue()
		if got := laden(); got != "true false" {
			t.Errorf("laden %s with 9 and 4 of 10, want the one that has more than its half", got)
		}
		few.entries = 0
		r.s.overdue()
		if got := laden(); got != "false false" {
			t.Errorf("laden %s with 9 and 0 of 10, want neither", got)
		}
		many.entries, few.entries = 0, 0
	})
}

// What the state log has of a delivery stays as it was when the delivery moves on.
func TestEntryInTheLogIsNotChanged(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 1, "a")
		r.feed()
		r.answer(500, 1)
		r.step()
		number := func() (n int) {
			for _, e := range r.s.log.State().Entries {
				n += e.Number
			}
			return n
		}
		if n := number(); n != 2 {
			t.Fatalf("the entry waits for attempt %d, want 2", n)
		}
		elapse(time.Minute + second)
		r.answer(500, 1)
		if n := number(); n != 2 {
			t.Errorf("the entry waits for attempt %d before the next delta, want 2", n)
		}
		r.step()
		if n := number(); n != 3 {
			t.Errorf("the entry waits for attempt %d after it, want 3", n)
		}
		r.takeover()
		r.out.holds(true)
		elapse(time.Minute + second)
		r.answer(500, 1)
		if n := number(); n != 3 {
			t.Errorf("the entry that was loaded waits for attempt %d before the next delta, want 3", n)
		}
	})
}

// What a pending delivery takes of its owner's memory once a shard is loaded, the state log's
// part with it.
func BenchmarkPendingDelivery(b *testing.B) {
	const n = 20_000
	ctx, log := b.Context(), slog.New(slog.NewTextHandler(io.Discard, nil))
	store := dispatchtest.New()
	registry := func() *endpoint.Registry {
		reg := endpoint.NewRegistry(store.Connect(), nil, endpoint.Options{Log: log})
		if err := reg.Load(ctx); err != nil {
			b.Fatal(err)
		}
		return reg
	}
	e := endpoint.Default()
	e.Name, e.URL, e.Signature = "crm", "https://crm", "none"
	ep, err := registry().Create(ctx, e)
	if err != nil {
		b.Fatal(err)
	}
	if err := writeEntries(b, store, ep.ID, n, log); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		reg := registry()
		d := New(Config{
			Store: store.Connect(), Registry: reg, Observer: silent{}, Shards: 1, Topics: []string{"events"},
			DeadTopic: "dead", OpsTopic: "ops", QuarantineTopic: "quarantine", StopGrace: time.Second, Log: log,
		})
		before := inUse()
		if err := d.Prepare(ctx); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(inUse()-before)/n, "B/delivery")
		runtime.KeepAlive(d)
	}
}

// writeEntries has a shard's log say that n deliveries wait.
func writeEntries(b *testing.B, store *dispatchtest.Store, endpoint string, n int, log *slog.Logger) error {
	st := statelog.New(store.Connect(), 0, log, statelog.Sizes{})
	if err := st.Load(b.Context()); err != nil {
		return err
	}
	if err := st.Claim(b.Context()); err != nil {
		return err
	}
	r := &statelog.Record{Revision: bus.NoPosition, Journal: bus.NoPosition, Commands: bus.NoPosition}
	now := time.Now()
	for i := range n {
		ref := delivery.EventRef{
			ID: fmt.Sprintf("0192f0c1-5a1b-7c3d-8e4f-%012d", i), Source: "/sources/shop", Type: "com.acme.order.shipped", Subject: fmt.Sprint("order-", i),
			Topic: "hookspan.events.shop.order.shipped", Partition: part, Position: bus.Position{Identity: "one", Seq: int64(i + 1), Mark: now.UnixNano()},
		}
		r.Put = append(r.Put, &delivery.Entry{
			ID: delivery.ID(endpoint, &ref), Endpoint: endpoint, Event: ref, Number: 2, Due: now.Add(time.Hour), Created: now,
		})
	}
	return st.Write(b.Context(), r)
}

// inUse is what the heap holds, in bytes.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
