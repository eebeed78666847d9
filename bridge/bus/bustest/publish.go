package bustest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

func publishedIsThere(t *testing.T, s bus.Store) {
	r := publish(t, s, 1, 1)[0]
	m, err := s.Get(within(t), r.Partition, r.Position)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(order(1), m.Event); diff != "" {
		t.Errorf("the event came back otherwise (-sent +got):\n%s", diff)
	}
	if m.Topic != topicOf(s) || m.Partition != r.Partition || m.Position.Seq != r.Position.Seq || m.Position.Identity != r.Position.Identity {
		t.Errorf("message %s %s %v, receipt %v", m.Topic, m.Partition, m.Position, r)
	}
	if m.Stored.IsZero() || m.Size < len(m.Event.Data) {
		t.Errorf("stored %v, size %d", m.Stored, m.Size)
	}
}

func manyPublish(t *testing.T, s bus.Store) {
	const publishers, each = 32, 25
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range each {
				if _, err := s.Publish(within(t), topicOf(s), order(p*each+i), bus.PublishOptions{}); err != nil {
					t.Errorf("publish: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	sp := spanOf(t, s, "")
	got := ids(collect(t, s, sp.Partition, front(sp), publishers*each))
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != publishers*each {
		t.Errorf("%d different events came back of %d", n, publishers*each)
	}
}

func structuredMode(t *testing.T, s bus.Store) {
	r, err := s.Publish(within(t), topicOf(s), order(1), bus.PublishOptions{Structured: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Get(within(t), r.Partition, r.Position)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(order(1), m.Event); diff != "" {
		t.Errorf("the event came back otherwise (-sent +got):\n%s", diff)
	}
}

func keyCountsOnce(t *testing.T, s bus.Store) {
	var all sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	for range 16 {
		all.Go(func() {
			r, err := s.Publish(within(t), topicOf(s), order(1), bus.PublishOptions{Key: "shop/order-1"})
			if err != nil {
				t.Errorf("publish: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if !r.Repeated {
				fresh++
			}
		})
	}
	all.Wait()
	if fresh != 1 {
		t.Errorf("%d of 16 publishes with one key were taken for the first", fresh)
	}
	publish(t, s, 2, 2)
	sp := spanOf(t, s, "")
	if got := ids(collect(t, s, sp.Partition, front(sp), 2)); !slices.Equal(got, []string{"order-1", "order-2"}) {
		t.Errorf("stored were %v", got)
	}
}

// sentInOrder publishes many at once, each when the one before it has its place.
func sentInOrder(t *testing.T, s bus.Store) {
	const n = 200
	var all sync.WaitGroup
	var want []string
	for i := range n {
		want = append(want, order(i).ID)
		sent := make(chan struct{})
		once := sync.OnceFunc(func() { close(sent) })
		all.Go(func() {
			defer once() // also after an error
			if _, err := s.Publish(within(t), topicOf(s), order(i), bus.PublishOptions{Key: order(i).ID, Sent: once}); err != nil {
				t.Errorf("publish: %v", err)
			}
		})
		<-sent
	}
	all.Wait()
	sp := spanOf(t, s, "")
	if got := ids(collect(t, s, sp.Partition, front(sp), n)); !slices.Equal(got, want) {
		t.Errorf("stored were %v", got)
	}
}

func tooLarge(t *testing.T, s bus.Store) {
	e := order(1)
	e.Data = bytes.Repeat([]byte("x"), int(s.MaxBytes())-len(e.ID)-len(e.Source)-len(e.Type)-len(e.Subject)-len(e.DataContentType)-64)
	if _, err := s.Publish(within(t), topicOf(s), e, bus.PublishOptions{}); err != nil {
		t.Errorf("an event of MaxBytes: %v", err)
	}
	e.Data = bytes.Repeat([]byte("x"), int(s.MaxBytes())+64<<10)
	if _, err := s.Publish(within(t), topicOf(s), e, bus.PublishOptions{}); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("an event beyond MaxBytes: %v, want ErrTooLarge", err)
	}
}

// Whoever writes a record has to know that less of it may be taken.
func tooLargeRecord(t *testing.T, s bus.Store) {
	data := bytes.Repeat([]byte("x"), 9<<20)
	_, journal := s.AppendJournal(within(t), 0, data)
	_, log := s.Append(within(t), bus.LogName{Kind: bus.State}, bus.Record{Prev: bus.NoPosition, Data: data})
	errs := map[string]error{"journal": journal, "log": log}
	if r, ok := s.(bus.Refusals); ok {
		errs["refusals"] = r.AppendRefusal(within(t), data)
	}
	for what, err := range errs {
		if !errors.Is(err, bus.ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", what, err)
		}
	}
}

// Headers of a bus may hold less than its messages.
func largeAttributes(t *testing.T, s bus.Store) {
	for n, change := range []func(e *event.Event){
		func(e *event.Event) { e.SetExtension("note", strings.Repeat("a", 100_000)) },
		func(e *event.Event) { e.Subject = strings.Repeat("ü", 25_000) },
		func(e *event.Event) { e.ID, e.Source = strings.Repeat("<", 50_000), "/"+strings.Repeat("s", 50_000) },
		func(e *event.Event) { e.Type, e.Data = strings.Repeat("t", 100_000), []byte{0, 1, 2, 0xff} },
	} {
		e := order(n)
		change(e)
		r, err := s.Publish(within(t), topicOf(s), e, bus.PublishOptions{Key: order(n).ID, Mark: markOf(order(n).ID)})
		if err != nil {
			t.Errorf("event %d: %v", n, err)
			continue
		}
		m, err := s.Get(within(t), r.Partition, r.Position)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, m.Event); diff != "" || m.Fault != "" || len(m.Flaws) > 0 {
			t.Errorf("event %d came back with %q, %v, otherwise (-sent +got):\n%.1000s", n, m.Fault, m.Flaws, diff)
		}
	}
}
