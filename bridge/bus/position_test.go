package bus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
)

func TestPositionIncludes(t *testing.T) {
	t.Parallel()
	at := bus.Position{Identity: "a", Seq: 7, Mark: 100}
	for name, c := range map[string]struct {
		event             bus.Position
		includes, reaches bool
	}{
		"itself":                        {at, true, true},
		"an earlier event":              {bus.Position{Identity: "a", Seq: 6, Mark: 90}, true, true},
		"a later event":                 {bus.Position{Identity: "a", Seq: 8, Mark: 110}, false, false},
		"a later event of that instant": {bus.Position{Identity: "a", Seq: 8, Mark: 100}, false, false},
		"another incarnation":           {bus.Position{Identity: "b", Seq: 6, Mark: 90}, false, false},
		// After a cut back the sequence was given out again.
		"another event at the place": {bus.Position{Identity: "a", Seq: 7, Mark: 200}, false, true},
		"another event in front":     {bus.Position{Identity: "a", Seq: 5, Mark: 200}, false, true},
	} {
		if got := at.Includes(c.event); got != c.includes {
			t.Errorf("%s is included: %v", name, got)
		}
		if got := at.Reaches(c.event); got != c.reaches {
			t.Errorf("%s is reached: %v", name, got)
		}
	}
	nothing := bus.Position{Identity: "a"}
	if nothing.Includes(bus.Position{Identity: "a", Seq: 1, Mark: 1}) {
		t.Error("a position of nothing includes the first event")
	}
}

// late keeps back the first record, refuses to say so, and lets it land when asked.
type late struct {
	*bustest.Memory
	held []func()
	fail error
}

func (l *late) Append(ctx context.Context, log bus.LogName, r bus.Record) (int64, error) {
	if l.fail == nil {
		return l.Memory.Append(ctx, log, r)
	}
	l.held = append(l.held, func() { _, _ = l.Memory.Append(context.Background(), log, r) })
	return bus.NoPosition, l.fail
}

// An append whose fate stayed open is no other writer's when it is tried again.
func TestAppendGoesOnWithTheSameRecord(t *testing.T) {
	t.Parallel()
	name := bus.LogName{Kind: bus.State}
	strange := errors.New("a strange answer")
	for _, lands := range []string{"never", "before the second try", "behind it"} {
		l := &late{Memory: bustest.NewMemory(), fail: strange}
		c := bus.NewChain(l, name)
		if _, err := c.Append(t.Context(), []byte("a")); !errors.Is(err, strange) {
			t.Fatalf("first try: %v", err)
		}
		l.fail = nil
		if lands == "before the second try" {
			l.held[0]()
		}
		if _, err := c.Append(t.Context(), []byte("a")); err != nil {
			t.Errorf("lands %s: second try: %v", lands, err)
		}
		if lands == "behind it" {
			l.held[0]()
		}
		if _, err := c.Append(t.Context(), []byte("b")); err != nil {
			t.Errorf("lands %s: next record: %v", lands, err)
		}
		var all string
		if err := bus.NewChain(l, name).Read(t.Context(), func(r bus.Record) error { all += string(r.Data); return nil }); err != nil || all != "ab" {
			t.Errorf("lands %s: the log reads %q, %v", lands, all, err)
		}
	}
}
