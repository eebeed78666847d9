package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Truncation maps the places of a partition that were kept to those that hold now. Most often
// nothing moves.
type Truncation struct {
	Partition bus.Partition
	Front     bus.Position  // the place before the first event kept
	Cut       *bus.Position // the partition was cut back: nothing after this place holds
}

// Remap returns where a kept place is now. It reports false when the partition was made anew:
// then the place is void and the first event is next.
func (t *Truncation) Remap(at bus.Position) (to bus.Position, same bool) {
	switch {
	case at.Identity != t.Front.Identity:
		return t.Front, false
	case t.Cut != nil && at.Seq > t.Cut.Seq:
		return *t.Cut, true
	}
	return at, true
}

// A History lists earlier positions, oldest first.
type History func(context.Context) ([]bus.Positions, error)

// NoHistory is that of places which nobody counted.
func NoHistory(context.Context) ([]bus.Positions, error) { return nil, nil }

// Truncation finds how the places of one partition must move. The history is asked for only when
// the partition was cut back.
func (ps *Partitions) Truncation(ctx context.Context, span bus.Span, places []bus.Position, history History) (Truncation, error) {
	t := Truncation{Partition: span.Partition, Front: front(span)}
	newest, marked := Furthest(span, places)
	ok, err := true, error(nil)
	if !ps.seen(span, marked) {
		ok, err = ps.Matches(ctx, span, marked)
	}
	if err != nil {
		return t, err
	}
	cut := marked
	if ok { // a place without a mark proves little, but it must not lie beyond the end
		if newest.Seq <= span.End.Seq {
			return t, nil
		}
	} else if cut, err = ps.fallBack(ctx, span, marked, history); err != nil {
		return t, err
	}
	return ps.cut(span, newest, cut), nil
}

// TruncationOfAll is Truncation for a partition that is said to be cut back. It believes no place
// for the sake of a newer one: that may have been counted after the cut, and tells nothing of those
// before it.
func (ps *Partitions) TruncationOfAll(ctx context.Context, span bus.Span, places []bus.Position, history History) (Truncation, error) {
	var lowest *bus.Position // that does not match
	checked := map[bus.Position]bool{}
	for _, at := range places {
		if at.Identity != span.Identity || at.Mark == 0 || checked[at] || lowest != nil && at.Seq >= lowest.Seq {
			continue
		}
		checked[at] = true
		ok, err := ps.Matches(ctx, span, at)
		if err != nil {
			return Truncation{}, err
		}
		if !ok {
			lowest = &at
		}
	}
	if lowest == nil {
		return ps.Truncation(ctx, span, places, history)
	}
	cut, err := ps.fallBack(ctx, span, *lowest, history)
	return ps.cut(span, *lowest, cut), err
}

// cut is the truncation of a partition that was cut back to a place, and tells of it.
func (ps *Partitions) cut(span bus.Span, from, to bus.Position) Truncation {
	ps.log.Warn("partition was cut back, its events are read again from the last place that matches",
		slog.String("partition", string(span.Partition)), slog.Int64("from", from.Seq), slog.Int64("to", to.Seq))
	return Truncation{Partition: span.Partition, Front: front(span), Cut: &to}
}

// Furthest is the newest of some places in a partition, and the newest that has a mark; the
// place before the first event without one.
func Furthest(span bus.Span, places []bus.Position) (newest, marked bus.Position) {
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

// fallBack is the newest place before at that still holds: an earlier position whose event is
// there, or what the bus is certain of.
func (ps *Partitions) fallBack(ctx context.Context, span bus.Span, at bus.Position, history History) (bus.Position, error) {
	to, err := ps.topics.Intact(ctx, span.Partition, at)
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
		if ok, err := ps.Matches(ctx, span, p); err != nil || ok {
			return p, err
		}
	}
	return to, nil
}

// Matches reports whether the partition reaches the place, and the event there is the one that
// was counted.
func (ps *Partitions) Matches(ctx context.Context, span bus.Span, at bus.Position) (bool, error) {
	if at.Seq > span.End.Seq {
		return false, nil
	}
	if at.Mark == 0 || at.Seq < span.First || at == span.End {
		return true, nil
	}
	m, err := ps.topics.Get(ctx, span.Partition, bus.Position{Identity: at.Identity, Seq: at.Seq})
	switch {
	case err == nil:
		return m.Position.Mark == at.Mark, nil
	case errors.Is(err, bus.ErrGone): // deleted by itself: nothing else is there
		return true, nil
	}
	return false, fmt.Errorf("check a place in %s: %w", span.Partition, err)
}
