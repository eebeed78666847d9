package jetstream

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// reservedShare of the event stream's limit, in percent, is kept back from intake for dead
// letters and operations events.
const reservedShare = 5

// A space is what is known of the event stream's size between two looks.
type space struct {
	*installation
	used       atomic.Int64 // at the last look, and what was published since
	limit      atomic.Int64 // 0: none
	maxMessage atomic.Int64 // bytes that the event stream takes; 0 or less: as much as the server
}

// most is what events may take together; 0: there is no limit.
func (s *space) most(reserved bool) int64 {
	limit := s.limit.Load()
	if !reserved {
		limit -= limit / 100 * reservedShare
	}
	return limit
}

// take counts an event of about this size; bus.ErrStoreFull when it does not fit, and
// bus.ErrTooLarge when it never will.
func (s *space) take(size int64, reserved bool) error {
	limit := s.most(reserved)
	switch {
	case limit == 0:
		return nil
	case size > limit:
		return fmt.Errorf("%w: the whole event store has %d bytes for events", bus.ErrTooLarge, limit)
	}
	if used := s.used.Add(size); used > limit {
		s.used.Add(-size)
		return fmt.Errorf("%w: %d of %d bytes are used", bus.ErrStoreFull, used-size, limit)
	}
	return nil
}

// Room implements bus.Durability (D2).
func (s *space) Room(ctx context.Context) (bus.Room, error) {
	info, err := s.events.Info(ctx, s.names.events)
	if err != nil {
		return bus.Room{}, err
	}
	limit := max(info.Config.MaxBytes, 0)
	if ours := share(s.o.EventStore, eventsShare, 0); ours > 0 && (limit == 0 || ours < limit) {
		limit = ours
	}
	s.maxMessage.Store(int64(info.Config.MaxMsgSize))
	s.limit.Store(limit)
	s.used.Store(int64(info.State.Bytes))
	return bus.Room{Used: int64(info.State.Bytes), Limit: limit, Reserved: limit / 100 * reservedShare}, nil
}

// PurgeEvents implements bus.Durability (D3). Streams of others are not ours to purge.
func (s *space) PurgeEvents(ctx context.Context, p bus.Partition, upto int64) error {
	if string(p) != s.names.events {
		return fmt.Errorf("purge stream %s: it belongs to somebody else", p)
	}
	info, err := s.events.Info(ctx, s.names.events)
	if err != nil {
		return err
	}
	if !s.own(info.Config) {
		return fmt.Errorf("purge stream %s: Hookspan did not create it", p)
	}
	list, _ := s.filters(s.o.Topics, info.Config)
	if list == nil {
		list = []string{""}
	}
	for _, subject := range list {
		if err := s.events.Purge(ctx, s.names.events, subject, upto+1); err != nil {
			return err
		}
	}
	return nil
}

// pressing is when consumers of clients hold back no purge any more: the share of what intake
// may take, in percent, that is used then. Intake must not end because a client does not read.
const pressing = 95

// OthersNeed implements bus.Durability (D4). Ours are never durable.
func (s *space) OthersNeed(ctx context.Context, p bus.Partition) (int64, bool, error) {
	if limit := s.limit.Load(); s.o.Disk != nil && limit > 0 && s.used.Load() > (limit-limit/100*reservedShare)/100*pressing {
		return 0, false, nil
	}
	stream, err := s.events.JS.Stream(ctx, string(p))
	if err != nil {
		return 0, false, fmt.Errorf("ask for the consumers of stream %s: %w", p, link.Unavailable(err))
	}
	var needs []int64
	list := stream.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.Durable == "" {
			continue
		}
		need := c.AckFloor.Stream
		if c.Config.AckPolicy == jetstream.AckNonePolicy {
			need = c.Delivered.Stream
		}
		needs = append(needs, int64(need))
	}
	if err := list.Err(); err != nil {
		return 0, false, fmt.Errorf("ask for the consumers of stream %s: %w", p, link.Unavailable(err))
	}
	if len(needs) == 0 {
		return 0, false, nil
	}
	return slices.Min(needs), true, nil
}
