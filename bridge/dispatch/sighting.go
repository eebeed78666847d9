package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/sighting"
)

const (
	countBackLeast = 100 // events of each partition, however many there are
	countTime      = 3 * time.Second

	typeLook  = 1_000_000 // sequences that are looked through for events of a type
	typeBytes = 64 << 20
)

// A tallied is how a look at what is stored ended.
type tallied struct {
	ended time.Time
	left  int64 // sequences that it had no time for
}

// Sightings brings the tally of event types up to what is stored now, as far as that goes within a few
// seconds, and returns it; where that was done within so long a time, it is not done again. Nothing is
// in it where the process was given none.
func (d *Dispatcher) Sightings(ctx context.Context, within time.Duration) (sighting.Report, error) {
	if d.conf.Sightings == nil {
		return sighting.Report{}, nil
	}
	if !d.counted(within) {
		if err := d.countStored(ctx, within); err != nil {
			return sighting.Report{}, err
		}
	}
	r := d.conf.Sightings.Report()
	r.Missed += d.tallied.Load().left
	return r, nil
}

func (d *Dispatcher) counted(within time.Duration) bool {
	last := d.tallied.Load()
	return last != nil && time.Since(last.ended) < within
}

// countStored counts what is stored and was not counted, unless somebody else does meanwhile.
func (d *Dispatcher) countStored(ctx context.Context, within time.Duration) error {
	if err := enter(ctx, d.typing); err != nil {
		return err
	}
	defer leave(d.typing)
	if d.counted(within) {
		return nil
	}
	counting, end := context.WithTimeout(ctx, countTime)
	defer end()
	places := d.conf.Sightings.Places()
	spans, err := d.partitions.Spans(counting)
	switch {
	case err != nil && counting.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
	case err != nil:
		return err
	}
	back := max(d.limits.countBack/int64(max(len(spans), 1)), countBackLeast)
	left := int64(0)
	for _, span := range spans {
		left += d.sight(counting, span, places[span.Partition], back)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	d.tallied.Store(&tallied{time.Now(), left})
	return nil
}

// sight counts what is stored of a partition and was not counted, and returns how many sequences it had
// no time for. Of what was stored before counting began it takes the newest. Before is up to where it was
// counted before the span was asked for.
func (d *Dispatcher) sight(ctx context.Context, span bus.Span, before bus.Position, back int64) (left int64) {
	t := d.conf.Sightings
	s, ok := t.Begin(span, before)
	if !ok {
		return 0
	}
	if !s.Whole {
		lo := max(span.First-1, s.From.Seq-back)
		earlier := sighting.New()
		err := d.partitions.Stored(ctx, span, lo, s.From.Seq, func(b *feed.Batch) {
			earlier.Take(b.Partition, b.Before, b.End, b.Messages)
		})
		if err == nil {
			t.Prepend(span.Partition, bus.Position{Identity: span.Identity, Seq: lo}, s.From, earlier)
		}
	}
	from := s.At.Seq
	if span.End.Seq-from > sighting.Reach {
		from = span.End.Seq - back
		t.Skip(span.Partition, bus.Position{Identity: span.Identity, Seq: from})
	}
	if err := d.partitions.Stored(ctx, span, from, span.End.Seq, func(b *feed.Batch) {
		t.Take(b.Partition, b.Before, b.End, b.Messages)
	}); err == nil {
		return 0
	}
	if at := t.Places()[span.Partition]; at.Same(span.End) {
		left = max(span.End.Seq-at.Seq, 0)
	}
	return left
}

// NewestOf are the newest events of a type, the newest one first, at the most so many. It looks no longer
// than it is given; what was found in time counts, and the look is partial then.
func (d *Dispatcher) NewestOf(ctx context.Context, eventType string, most int, within time.Duration) (look sighting.Look, err error) {
	looking, end := context.WithTimeout(ctx, within)
	defer end()
	if err = enter(looking, d.typing); err == nil {
		defer leave(d.typing)
		look.Found, err = d.partitions.Newest(looking, feed.Quest{
			Most: most, Look: typeLook, Bytes: typeBytes,
			Wants: func(m *bus.Message) bool {
				look.Looked++
				return m.Event.Type == eventType && !delivery.IsMark(m.Event)
			},
		})
	}
	if err != nil && looking.Err() != nil && ctx.Err() == nil {
		look.Partial, err = true, nil
	}
	return look, err
}

// Stored is the event at a place; bus.ErrGone when it is there no longer.
func (d *Dispatcher) Stored(ctx context.Context, at sighting.Place) (bus.Message, error) {
	return d.topics().Get(ctx, at.Partition, at.Position)
}

// enter waits until nobody else is in a slot.
func enter(ctx context.Context, slot chan struct{}) error {
	select {
	case slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func leave(slot chan struct{}) { <-slot }
