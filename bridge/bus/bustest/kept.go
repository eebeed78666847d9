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
	kept := s.Kept()
	spans, err := kept.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	read := errors.New("read")
	for _, span := range spans {
		err := kept.Follow(within(t), span.Partition, front(span), func(batch []bus.Message) error {
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
	if len(found) != 2 || found["order-1"] != topicOf(s) || found["order-2"] != dead {
		t.Errorf("read %v, want what was published to %s and to %s", found, topicOf(s), dead)
	}
}
