package backup

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// A mortal bus takes some writes and then no more, as if whoever writes had been killed.
type mortal struct {
	Store
	left int
}

var errKilled = errors.New("killed")

func (m *mortal) Append(ctx context.Context, log bus.LogName, r bus.Record) (int64, error) {
	if m.left--; m.left < 0 {
		return 0, errKilled
	}
	return m.Store.Append(ctx, log, r)
}

func (m *mortal) Publish(ctx context.Context, topic string, e *event.Event, o bus.PublishOptions) (bus.Receipt, error) {
	if m.left--; m.left < 0 {
		return bus.Receipt{}, errKilled
	}
	return m.Store.Publish(ctx, topic, e, o)
}

// Wherever a restore is cut off, it says so, a server finds that out before it does anything, and so
// does whoever restores or backs up next. What is not cut off is an installation like any other.
func TestARestoreThatIsCutOff(t *testing.T) {
	t.Parallel()
	i := open(t)
	i.begin()
	i.create("crm")
	i.writes(&statelog.Record{Journal: bus.NoPosition, Commands: bus.NoPosition})
	i.publish("one")
	file, _, _ := written(t, i.source())
	restore := func(to *installation, left int) (*mortal, error) {
		x, err := Examine(bytes.NewReader(file), i.target())
		if err != nil {
			t.Fatal(err)
		}
		m := &mortal{to.Store, left}
		return m, x.Restore(t.Context(), m)
	}

	whole := open(t)
	const enough = 1 << 20
	m, err := restore(whole, enough)
	if err != nil {
		t.Fatal(err)
	}
	if err := whole.registry.Finished(t.Context()); err != nil {
		t.Errorf("what was restored: %v", err)
	}
	writes := enough - m.left
	if writes < 5 { // where topics begin, the event, its endpoint, the shard, how many shards there are
		t.Fatalf("a restore is %d writes", writes)
	}
	for n := range writes {
		half := open(t)
		if _, err := restore(half, n); !errors.Is(err, ErrUnfinished) || !errors.Is(err, errKilled) {
			t.Errorf("cut off after %d writes: %v", n, err)
		}
		err := half.registry.Finished(t.Context())
		if n == 0 {
			if err != nil {
				t.Errorf("nothing was written: %v", err)
			}
			continue
		}
		if !errors.Is(err, endpoint.ErrUnfinished) {
			t.Errorf("a server that finds %d of %d writes: %v", n, writes, err)
		}
		if _, err := restore(half, enough); !errors.Is(err, ErrNotEmpty) || !bytes.Contains([]byte(err.Error()), []byte("of a restore that was cut off")) {
			t.Errorf("a restore that finds %d of %d writes: %v", n, writes, err)
		}
		if err := Write(t.Context(), half.source(), new(bytes.Buffer)); !errors.Is(err, endpoint.ErrUnfinished) {
			t.Errorf("a backup that finds %d of %d writes: %v", n, writes, err)
		}
	}
}

// What intake has to know of events again comes along, and is made for events without; of what it did
// not write and nobody sends, there is nothing to know.
func TestMarksComeAlong(t *testing.T) {
	t.Parallel()
	const shop, quarantine, dead = "hookspan.events.shop.paid", "hookspan.quarantine", "hookspan.dead"
	i := open(t)
	i.begin()
	i.writes(&statelog.Record{Journal: bus.NoPosition, Commands: bus.NoPosition})
	put := func(id, topic, mark string) {
		e := eventtest.Order()
		e.ID = id
		if _, err := i.Publish(t.Context(), topic, e, bus.PublishOptions{Reserved: topic != shop, Mark: mark}); err != nil {
			t.Fatal(err)
		}
	}
	put("marked", shop, "own")
	put("bare", shop, "")
	put("kept", quarantine, "own2")
	put("kept bare", quarantine, "")
	put("letter", dead, "")
	file, _, _ := written(t, i.source())

	to, marked := open(t), map[string]string{}
	target := i.target()
	target.Mark = func(own string, e *event.Event, stored time.Time) string {
		if marked[e.ID] = own; time.Since(stored) > time.Minute {
			t.Errorf("%s was stored at %v", e.ID, stored)
		}
		return "anew-" + e.ID
	}
	x, err := Examine(bytes.NewReader(file), target)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Restore(t.Context(), to.Store); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"marked": "own", "bare": "", "kept": "own2"}; !maps.Equal(marked, want) {
		t.Errorf("asked with the marks %v, want %v", marked, want)
	}
	told := map[string]string{}
	err = to.Published(time.Now().Add(-time.Hour))(t.Context(), func(p bus.Publication) error {
		told[p.ID] = p.Mark
		return nil
	})
	if want := map[string]string{"marked": "anew-marked", "bare": "anew-bare", "kept": "anew-kept", "kept bare": ""}; err != nil || !maps.Equal(told, want) {
		t.Errorf("known are %v, want %v, error %v", told, want, err)
	}
	if _, _, again := written(t, to.source()); len(again) != 5 {
		t.Errorf("the next backup holds %v", slices.Sorted(maps.Keys(again)))
	}
}
