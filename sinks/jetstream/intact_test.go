package jetstream_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// What a stream certainly held when an event was stored is older than the event by more than
// the clocks of its leaders may differ.
func TestIntactIsOlderByAMinute(t *testing.T) {
	t.Parallel()
	store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
	var last bus.Receipt
	for n := 1; n <= 3; n++ {
		var err error
		if last, err = store.Publish(within(t), "hookspan.events.shop", order(strconv.Itoa(n)), bus.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		later time.Duration
		want  int64
	}{
		"stored half a minute later": {30 * time.Second, 0},
		"stored two minutes later":   {2 * time.Minute, 3},
	} {
		lost := last.Position
		lost.Seq, lost.Mark = 9, time.Now().Add(c.later).UnixNano()
		if got, err := store.Intact(within(t), last.Partition, lost); err != nil || got.Seq != c.want {
			t.Errorf("an event %s: %v %v, want %d", name, got, err, c.want)
		}
	}
}
