package dispatch

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// History reads the positions that the shard's log names, oldest first.
func (s *shard) History(ctx context.Context) ([]bus.Positions, error) {
	return statelog.History(ctx, s.d.store, s.id)
}

// Places are those of a partition that the shard's memory holds.
func (s *shard) Places(p bus.Partition) []bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []bus.Position
	if at, ok := s.read[p]; ok {
		all = append(all, at)
	}
	for _, l := range s.lanes {
		pl := l.feeds[p]
		if pl == nil {
			continue
		}
		if pl.since != nil {
			all = append(all, *pl.since)
		}
		for _, c := range pl.ranges {
			if all = append(all, c.from, c.read); c.to != nil {
				all = append(all, *c.to)
			}
		}
	}
	for _, l := range s.lanes {
		for _, j := range l.jobs {
			if c := j.ranges[p]; c != nil {
				all = append(all, c.from, c.read, *c.to)
			}
		}
	}
	return all
}

// Truncate moves the shard's places of a partition to where they fit, and returns how many
// events have expired before its live feed.
func (s *shard) Truncate(_ bus.Span, t *feed.Truncation) (gap int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.read[t.Partition]
	if !ok {
		s.read[t.Partition] = s.d.partitions.Beginning(t.Partition)
		return 0
	}
	to, same := t.Remap(at)
	if to.Seq < at.Seq && same {
		s.back[t.Partition] = true
	}
	if to.Seq < t.Front.Seq {
		gap = s.expired(t.Partition, to, t.Front)
		to = t.Front
	}
	s.read[t.Partition] = to
	if same && t.Cut == nil {
		return gap
	}
	for _, l := range s.lanes {
		for _, j := range l.jobs {
			j.truncate(t.Partition, t.Cut, same)
		}
		switch pl := l.feeds[t.Partition]; {
		case pl == nil:
		case same:
			pl.cutBack(*t.Cut)
		default:
			l.feeds[t.Partition] = pl.recreated(to)
		}
	}
	return gap
}

// expired counts the events of a gap before the live feed, for each endpoint that had
// been registered when they were published.
func (s *shard) expired(p bus.Partition, at, front bus.Position) (gap int64) {
	for _, l := range s.lanes {
		from := at
		if len(l.ep.Periods) > 0 {
			since := l.ep.Periods[0].From[p]
			from = later(at, &since)
		}
		if pl := l.feeds[p]; pl == nil || !pl.behind {
			gap += max(front.Seq-from.Seq, 0)
		}
	}
	return gap
}

// recreated is the place in a partition that was made anew and begins at front.
func (pl *feedState) recreated(front bus.Position) *feedState {
	fresh := &feedState{behind: pl.behind}
	if pl.behind {
		fresh.ranges = []*catchupRange{{from: front, read: front, counted: true, born: time.Now()}}
	}
	return fresh
}

// cutBack moves what lies beyond a place to it. Events beyond it that still exist will be met
// again.
func (pl *feedState) cutBack(to bus.Position) {
	if pl.since != nil && pl.since.Seq > to.Seq {
		pl.since = &to
	}
	cutBack(&pl.out, to)
	for _, c := range pl.ranges {
		c.cutBack(to)
	}
}

func (c *catchupRange) cutBack(to bus.Position) {
	cutBack(&c.out, to)
	c.counted = c.counted && c.events == 0
	for _, at := range []*bus.Position{&c.from, &c.read, &c.until} {
		if at.Seq > to.Seq {
			*at = to
		}
	}
	if c.to != nil && c.to.Seq > to.Seq {
		c.to = &to
	}
}

// expire moves a place of a range before which everything has expired, and returns how
// many events that were.
func (d *Dispatcher) expire(p bus.Partition, c *catchupRange) int64 {
	front, ok := d.partitions.Front(p, c.read.Identity)
	if !ok || front.Seq <= c.read.Seq {
		return 0
	}
	gap := front.Seq - c.read.Seq
	c.counted = c.counted && c.events == 0 // how many of them are gone nobody knows
	c.skip(front)
	return gap
}

// lost counts events that expired before an endpoint could be fed them.
func (d *Dispatcher) lost(p bus.Partition, gap int64) {
	d.metrics.ended(delivery.Discarded, delivery.EndedExpired, gap)
	d.log.Error("events expired before endpoints could be fed them", slog.String("partition", string(p)),
		slog.Int64("events", gap), slog.String("reason", string(delivery.EndedExpired)))
}
