package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A Reader reads one partition in order from a place on, and waits at its end for more. It
// fetches what is there by itself and waits at the tail. It is not safe for concurrent use.
type Reader struct {
	c *Cluster
	PartitionRef
	next         int64         // where to read on
	subscription *subscription // nil while it reads by itself
	from         int64         // where the subscription's pages begin
	atEnd        bool          // nothing is left behind what was returned, and more has said so
}

func (c *Cluster) NewReader(s PartitionRef, next int64) *Reader {
	return &Reader{c: c, PartitionRef: s, next: next}
}

func (r *Reader) Close() {
	if r.subscription != nil {
		r.c.tail.leave(r.subscription)
	}
}

// Next waits for records and returns what is there, and whether nothing is left behind them
// now; none, and true, when it learns that nothing is left at all.
func (r *Reader) Next(ctx context.Context) (records []*kgo.Record, atEnd bool, err error) {
	for {
		p, err := r.page(ctx)
		if err != nil {
			return nil, false, err
		}
		records, err := p.Records(r.next)
		if err != nil {
			return nil, false, err
		}
		r.next = max(r.next, p.Next)
		said := r.atEnd && len(records) == 0
		r.atEnd = r.next >= p.End
		if len(records) > 0 || r.atEnd && !said {
			return records, r.atEnd, nil
		}
	}
}

// page is the next one: from the leader itself as long as there is something, else from the
// tail.
func (r *Reader) page(ctx context.Context) (page, error) {
	for {
		if r.subscription == nil && r.atEnd {
			r.subscription, r.from = r.c.tail.join(r.PartitionRef, r.next)
		}
		if r.subscription == nil || r.next < r.from {
			return r.c.Fetch(ctx, r.PartitionRef, r.next, pageBytes)
		}
		select {
		case p, ok := <-r.subscription.pages:
			if ok {
				r.c.tail.held.Add(-int64(len(p.raw.RecordBatches)))
				return p, nil
			}
			moved := r.subscription.moved
			r.subscription, r.atEnd = nil, false
			if moved {
				r.c.forget(r.Topic)
				return page{}, r.Failed("follow", errMoved)
			}
		case <-ctx.Done():
			return page{}, context.Cause(ctx)
		}
	}
}

// Scan hands over the records at `from` and behind, in order, up to the end as it was when it
// was called. A front that is not kept any more is skipped.
func (c *Cluster) Scan(ctx context.Context, topic string, n int32, from int64, each func(*kgo.Record) error) error {
	next, end := max(from, 0), int64(-1)
	for {
		p, err := c.pageAt(ctx, topic, n, next)
		if err != nil || p.raw == nil {
			return err
		}
		if end < 0 {
			end = p.End
		}
		records, err := p.Records(next)
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
		if next = p.Next; next >= end {
			return nil
		}
	}
}

// pageAt fetches at an offset, or at the first one kept when it lies in front of that. Behind
// the end there is no page.
func (c *Cluster) pageAt(ctx context.Context, topic string, n int32, at int64) (p page, err error) {
	err = c.RetryBriefly(ctx, func(ctx context.Context) error {
		s, err := c.Partition(ctx, topic, n, time.Time{})
		if err != nil {
			return err
		}
		if p, err = c.Fetch(ctx, s, at, scanBytes); !errors.Is(err, ErrOutside) {
			return err
		}
		start, end, err := c.Bounds(ctx, s)
		if err != nil || at >= end {
			return err
		}
		p, err = c.Fetch(ctx, s, max(at, start), scanBytes)
		return err
	})
	return p, err
}
