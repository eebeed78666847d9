package bustest

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

type keeper interface {
	bus.Store
	bus.Kept
}

// keptIsRead: dead letters, which the store does not follow, are read beside what it follows.
func keptIsRead(t *testing.T, s keeper) {
	dead := strings.TrimSuffix(topicOf(s), ".events.shop") + ".dead"
	publish(t, s, 1, 1)
	if _, err := s.Publish(within(t), dead, order(2), bus.PublishOptions{Reserved: true}); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for id, m := range readAll(t, s.Kept()) {
		found[id] = m.Topic
	}
	if len(found) != 2 || found["order-1"] != topicOf(s) || found["order-2"] != dead {
		t.Errorf("read %v, want what was published to %s and to %s", found, topicOf(s), dead)
	}
}

// keptOfOneTopic: of one topic that is not followed everything is read, and nothing else; each
// message can be read again.
func keptOfOneTopic(t *testing.T, s keeper) {
	dead := strings.TrimSuffix(topicOf(s), ".events.shop") + ".dead"
	publish(t, s, 1, 3)
	for n := 4; n <= 5; n++ {
		if _, err := s.Publish(within(t), dead, order(n), bus.PublishOptions{Reserved: true}); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, s, 6, 6)
	of := s.KeptOf(dead)
	found := readAll(t, of)
	if len(found) != 2 || found["order-4"].Topic != dead || found["order-5"].Topic != dead {
		t.Fatalf("read %v, want the two events of %s", found, dead)
	}
	for id, m := range found {
		again, err := of.Get(within(t), m.Partition, m.Position)
		if err != nil || again.Event.ID != id {
			t.Errorf("read again: %v, error %v", again.Event, err)
		}
	}
}

type markKeeper interface {
	keeper
	bus.History
}

// marksComeBack: the mark of an event lies beside it and is told by the history, in either mode, also
// where the event takes the room that is kept back from intake, as a restore does.
func marksComeBack(t *testing.T, s markKeeper) {
	want, quarantine := map[string]string{}, strings.TrimSuffix(topicOf(s), ".events.shop")+".quarantine"
	for n, o := range []bus.PublishOptions{{}, {Structured: true}, {Reserved: true}, {Key: "none"}} {
		e, topic := order(n), topicOf(s)
		if o.Reserved {
			topic = quarantine
		}
		if o.Key == "" {
			o.Mark = markOf(e.ID)
		}
		if _, err := s.Publish(within(t), topic, e, o); err != nil {
			t.Fatal(err)
		}
		want[e.ID] = o.Mark
	}
	found := readAll(t, s.Kept())
	for id, mark := range want {
		m, known := found[id]
		if !known || m.Mark != mark {
			t.Errorf("%s is read with the mark %q, want %q", id, m.Mark, mark)
		}
	}
	told := map[string]string{}
	err := s.Published(time.Now().Add(-time.Minute))(within(t), func(p bus.Publication) error {
		told[p.ID] = p.Mark
		return nil
	})
	if err != nil || !maps.Equal(told, want) {
		t.Errorf("published are %v, want %v, error %v", told, want, err)
	}
}

// readAll reads a topic to its end, by the events' ids.
func readAll(t *testing.T, of bus.Topics) map[string]bus.Message {
	t.Helper()
	spans, err := of.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bus.Message{}
	read := errors.New("read")
	for _, span := range spans {
		err := of.Follow(within(t), span.Partition, front(span), func(batch []bus.Message) error {
			for _, m := range batch {
				found[m.Event.ID] = m
			}
			if len(batch) == 0 {
				return read
			}
			return nil
		})
		if !errors.Is(err, read) {
			t.Fatalf("follow %s: %v", span.Partition, err)
		}
	}
	return found
}
