package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// topics are read through the streams that hold them.
type topics struct {
	*installation

	mu      sync.Mutex
	started map[string]bool // streams that were there when following began
	told    map[string]bool // streams that cannot be followed and were logged
	others  []string        // namespaces of other installations that were seen
}

// Get implements bus.Topics (T4).
func (s *topics) Get(ctx context.Context, p bus.Partition, at bus.Position) (bus.Message, error) {
	if at.Seq < 1 {
		return bus.Message{}, fmt.Errorf("get %d of %s: %w", at.Seq, p, bus.ErrGone)
	}
	m, err := s.reads.Get(ctx, string(p), link.Which{Seq: uint64(at.Seq)})
	if err != nil {
		return bus.Message{}, err
	}
	if at.Mark != 0 && m.Time.UnixNano() != at.Mark {
		return bus.Message{}, fmt.Errorf("get %d of %s: another event is there: %w", at.Seq, p, bus.ErrGone)
	}
	var h nats.Header
	if len(m.Header) > 0 {
		if h, err = nats.DecodeHeadersMsg(m.Header); err != nil {
			h = nil // as the client library does: the message without its headers
		}
	}
	place := link.Meta{Seq: m.Seq, Time: m.Time.UnixNano()}
	return message(p, at.Identity, m.Subject, place, h, m.Data), nil
}

// Before implements bus.Topics (T5): a search by halves, since a stream's timestamps grow.
func (s *topics) Before(ctx context.Context, p bus.Partition, t time.Time) (bus.Position, error) {
	info, err := s.reads.Info(ctx, string(p))
	if err != nil {
		return bus.Position{}, err
	}
	sp := span(info)
	found := bus.Position{Identity: sp.Identity, Seq: sp.First - 1}
	for low, high := sp.First, sp.End.Seq+1; low < high; {
		middle := low + (high-low)/2
		m, err := s.reads.Get(ctx, string(p), link.Which{Seq: uint64(middle), Next: ">"})
		switch {
		case errors.Is(err, bus.ErrGone): // nothing from the middle on
			high = middle
		case err != nil:
			return bus.Position{}, err
		case m.Time.Before(t):
			found.Seq, found.Mark = int64(m.Seq), m.Time.UnixNano()
			low = int64(m.Seq) + 1
		default:
			high = middle
		}
	}
	return found, nil
}
