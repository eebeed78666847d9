package jetstream_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// However much of topics that are not followed lies in a stream, what is behind it is read. The
// server says in its own words when a request has brought as many messages as it was to.
func TestManyMessagesOfOtherTopics(t *testing.T) {
	t.Parallel()
	store, server := openStore(t, embedded.Options{}, jetstream.Options{})
	spans, err := store.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	nc := server.Conns().Events
	for range 5000 {
		if err := nc.Publish("hookspan.quarantine", []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Publish(within(t), "hookspan.events.shop.order", order("behind"), bus.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		_ = store.Follow(t.Context(), spans[0].Partition, bus.Position{Identity: spans[0].Identity}, func(batch []bus.Message) error {
			for _, m := range batch {
				read <- m.Event.ID
			}
			return nil
		})
	}()
	select {
	case id := <-read:
		if id != "behind" {
			t.Errorf("read %s", id)
		}
	case <-within(t).Done():
		t.Error("the event behind them is not read")
	}
}
