package feed

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Newest are the newest n followed events of all partitions that were stored since a time, the newest
// one first. It reads no further back than it has to.
func (ps *Partitions) Newest(ctx context.Context, n int, since time.Time) ([]bus.Message, error) {
	spans, err := ps.Spans(ctx)
	if err != nil {
		return nil, err
	}
	var all []bus.Message
	for _, span := range spans {
		found, err := ps.newest(ctx, span, n, since)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b bus.Message) int { return b.Stored.Compare(a.Stored) })
	return all[:min(n, len(all))], nil
}

// newest looks back through one partition, in windows that grow.
func (ps *Partitions) newest(ctx context.Context, span bus.Span, n int, since time.Time) (found []bus.Message, err error) {
	hi, size := span.End.Seq, int64(2*n)
	for hi >= span.First && len(found) < n {
		lo := max(hi-size, span.First-1)
		window, oldest, err := ps.between(ctx, span, lo, hi, n-len(found))
		if err != nil {
			return nil, err
		}
		for _, m := range slices.Backward(window) {
			if !m.Stored.Before(since) {
				found = append(found, m)
			}
		}
		if hi, size = lo, min(4*size, searchMost); oldest.Before(since) {
			break
		}
	}
	return found, nil
}

// between are the last n followed events in (lo, hi], in order, and when the first event there was
// stored; a window without any is as new as now.
func (ps *Partitions) between(ctx context.Context, span bus.Span, lo, hi int64, n int) (window []bus.Message, oldest time.Time, err error) {
	oldest = time.Now()
	seen := false
	err = ps.topics.Follow(ctx, span.Partition, bus.Position{Identity: span.Identity, Seq: lo}, func(batch []bus.Message) error {
		if len(batch) > 0 && !seen {
			oldest, seen = batch[0].Stored, true
		}
		for _, m := range ps.followed(span.Partition, batch) {
			if m.Position.Seq <= hi && m.Fault == "" {
				window = append(window, m)
			}
		}
		if extra := len(window) - n; extra > 0 {
			window = slices.Delete(window, 0, extra)
		}
		if last := len(batch); last == 0 || batch[last-1].Position.Seq >= hi {
			return errSearched
		}
		return nil
	})
	if errors.Is(err, errSearched) {
		err = nil
	}
	return window, oldest, err
}
