package embedded_test

import (
	"errors"
	"math"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

func TestWatermark(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Watermark: math.MaxInt64 / 2})
	_, err := s.store.Publish(within(t), topic, order("1"), bus.PublishOptions{})
	if !errors.Is(err, bus.ErrDiskFull) {
		t.Errorf("publish below the watermark: %v, want ErrDiskFull", err)
	}
	if err := s.Health(within(t)); !errors.Is(err, bus.ErrDiskFull) {
		t.Errorf("health below the watermark: %v, want ErrDiskFull", err)
	}
	if s.FreeBytes() <= 0 {
		t.Errorf("%d bytes are free", s.FreeBytes())
	}
	if _, err := s.store.Publish(within(t), "hookspan.dead", order("2"), bus.PublishOptions{Reserved: true}); err != nil {
		t.Errorf("a dead letter below the watermark: %v", err)
	}
	if _, err := s.store.AppendJournal(within(t), 0, []byte("attempt")); err != nil {
		t.Errorf("a journal entry below the watermark: %v", err)
	}
}
