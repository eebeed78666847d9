package dispatch

import (
	"context"
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
	typeTime  = 5 * time.Second
)

// Sightings brings the tally of event types up to what is stored now, as far as that goes within a few
// seconds, and returns it. Nothing is in it where the process was given none.
func (d *Dispatcher) Sightings(ctx context.Context) (sighting.Report, error) {
	if d.conf.Sightings == nil {
		return sighting.Report{}, nil
	}
	if err := d.locate(ctx); err != nil {
		return sighting.Report{}, err
	}
	defer d.located()
	places := d.conf.Sightings.Places()
	spans, err := d.partitions.Spans(ctx)
	if err != nil {
		return sighting.Report{}, err
	}
	counting, end := context.WithTimeout(ctx, countTime)
	defer end()
	back := max(d.limits.countBack/int64(max(len(spans), 1)), countBackLeast)
	left := int64(0)
	for _, span := range spans {
		left += d.sight(counting, span, places[span.Partition], back)
	}
	if ctx.Err() != nil {
		return sighting.Report{}, context.Cause(ctx)
	}
	r := d.conf.Sightings.Report()
	r.Missed += left
	return r, nil
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

// NewestOf are the newest events of a type, the newest one first, at the most so many, and through how
// many events it was looked for them. It looks no longer than a few seconds.
func (d *Dispatcher) NewestOf(ctx context.Context, eventType string, most int) (found []bus.Message, looked int64, err error) {
	if err := d.locate(ctx); err != nil {
		return nil, 0, err
	}
	defer d.located()
	looking, end := context.WithTimeout(ctx, typeTime)
	defer end()
	found, err = d.partitions.Newest(looking, feed.Quest{
		Most: most, Look: typeLook, Bytes: typeBytes,
		Wants: func(m *bus.Message) bool {
			looked++
			return m.Event.Type == eventType && !delivery.IsMark(m.Event)
		},
	})
	if looking.Err() != nil && ctx.Err() == nil { // what was found in time counts
		err = nil
	}
	return found, looked, err
}

// Stored is the event at a place; bus.ErrGone when it is there no longer.
func (d *Dispatcher) Stored(ctx context.Context, at sighting.Place) (bus.Message, error) {
	return d.topics().Get(ctx, at.Partition, at.Position)
}

// locate waits until no other search runs.
func (d *Dispatcher) locate(ctx context.Context) error {
	select {
	case d.locating <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (d *Dispatcher) located() { <-d.locating }
