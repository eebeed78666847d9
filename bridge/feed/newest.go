package feed

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Quest says which events are looked for among those that are stored.
type Quest struct {
	Most  int                     // how many at the most
	Since time.Time               // only those that were stored since then
	Wants func(*bus.Message) bool // only those; nil: all
	Look  int64                   // through how many sequences, the newest; 0: all there are
	Bytes int                     // how much room they may take, roughly; 0: any
}

// leastBytes is the room that each partition has of a Quest's.
const leastBytes = 2 << 20

// Newest are the newest followed events of all partitions that are looked for, the newest one first. It
// reads no further back than it has to. With an error come those of the windows that it had looked
// through until then; it may have come to no other partition.
func (ps *Partitions) Newest(ctx context.Context, q Quest) ([]bus.Message, error) {
	spans, err := ps.Spans(ctx)
	if err != nil {
		return nil, err
	}
	if n := len(spans); n > 0 && q.Look > 0 {
		q.Look = max(q.Look/int64(n), 1)
	}
	if n := len(spans); n > 0 && q.Bytes > 0 {
		q.Bytes = max(q.Bytes/n, leastBytes)
	}
	var all []bus.Message
	for _, span := range spans {
		var found []bus.Message
		found, err = ps.newest(ctx, span, q)
		if all = append(all, found...); err != nil {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b bus.Message) int { return b.Stored.Compare(a.Stored) })
	return all[:min(q.Most, len(all))], err
}

// newest looks back through one partition, in windows that grow.
func (ps *Partitions) newest(ctx context.Context, span bus.Span, q Quest) (found []bus.Message, err error) {
	floor := span.First - 1
	if q.Look > 0 {
		floor = max(floor, span.End.Seq-q.Look)
	}
	hi, size, bounded := span.End.Seq, int64(2*q.Most), q.Bytes > 0
	if q.Wants != nil {
		size = max(size, searchFirst)
	}
	for hi > floor && len(found) < q.Most {
		lo := max(hi-size, floor)
		w := window{q: q, most: q.Most - len(found)}
		if len(found) == 0 {
			w.least = 1
		}
		if err := ps.between(ctx, span, lo, hi, &w); err != nil {
			return found, err // what it has of an unfinished window are the oldest there
		}
		for _, m := range slices.Backward(w.found) {
			if !m.Stored.Before(q.Since) {
				found = append(found, m)
			}
		}
		if hi, size = lo, min(4*size, searchMost); w.full || w.oldest.Before(q.Since) {
			break
		}
		if q.Bytes -= w.bytes; bounded && q.Bytes <= 0 {
			break
		}
	}
	return found, nil
}

// A window is a part of a partition that is looked through.
type window struct {
	q      Quest
	most   int
	least  int           // of them are kept, however large they are
	found  []bus.Message // the last ones, in order
	bytes  int           // of them
	full   bool          // there was no room for all
	oldest time.Time     // when the first event there was stored
}

// between looks through (lo, hi]. A window without any event is as new as now.
func (ps *Partitions) between(ctx context.Context, span bus.Span, lo, hi int64, w *window) error {
	w.oldest = time.Now()
	seen := false
	err := ps.topics.Follow(ctx, span.Partition, bus.Position{Identity: span.Identity, Seq: lo}, func(batch []bus.Message) error {
		if len(batch) > 0 && !seen {
			w.oldest, seen = batch[0].Stored, true
		}
		for _, m := range ps.followed(span.Partition, batch) {
			if m.Position.Seq <= hi && m.Fault == "" && (w.q.Wants == nil || w.q.Wants(&m)) {
				w.found = append(w.found, m)
				w.bytes += m.Size
			}
		}
		w.keepToBounds()
		if last := len(batch); last == 0 || batch[last-1].Position.Seq >= hi {
			return errSearched
		}
		return nil
	})
	if errors.Is(err, errSearched) {
		err = nil
	}
	return err
}

func (w *window) keepToBounds() {
	extra := 0
	for n := len(w.found); extra < n-w.least; extra++ {
		tooLarge := w.q.Bytes > 0 && w.bytes > w.q.Bytes
		if n-extra <= w.most && !tooLarge {
			break
		}
		w.full = w.full || n-extra <= w.most
		w.bytes -= w.found[extra].Size
	}
	w.found = slices.Delete(w.found, 0, extra)
}
