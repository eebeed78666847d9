package feed

import (
	"context"
	"errors"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	searchFirst = 1000 // sequences that are looked through first, the newest
	searchMost  = 64_000
)

var errSearched = errors.New("the window was looked through")

// Locate finds the newest followed events of an id, given whole or as records have it: in all partitions among what was stored since
// then, and in those that from names among what lies after it. With no time it looks only there. It reports false when ctx ended,
// or the bus failed, before it had seen all of that.
func (ps *Partitions) Locate(ctx context.Context, id string, from bus.Positions, since time.Time) (found []bus.Message, whole bool) {
	spans, err := ps.Spans(ctx)
	if err != nil {
		return nil, false
	}
	whole = true
	for _, span := range spans {
		s := search{ps: ps, span: span, id: id, since: since, low: span.End.Seq}
		if at, named := from[span.Partition]; named && at.Identity == span.Identity {
			s.low = at.Seq
		}
		whole = s.run(ctx) && whole
		found = append(found, s.found...)
	}
	return found, whole
}

// A search goes backwards through a partition, in windows that grow.
type search struct {
	ps    *Partitions
	span  bus.Span
	id    string
	since time.Time
	low   int64 // down to which it looks at any rate
	found []bus.Message
}

func (s *search) run(ctx context.Context) bool {
	hi, size := s.span.End.Seq, int64(searchFirst)
	for hi >= s.span.First && !(hi <= s.low && s.since.IsZero()) {
		lo := max(hi-size, s.span.First-1)
		oldest, err := s.window(ctx, lo, hi)
		if err != nil {
			return false
		}
		hi, size = lo, min(4*size, searchMost)
		if len(s.found) > 0 || hi <= s.low && oldest.Before(s.since) {
			break
		}
	}
	return true
}

// window looks through (lo, hi] and returns when the first event there was stored, zero for none.
func (s *search) window(ctx context.Context, lo, hi int64) (oldest time.Time, err error) {
	p := s.span.Partition
	var found []bus.Message
	err = s.ps.topics.Follow(ctx, p, bus.Position{Identity: s.span.Identity, Seq: lo}, func(batch []bus.Message) error {
		if len(batch) > 0 && oldest.IsZero() {
			oldest = batch[0].Stored
		}
		for _, m := range s.ps.followed(p, batch) {
			if m.Position.Seq <= hi && m.Event.HasID(s.id) {
				found = append(found, m)
			}
		}
		if n := len(batch); n == 0 || batch[n-1].Position.Seq >= hi {
			return errSearched
		}
		return nil
	})
	for i := len(found) - 1; i >= 0; i-- {
		s.found = append(s.found, found[i])
	}
	if errors.Is(err, errSearched) {
		err = nil
	}
	return oldest, err
}
