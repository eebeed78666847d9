package quarantine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/quarantine"
)

// A narrow bus takes events with so many bytes of data and id.
type narrow struct {
	bus.Publisher
	most  int
	taken []*event.Event
}

func (p *narrow) Publish(_ context.Context, _ string, e *event.Event, _ bus.PublishOptions) (bus.Receipt, error) {
	if len(e.Data)+len(e.ID) > p.most {
		return bus.Receipt{}, fmt.Errorf("publish: %w", bus.ErrTooLarge)
	}
	p.taken = append(p.taken, e)
	return bus.Receipt{}, nil
}

func (p *narrow) MaxBytes() int64 { return int64(p.most) }

func TestWhatCannotBeKeptIsToldOf(t *testing.T) {
	t.Parallel()
	for most, want := range map[int]string{
		200 << 10: "level=WARN msg=\"message quarantined: it is no valid CloudEvent\" topic=events position=7 event=1 type=t detail=\"attribute source is missing\" cut=false",
		100 << 10: "level=WARN msg=\"message quarantined: it is no valid CloudEvent\" topic=events position=7 event=1 type=t detail=\"attribute source is missing\" cut=true",
		0:         "level=ERROR msg=\"message passed over: it is no valid CloudEvent, and too large for the quarantine\" topic=events position=7 event=1 type=t detail=\"attribute source is missing\" place=events/first/7",
	} {
		var lines bytes.Buffer
		p, kept, over := &narrow{most: most}, 0, 0
		q := quarantine.New(quarantine.Options{
			Publisher: p, Topic: "quarantine", Log: slog.New(slog.NewTextHandler(&lines, nil)),
			Quarantined: func() { kept++ }, PassedOver: func() { over++ }, Dropped: func() {},
		})
		m := bus.Message{
			Topic: "events", Partition: "events", Position: bus.Position{Identity: "first", Seq: 7}, Stored: time.Now(), Fault: "attribute source is missing",
			Event: &event.Event{ID: "1", Source: "/topics/events", Type: "t", Data: bytes.Repeat([]byte("d"), 150<<10)},
		}
		for range 2 { // a kept one is not kept again, and a passed one not tried
			if err := q.Keep(t.Context(), bus.Position{Identity: "first"}, []bus.Message{m}); err != nil {
				t.Errorf("%d: %v", most, err)
			}
		}
		if kept+over != 1 || (over == 1) != (most == 0) || len(p.taken) != kept {
			t.Errorf("%d: %d kept, %d passed over, %d taken", most, kept, over, len(p.taken))
		}
		if got := lines.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
			t.Errorf("%d: %s", most, got)
		}
	}
}

// Any other error keeps whoever reads from passing the message.
func TestNothingIsPassedOverThatTheBusMayTakeLater(t *testing.T) {
	t.Parallel()
	away := &gone{}
	q := quarantine.New(quarantine.Options{Publisher: away, Topic: "quarantine", Log: slog.New(slog.DiscardHandler)})
	m := bus.Message{Partition: "events", Position: bus.Position{Identity: "first", Seq: 7}, Fault: "why", Event: &event.Event{ID: "1"}}
	for range 2 {
		if err := q.Keep(t.Context(), bus.Position{}, []bus.Message{m}); !errors.Is(err, bus.ErrStoreFull) {
			t.Error(err)
		}
	}
	if away.asked != 2 {
		t.Errorf("%d tries", away.asked)
	}
}

type gone struct {
	bus.Publisher
	asked int
}

func (p *gone) Publish(context.Context, string, *event.Event, bus.PublishOptions) (bus.Receipt, error) {
	p.asked++
	return bus.Receipt{}, bus.ErrStoreFull
}

// The one line that says what to mend on a topic is written as soon as there is room in the log.
func TestALookalikeIsToldOfInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		q := quarantine.New(quarantine.Options{
			Publisher: &narrow{}, Topic: "quarantine", Log: slog.New(slog.NewTextHandler(&lines, nil)), Dropped: func() {}, Alike: func() {},
		})
		at := func(seq uint64, m bus.Message) []bus.Message {
			m.Partition, m.Position, m.Event = "events", bus.Position{Identity: "first", Seq: int64(seq)}, &event.Event{ID: "1"}
			return []bus.Message{m}
		}
		keep := func(seq uint64, m bus.Message) {
			t.Helper()
			if err := q.Keep(t.Context(), bus.Position{Identity: "first"}, at(seq, m)); err != nil {
				t.Fatal(err)
			}
		}
		alike := bus.Message{Topic: "orders", Likeness: "specVersion is written otherwise"}
		for seq := range uint64(200) {
			keep(seq, bus.Message{Topic: "others", Flaws: []event.Flaw{{Attribute: "time", Reason: "no time"}}})
		}
		keep(200, alike)
		if strings.Contains(lines.String(), "looks like") {
			t.Fatal("there was room after all")
		}
		<-time.After(time.Second)
		keep(201, alike)
		keep(202, alike)
		if n := strings.Count(lines.String(), "looks like"); n != 1 {
			t.Errorf("%d lines", n)
		}
	})
}
