package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// cutBackMargin is how far in front of the last known event reading begins again when a
// partition was cut back and no earlier position fits.
const cutBackMargin = time.Minute

// reconcile holds the places of a shard's state against what the bus has now. A partition
// that was recreated voids them: its first event is next. One that was cut back (a backup, a
// power cut without sync, an unclean election) moves them back to the newest place that
// still fits.
func (d *Dispatcher) reconcile(ctx context.Context, st *state, history []bus.Positions) error {
	spans, err := d.spans(ctx)
	if err != nil {
		return err
	}
	for _, span := range spans {
		places := st.places(span.Partition)
		fits, err := d.fitting(ctx, span, places, history)
		if err != nil {
			return err
		}
		st.move(span.Partition, fits)
	}
	return nil
}

// places are the state's positions in a partition: those of the live feed, since, A and B.
func (st *state) places(p bus.Partition) []bus.Position {
	var all []bus.Position
	if at, ok := st.positions[p]; ok {
		all = append(all, at)
	}
	for _, parts := range st.feeds {
		f := parts[string(p)]
		if f.Since != nil {
			all = append(all, *f.Since)
		}
		for _, r := range f.Ranges {
			all = append(all, r.A)
			if r.B != nil {
				all = append(all, *r.B)
			}
		}
	}
	return all
}

// A fit maps a place that was kept to the one that holds now.
type fit func(bus.Position) (bus.Position, bool)

// fitting finds how the places of one partition must move. Most often they do not.
func (d *Dispatcher) fitting(ctx context.Context, span bus.Span, places []bus.Position, history []bus.Positions) (fit, error) {
	front := bus.Position{Identity: span.Identity, Seq: span.First - 1}
	newest := front
	for _, at := range places {
		if at.Identity == span.Identity && at.Seq > newest.Seq {
			newest = at
		}
	}
	end, err := d.valid(ctx, span, newest, history)
	if err != nil {
		return nil, err
	}
	if end != newest {
		d.log.Warn("partition was cut back, its events are read again from the last place that fits",
			slog.String("partition", string(span.Partition)), slog.Int64("from", newest.Seq), slog.Int64("to", end.Seq))
	}
	return func(at bus.Position) (bus.Position, bool) {
		switch {
		case at.Identity != span.Identity:
			return front, false
		case at.Seq > end.Seq:
			return end, true
		}
		return at, true
	}, nil
}

// valid is the newest place not behind at that still fits what the partition holds.
func (d *Dispatcher) valid(ctx context.Context, span bus.Span, at bus.Position, history []bus.Positions) (bus.Position, error) {
	candidates := []bus.Position{at}
	for _, h := range slices.Backward(history) {
		if p, ok := h[span.Partition]; ok && p.Identity == span.Identity && p.Seq < at.Seq {
			candidates = append(candidates, p)
		}
	}
	for _, c := range candidates {
		ok, err := d.fits(ctx, span, c)
		if err != nil {
			return at, err
		}
		if ok {
			return c, nil
		}
	}
	at, err := d.store.Before(ctx, span.Partition, time.Unix(0, at.Mark).Add(-cutBackMargin))
	if err != nil {
		return at, fmt.Errorf("find a place in %s before a cut: %w", span.Partition, err)
	}
	return at, nil
}

// fits: the partition reaches the place, and the event there is the one that was counted.
func (d *Dispatcher) fits(ctx context.Context, span bus.Span, at bus.Position) (bool, error) {
	if at.Seq > span.End.Seq {
		return false, nil
	}
	if at.Mark == 0 || at.Seq < span.First {
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

// move maps every place of a partition; ranges of an earlier incarnation are void.
func (st *state) move(p bus.Partition, fits fit) {
	if at, ok := st.positions[p]; ok {
		st.positions[p], _ = fits(at)
	}
	for ep, parts := range st.feeds {
		f, ok := parts[string(p)]
		if !ok {
			continue
		}
		moved := feed{Behind: f.Behind}
		if f.Since != nil {
			if at, same := fits(*f.Since); same {
				moved.Since = &at
			}
		}
		for _, r := range f.Ranges {
			a, same := fits(r.A)
			if !same && r.B != nil {
				continue
			}
			n := stretch{A: a, Base: r.Base}
			if r.B != nil {
				b, _ := fits(*r.B)
				n.B = &b
			}
			moved.Ranges = append(moved.Ranges, n)
		}
		st.setFeed(ep, string(p), moved)
	}
}
