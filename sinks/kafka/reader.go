package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A reader reads one partition in order from a place on, and waits at its end for more. It
// fetches what is there by itself and waits at the tail. It is not safe for concurrent use.
type reader struct {
	l *link
	spot
	next  int64 // where to read on
	tap   *tap  // nil while it reads by itself
	from  int64 // where the tap's pages begin
	atEnd bool  // nothing is left behind what was returned, and more has said so
}

func (l *link) reader(s spot, next int64) *reader { return &reader{l: l, spot: s, next: next} }

func (r *reader) close() {
	if r.tap != nil {
		r.l.tail.leave(r.tap)
	}
}

// more waits for records and returns what is there, and whether nothing is left behind them
// now; none, and true, when it learns that nothing is left at all.
func (r *reader) more(ctx context.Context) (records []*kgo.Record, atEnd bool, err error) {
	for {
		p, err := r.page(ctx)
		if err != nil {
			return nil, false, err
		}
		records, err := p.records(r.next)
		if err != nil {
			return nil, false, err
		}
		r.next = max(r.next, p.next)
		said := r.atEnd && len(records) == 0
		r.atEnd = r.next >= p.end
		if len(records) > 0 || r.atEnd && !said {
			return records, r.atEnd, nil
		}
	}
}

// page is the next one: from the leader itself as long as there is something, else from the
// tail.
func (r *reader) page(ctx context.Context) (page, error) {
	for {
		if r.tap == nil && r.atEnd {
			r.tap, r.from = r.l.tail.join(r.spot, r.next)
		}
		if r.tap == nil || r.next < r.from {
			return r.l.fetch(ctx, r.spot, r.next, pageBytes)
		}
		select {
		case p, ok := <-r.tap.pages:
			if ok {
				r.l.tail.held.Add(-int64(len(p.raw.RecordBatches)))
				return p, nil
			}
			moved := r.tap.moved
			r.tap, r.atEnd = nil, false
			if moved {
				r.l.forget(r.topic)
				return page{}, r.failed("follow", errMoved)
			}
		case <-ctx.Done():
			return page{}, context.Cause(ctx)
		}
	}
}

// scan hands over the records at `from` and behind, in order, up to the end as it was when it
// was called. A front that is not kept any more is skipped.
func (l *link) scan(ctx context.Context, topic string, n int32, from int64, each func(*kgo.Record) error) error {
	next, end := max(from, 0), int64(-1)
	for {
		p, err := l.pageAt(ctx, topic, n, next)
		if err != nil || p.raw == nil {
			return err
		}
		if end < 0 {
			end = p.end
		}
		records, err := p.records(next)
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.Offset >= end {
				return nil
			}
			if err := each(r); err != nil {
				return err
			}
		}
		if next = p.next; next >= end {
			return nil
		}
	}
}

// pageAt fetches at an offset, or at the first one kept when it lies in front of that. Behind
// the end there is no page.
func (l *link) pageAt(ctx context.Context, topic string, n int32, at int64) (p page, err error) {
	err = l.again(ctx, func(ctx context.Context) error {
		s, err := l.spot(ctx, topic, n, time.Time{})
		if err != nil {
			return err
		}
		if p, err = l.fetch(ctx, s, at, scanBytes); !errors.Is(err, errOutside) {
			return err
		}
		start, end, err := l.held(ctx, s)
		if err != nil || at >= end {
			return err
		}
		p, err = l.fetch(ctx, s, max(at, start), scanBytes)
		return err
	})
	return p, err
}
