package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// looks are the questions what the followed partitions hold. One is on its way at a time, and
// its answer serves all who asked before it began: a takeover asks for many shards at once.
type looks struct {
	turn  chan struct{} // one slot: whoever fills it asks
	begun atomic.Int64
	last  int64 // the number of the one that was answered; of whose turn it is, as the next
	spans []bus.Span
}

// look asks the bus what the followed partitions hold, without those that nobody can be asked
// about now. The answer is not the caller's to change.
func (d *Dispatcher) look(ctx context.Context) ([]bus.Span, error) {
	l := &d.looks
	asked := l.begun.Load()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("list the followed partitions: %w", context.Cause(ctx))
	}
	if l.last > asked {
		return l.spans, nil
	}
	number := l.begun.Add(1)
	spans, err := d.store.Spans(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the followed partitions: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = map[bus.Partition]bool{}
	for _, s := range spans {
		if s.Away {
			d.away[s.Partition] = true
		} else {
			d.spans[s.Partition] = s
		}
	}
	spans = slices.DeleteFunc(spans, func(s bus.Span) bool { return s.Away })
	l.last, l.spans = number, spans
	return spans, nil
}

// spanOf returns what look said of one partition, and false where there is none.
func (d *Dispatcher) spanOf(spans []bus.Span, p bus.Partition) (bus.Span, bool, error) {
	if i := slices.IndexFunc(spans, func(s bus.Span) bool { return s.Partition == p }); i >= 0 {
		return spans[i], true, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away[p] {
		return bus.Span{}, false, fmt.Errorf("%s: %w", p, bus.ErrAway)
	}
	return bus.Span{}, false, nil
}

// front is the place just before the first event that a partition keeps.
func front(s bus.Span) bus.Position {
	return bus.Position{Identity: s.Identity, Seq: s.First - 1}
}

// frontOf is front by what was last asked for; it reports false for an unknown partition and
// for another incarnation of it.
func (d *Dispatcher) frontOf(p bus.Partition, identity string) (bus.Position, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.spans[p]
	return front(s), ok && s.Identity == identity
}

// beginning is where a partition is read from that has no position: where the following of its
// topic began, else its first event.
func (d *Dispatcher) beginning(p bus.Partition) bus.Position {
	d.mu.Lock()
	defer d.mu.Unlock()
	span := d.spans[p]
	if at, ok := d.origin[p]; ok && at.Identity == span.Identity {
		return at
	}
	return front(span)
}

// A fit maps the places of a partition that were kept to those that hold now. Most often
// nothing moves.
type fit struct {
	partition bus.Partition
	front     bus.Position
	cut       *bus.Position // the partition was cut back: nothing beyond this place holds
}

// place returns where a kept place is now. It reports false when the partition was recreated:
// then the place is void and the first event is next.
func (f *fit) place(at bus.Position) (bus.Position, bool) {
	switch {
	case at.Identity != f.front.Identity:
		return f.front, false
	case f.cut != nil && at.Seq > f.cut.Seq:
		return *f.cut, true
	}
	return at, true
}

// fitting finds how the places of one partition must move. history lists earlier positions,
// oldest first; it is asked only when the partition was cut back.
func (d *Dispatcher) fitting(ctx context.Context, span bus.Span, places []bus.Position, history func(context.Context) ([]bus.Positions, error)) (fit, error) {
	f := fit{partition: span.Partition, front: front(span)}
	newest, marked := furthest(span, places)
	ok, err := true, error(nil)
	if !d.witnessed(span, marked) {
		ok, err = d.fits(ctx, span, marked)
	}
	if err != nil {
		return f, err
	}
	cut := marked
	if ok { // a place without a mark proves little, but it must not lie beyond the end
		if newest.Seq <= span.End.Seq {
			return f, nil
		}
	} else if cut, err = d.fallBack(ctx, span, marked, history); err != nil {
		return f, err
	}
	f.cut = &cut
	d.log.Warn("partition was cut back, its events are read again from the last place that fits",
		slog.String("partition", string(span.Partition)), slog.Int64("from", newest.Seq), slog.Int64("to", cut.Seq))
	return f, nil
}

// furthest is the newest of some places in a partition, and the newest that has a mark; the
// front without one.
func furthest(span bus.Span, places []bus.Position) (newest, marked bus.Position) {
	newest, marked = front(span), front(span)
	for _, at := range places {
		if at.Identity != span.Identity {
			continue
		}
		if at.Seq > newest.Seq {
			newest = at
		}
		if at.Mark != 0 && at.Seq > marked.Seq {
			marked = at
		}
	}
	return newest, marked
}

// fallBack is the newest place in front of at that still holds: an earlier position whose
// event is there, or what the bus is certain of.
func (d *Dispatcher) fallBack(ctx context.Context, span bus.Span, at bus.Position, history func(context.Context) ([]bus.Positions, error)) (bus.Position, error) {
	to, err := d.store.Intact(ctx, span.Partition, at)
	if err != nil {
		return at, fmt.Errorf("find a place in %s before a cut: %w", span.Partition, err)
	}
	if to.Seq >= at.Seq { // but the event at it is another one
		to = bus.Position{Identity: at.Identity, Seq: at.Seq - 1}
	}
	earlier, err := history(ctx)
	if err != nil {
		return at, fmt.Errorf("find an earlier place in %s: %w", span.Partition, err)
	}
	for _, h := range slices.Backward(earlier) {
		p, ok := h[span.Partition]
		if !ok || p.Identity != span.Identity || p.Seq >= at.Seq || p.Seq <= to.Seq || p.Mark == 0 {
			continue
		}
		if ok, err := d.fits(ctx, span, p); err != nil || ok {
			return p, err
		}
	}
	return to, nil
}

// fits: the partition reaches the place, and the event there is the one that was counted.
func (d *Dispatcher) fits(ctx context.Context, span bus.Span, at bus.Position) (bool, error) {
	if at.Seq > span.End.Seq {
		return false, nil
	}
	if at.Mark == 0 || at.Seq < span.First || at == span.End {
		return true, nil
	}
	m, err := d.store.Get(ctx, span.Partition, bus.Position{Identity: at.Identity, Seq: at.Seq})
	switch {
	case err == nil:
		return m.Position.Mark == at.Mark, nil
	case errors.Is(err, bus.ErrGone): // deleted by itself: nothing else is there
		return true, nil
	}
	return false, fmt.Errorf("check a place in %s: %w", span.Partition, err)
}

// witnessed: the follower has read the event at a place itself, since it began the last time. That
// is known where it read nothing but events of the same mark, as on Kafka between two leaders;
// should the partition be cut back this moment, the follower hears of it and all places are
// held against it again. It spares a takeover a question for every partition.
func (d *Dispatcher) witnessed(span bus.Span, at bus.Position) bool {
	d.mu.Lock()
	f := d.followers[span.Partition]
	d.mu.Unlock()
	if f == nil || at.Seq > span.End.Seq {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.first.Same(at) && f.first.Seq <= at.Seq && f.read.Reaches(at) && f.first.Mark == at.Mark && f.read.Mark == at.Mark
}

// recheck holds the places in memory against a partition before it is followed (again).
func (d *Dispatcher) recheck(ctx context.Context, p bus.Partition) error {
	// The places first: other feeds go on meanwhile, and what they will have read by then is
	// not beyond an end that was asked for afterwards.
	shards := d.shards()
	held := make([][]bus.Position, len(shards))
	for i, s := range shards {
		held[i] = s.places(p)
	}
	spans, err := d.look(ctx)
	if err != nil {
		return err
	}
	span, there, err := d.spanOf(spans, p)
	if err != nil || !there {
		return err
	}
	for i, s := range shards {
		f, err := d.fitting(ctx, span, held[i], s.history)
		if err != nil {
			return err
		}
		if f.cut != nil {
			d.cutBacks.Add(1)
		}
		if gap := s.refit(span, &f); gap > 0 {
			d.lost(p, gap)
		}
	}
	return nil
}

// history reads the positions that the shard's log names, oldest first.
func (s *shard) history(ctx context.Context) ([]bus.Positions, error) {
	return statelog.History(ctx, s.d.store, s.id)
}

// places are those of a partition that the shard's memory holds.
func (s *shard) places(p bus.Partition) []bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []bus.Position
	if at, ok := s.read[p]; ok {
		all = append(all, at)
	}
	for _, l := range s.lanes {
		pl := l.places[p]
		if pl == nil {
			continue
		}
		if pl.since != nil {
			all = append(all, *pl.since)
		}
		for _, c := range pl.ranges {
			if all = append(all, c.a, c.c); c.b != nil {
				all = append(all, *c.b)
			}
		}
	}
	return all
}

// refit moves the shard's places of a partition to where they fit, and returns how many
// events have expired in front of its live feed.
func (s *shard) refit(span bus.Span, f *fit) (gap int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.read[f.partition]
	if !ok {
		s.read[f.partition] = s.d.beginning(f.partition)
		return 0
	}
	to, same := f.place(at)
	if to.Seq < at.Seq && same {
		s.back[f.partition] = true
	}
	if to.Seq < f.front.Seq {
		gap = s.expired(f.partition, to, f.front)
		to = f.front
	}
	s.read[f.partition] = to
	if same && f.cut == nil {
		return gap
	}
	for _, l := range s.lanes {
		switch pl := l.places[f.partition]; {
		case pl == nil:
		case same:
			pl.cutBack(*f.cut)
		default:
			l.places[f.partition] = pl.recreated(to)
		}
	}
	return gap
}

// expired counts the events of a gap in front of the live feed, for each endpoint that had
// been registered when they were published.
func (s *shard) expired(p bus.Partition, at, front bus.Position) (gap int64) {
	for _, l := range s.lanes {
		from := at
		if len(l.ep.Items) > 0 {
			since := l.ep.Items[0].From[p]
			from = later(at, &since)
		}
		if pl := l.places[p]; pl == nil || !pl.behind {
			gap += max(front.Seq-from.Seq, 0)
		}
	}
	return gap
}

// recreated is the place in a partition that was made anew and begins at front.
func (pl *place) recreated(front bus.Position) *place {
	fresh := &place{behind: pl.behind}
	if pl.behind {
		fresh.ranges = []*catchup{{a: front, c: front, counted: true, born: time.Now()}}
	}
	return fresh
}

// cutBack moves what lies beyond a place to it. Events beyond it that still exist will be met
// again.
func (pl *place) cutBack(to bus.Position) {
	if pl.since != nil && pl.since.Seq > to.Seq {
		pl.since = &to
	}
	cutBack(&pl.out, to)
	for _, c := range pl.ranges {
		cutBack(&c.out, to)
		c.counted = c.counted && c.events == 0
		for _, at := range []*bus.Position{&c.a, &c.c, &c.until} {
			if at.Seq > to.Seq {
				*at = to
			}
		}
		if c.b != nil && c.b.Seq > to.Seq {
			c.b = &to
		}
	}
}

// expire moves a place of a range in front of which everything has expired, and returns how
// many events that were.
func (d *Dispatcher) expire(p bus.Partition, c *catchup) int64 {
	front, ok := d.frontOf(p, c.c.Identity)
	if !ok || front.Seq <= c.c.Seq {
		return 0
	}
	gap := front.Seq - c.c.Seq
	c.counted = c.counted && c.events == 0 // how many of them are gone nobody knows
	c.skip(front)
	return gap
}

// lost counts events that expired before an endpoint could be fed them.
func (d *Dispatcher) lost(p bus.Partition, gap int64) {
	d.metrics.deliveries.WithLabelValues(string(delivery.Discarded)).Add(float64(gap))
	d.log.Error("events expired before endpoints could be fed them", slog.String("partition", string(p)),
		slog.Int64("events", gap), slog.String("reason", string(delivery.EndedExpired)))
}
