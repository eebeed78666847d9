package dispatch_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
)

// invalid publishes messages that are meant to be events of a type that endpoints take.
func (w *world) invalid(from, to int) {
	for n := from; n <= to; n++ {
		e := dispatchtest.Event(n, "a")
		e.SetExtension("kept", "yes")
		w.store.PublishAs(dispatchtest.Partition, bus.Message{Event: &e, Fault: "attribute source is missing"})
	}
}

// quarantined are the ids in the quarantine, in order.
func (w *world) quarantined() (ids []string) {
	for _, m := range w.store.Published() {
		if m.Topic == "quarantine" {
			ids = append(ids, m.Event.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (w *world) expectQuarantined(t *testing.T, from, to int) {
	t.Helper()
	var want []string
	for n := from; n <= to; n++ {
		want = append(want, id(n))
	}
	slices.Sort(want)
	if got := w.quarantined(); !slices.Equal(got, want) {
		t.Errorf("in the quarantine: %v, want %v", got, want)
	}
}

func TestWhatIsNoEventGoesToTheQuarantine(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		w.publish(1, 5, "a")
		w.invalid(6, 7)
		w.publish(8, 12, "a")
		pass(5 * time.Second)
		w.expect(t, "crm", 1, 1, 5)
		w.expect(t, "crm", 0, 6, 7)
		w.expect(t, "crm", 1, 8, 12)
		w.expectQuarantined(t, 6, 7)
		for _, m := range w.store.Published() {
			for name, want := range map[string]string{
				"hookspanreason": "invalid_body", "hookspandetail": "attribute source is missing", "hookspantopic": "events", "kept": "yes",
				"hookspanplace": "events/first/" + map[string]string{id(6): "6", id(7): "7"}[m.Event.ID],
			} {
				if got := m.Event.Extension(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		q := w.start(t, shards)
		pass(5 * time.Second)
		w.invalid(13, 13)
		pass(time.Second)
		if got := w.quarantined(); !slices.Equal(got, []string{id(13), id(6), id(7)}) {
			t.Errorf("in the quarantine after a restart: %v", got)
		}
		q.stop()
	})
}

// Whatever becomes of the process, what no endpoint was given is in the quarantine: it is passed
// only once it is there.
func TestNothingIsPassedBeforeItIsInTheQuarantine(t *testing.T) {
	for only := range shards { // whichever shard the endpoint lies in
		t.Run(fmt.Sprint(only), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.start(t, shards)
				p.inShard(t, only, shards, "crm", nil)
				w.publish(1, 3, "a")
				pass(5 * time.Second)
				p.client.Set(dispatchtest.Faults{Call: func(name string) error {
					if name == "Publish" {
						return bus.ErrStoreFull
					}
					return nil
				}})
				w.invalid(4, 6)
				w.publish(7, 9, "a")
				pass(10 * time.Second)
				if got := w.quarantined(); len(got) > 0 {
					t.Fatalf("in the quarantine: %v", got)
				}
				p.kill()
				<-p.done
				q := w.start(t, shards)
				pass(10 * time.Second)
				w.expectQuarantined(t, 4, 6)
				for n := 7; n <= 9; n++ {
					if w.delivered("crm", id(n)) == 0 {
						t.Errorf("event %d was lost", n)
					}
				}
				q.stop()
			})
		})
	}
}

// Of several replicas one sets aside, wherever the shards lie.
func TestOneReplicaSetsAside(t *testing.T) {
	shared(t, 4, func(t *testing.T, w *world, p, q *process) {
		for shard, owner := range []*process{p, q, p, q} {
			owner.take(shard)
		}
		for n := range 8 {
			p.register(t, fmt.Sprint("ep", n), nil)
		}
		pass(3 * time.Second)
		w.invalid(1, 5)
		pass(3 * time.Second)
		w.expectQuarantined(t, 1, 5)
		for shard := range 4 { // and when all move
			w.leases.Give(shard)
		}
		w.invalid(6, 9)
		for shard, owner := range []*process{q, p, q, p} {
			owner.take(shard)
		}
		pass(5 * time.Second)
		w.expectQuarantined(t, 1, 9)
	})
}

// An endpoint that begins in the past meets what nobody has read before; a second one meets it
// again.
func TestThePastIsSetAsideOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.publish(1, 2, "a")
		w.invalid(3, 4)
		p := w.start(t, shards)
		w.invalid(5, 5)
		w.publish(6, 6, "a")
		pass(3 * time.Second)
		for _, name := range []string{"crm", "erp", "wms"} {
			p.register(t, name, func(e *endpoint.Endpoint) { e.Start = "all" })
			pass(5 * time.Second)
			w.expect(t, name, 1, 1, 2)
			w.expect(t, name, 1, 6, 6)
			w.expectQuarantined(t, 3, 5)
		}
		p.stop()
	})
}

// A paused endpoint goes over a range that the live feed has read.
func TestARangeSetsNothingAsideAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.start(t, shards)
		made := p.register(t, "crm", nil)
		w.publish(1, 1, "a")
		pass(3 * time.Second)
		if _, err := p.registry.SetState(t.Context(), made.ID, endpoint.Paused, ""); err != nil {
			t.Fatal(err)
		}
		w.invalid(2, 4)
		w.publish(5, 5, "a")
		pass(3 * time.Second)
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		q := w.start(t, shards)
		if _, err := q.registry.SetState(t.Context(), made.ID, endpoint.Enabled, ""); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		w.expect(t, "crm", 1, 5, 5)
		w.expectQuarantined(t, 2, 4)
		q.stop()
	})
}

// A message that the quarantine cannot hold with what is said about it is kept in part.
func TestAMessageTooLargeForTheQuarantineIsToldOf(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		calls := 0
		p.client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name != "Publish" {
				return nil
			}
			if calls++; calls == 1 {
				return fmt.Errorf("publish: %w", bus.ErrTooLarge)
			}
			return nil
		}})
		e := dispatchtest.Event(1, "a")
		e.Data = []byte("large")
		w.store.PublishAs(dispatchtest.Partition, bus.Message{Event: &e, Fault: "why"})
		pass(5 * time.Second)
		w.expectQuarantined(t, 1, 1)
		if m := w.store.Published()[0]; m.Event.Data != nil || m.Event.Extension("hookspancutdata") != "5" || !strings.HasPrefix(m.Event.Extension("hookspandetail"), "why; ") {
			t.Errorf("%+v", m.Event)
		}
		p.stop()
	})
}

// One of which the bus takes nothing at all is passed over, and what lies behind it is delivered.
func TestAMessageThatCannotBeKeptIsPassedOver(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		p.client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name == "Publish" {
				return fmt.Errorf("publish: %w", bus.ErrTooLarge)
			}
			return nil
		}})
		w.invalid(1, 2)
		w.publish(3, 3, "a")
		pass(5 * time.Second)
		w.expect(t, "crm", 1, 3, 3)
		w.expectQuarantined(t, 1, 0)
		p.stop()
	})
}

// flawed publishes events that lost two attributes.
func (w *world) flawed(from, to int) {
	for n := from; n <= to; n++ {
		e := dispatchtest.Event(n, "a")
		w.store.PublishAs(dispatchtest.Partition, bus.Message{Event: &e, Flaws: []event.Flaw{
			{Attribute: "time", Reason: "is refused"}, {Attribute: "x_y", Reason: "has a bad name"},
		}})
	}
}

// An event that lost an attribute is delivered; once, whoever reads it.
func TestAnEventWithAFlawIsDelivered(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		w.flawed(1, 1)
		pass(5 * time.Second)
		w.expect(t, "crm", 1, 1, 1)
		w.expectQuarantined(t, 1, 0)
		if err := p.stop(); err != nil && !errors.Is(err, dispatch.ErrStopping) {
			t.Error(err)
		}
	})
}

// alike publishes messages that were wrapped, and look like events.
func (w *world) alike(from, to int) {
	for n := from; n <= to; n++ {
		e := dispatchtest.Event(n, "a")
		w.store.PublishAs(dispatchtest.Partition, bus.Message{Event: &e, Likeness: "the data is a JSON event"})
	}
}

// A message that looks like an event is delivered as what it is. It is counted, and its topic is told
// of once.
func TestWhatLooksLikeAnEventIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		n := &notebook{}
		w.log, w.counts = slog.New(slog.NewTextHandler(n, nil)), true
		w.alike(1, 2)
		p := w.start(t, shards)
		for _, name := range []string{"crm", "erp"} {
			p.register(t, name, func(e *endpoint.Endpoint) { e.Start = "all" })
			pass(5 * time.Second)
		}
		w.alike(3, 7)
		pass(5 * time.Second)
		w.expect(t, "crm", 1, 1, 7)
		w.expectQuarantined(t, 1, 0)
		if counted := dispatch.Series(t, p.metrics, "hookspan_topic_lookalikes_total")[""]; counted != 7 {
			t.Errorf("%v are counted, want 7", counted)
		}
		lines := n.lines("looks like a CloudEvent")
		if len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], `topic=events position=1 event=evt-1 type=a detail="the data is a JSON event"`) {
			t.Errorf("%d lines: %s", len(lines), lines)
		}
		p.stop()
	})
}

// expectTold: so many lines of each kind, which name the message, and as many counted.
func expectTold(t *testing.T, n *notebook, flaws, quarantined int, processes ...*process) {
	t.Helper()
	for _, c := range []struct {
		line, metric string
		want         int
		says         []string
	}{
		{"attribute left out", "hookspan_topic_attributes_dropped_total", flaws, []string{"attribute=time", `detail="is refused"`}},
		{"message quarantined", "hookspan_topic_quarantined_total", quarantined, []string{`detail="attribute source is missing"`}},
	} {
		lines, counted := n.lines(c.line), 0
		for _, p := range processes {
			counted += int(dispatch.Series(t, p.metrics, c.metric)[""])
		}
		if len(lines) != c.want || counted != c.want {
			t.Errorf("%q: %d lines and %d counted, want %d: %s", c.line, len(lines), counted, c.want, lines)
		}
		for _, line := range lines[:min(1, len(lines))] {
			for _, says := range append(c.says, "level=WARN", "topic=events", "position=", "event=evt-", "type=a") {
				if !strings.Contains(line, says) {
					t.Errorf("it is not said that %s: %s", says, line)
				}
			}
		}
	}
}

// What an event has lost, and what is none, is told once: also after its shards have moved, and of
// what lay there before anybody read.
func TestFlawsAndTheQuarantineAreToldOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		n := &notebook{}
		w.log, w.counts = slog.New(slog.NewTextHandler(n, nil)), true
		w.flawed(1, 2)
		w.invalid(3, 3)
		p := w.start(t, shards)
		expectTold(t, n, 0, 0, p)
		for _, name := range []string{"crm", "erp", "wms"} {
			p.register(t, name, func(e *endpoint.Endpoint) { e.Start = "all" })
			pass(5 * time.Second)
			w.expect(t, name, 1, 1, 2)
			expectTold(t, n, 4, 1, p)
		}
		w.flawed(4, 4)
		w.invalid(5, 6)
		pass(5 * time.Second)
		expectTold(t, n, 6, 3, p)
		p.kill()
		<-p.done
		q := w.start(t, shards)
		w.flawed(7, 7)
		pass(5 * time.Second)
		expectTold(t, n, 8, 3, p, q)
		q.stop()
	})
}
