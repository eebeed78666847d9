package bustest

import (
	"errors"
	"strings"
	"testing"

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
	if found := readAll(t, s.Kept()); len(found) != 2 || found["order-1"] != topicOf(s) || found["order-2"] != dead {
		t.Errorf("read %v, want what was published to %s and to %s", found, topicOf(s), dead)
	}
}

// toldIsRead: what lies beside the operations events is not.
func toldIsRead(t *testing.T, s keeper) {
	ops := strings.TrimSuffix(topicOf(s), ".events.shop") + ".ops"
	publish(t, s, 1, 5)
	for n := 6; n <= 7; n++ {
		if _, err := s.Publish(within(t), ops, order(n), bus.PublishOptions{Reserved: true}); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, s, 8, 9)
	if found := readAll(t, s.Told()); len(found) != 2 || found["order-6"] != ops || found["order-7"] != ops {
		t.Errorf("read %v, want what was published to %s", found, ops)
	}
}

// readAll are the topics of what is there to read, by event id.
func readAll(t *testing.T, topics bus.Topics) map[string]string {
	t.Helper()
	spans, err := topics.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	read := errors.New("read")
	for _, span := range spans {
		err := topics.Follow(within(t), span.Partition, front(span), func(batch []bus.Message) error {
			for i := range batch {
				found[batch[i].Event.ID] = batch[i].Topic
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
