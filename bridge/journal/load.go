package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// firstWindow is how many batches of a shard's journal are looked at first; each further window
// is twice as long as all before.
const firstWindow = 256

// glances is how many shards are looked at side by side.
const glances = 4

// Load reads the tail of the journals, as far back as the last deliveries that ended reach, or
// Options.Records records. What the index was told before, live or of waiting deliveries, stays
// and gets its earlier attempts. The journals are glanced through backwards and then read
// forwards: no record is in memory longer than it takes. After an error that wraps
// bus.ErrUnavailable the next call goes on where this one was; calls come one after the other.
func (ix *Index) Load(ctx context.Context, j bus.Journal, shards int) error {
	l := ix.loads(shards)
	err := l.run(ctx, j)
	if errors.Is(err, bus.ErrUnavailable) {
		return err
	}
	l.end()
	if err == nil {
		ix.places = l.places()
	}
	return err
}

func (l *loading) run(ctx context.Context, j bus.Journal) error {
	if err := l.look(ctx, j); err != nil {
		return err
	}
	for {
		t := shortest(l.tails)
		if t == nil || l.ix.enough(l.tails, t.oldest()) {
			break
		}
		if err := t.extend(ctx, j, l.ix.hear); err != nil {
			return err
		}
	}
	return l.read(ctx, j, l.ix.beginning(l.tails))
}

// look glances at the end of each shard's journal. A shared bus is waited for more than it has
// to do, so several shards are looked at side by side.
func (l *loading) look(ctx context.Context, j bus.Journal) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(glances)
	for shard, t := range l.tails {
		group.Go(func() error {
			if t == nil {
				first, last, err := j.JournalSpan(gctx, shard)
				if err != nil {
					return fmt.Errorf("read the journal of shard %d: %w", shard, err)
				}
				t = &tail{shard: shard, first: max(first, 0), last: last, from: last + 1, window: firstWindow, taken: bus.NoPosition}
				l.tails[shard] = t
			}
			if t.from <= t.last || t.whole() {
				return nil
			}
			return t.extend(gctx, j, l.ix.hear)
		})
	}
	return group.Wait()
}

// places are where the journals ended when they were looked at.
func (l *loading) places() []int64 {
	places := make([]int64, len(l.tails))
	for shard, t := range l.tails {
		places[shard] = t.last
	}
	return places
}

// A tail is what was looked at of one shard's journal, from its end backwards, and what of it
// the index has taken in.
type tail struct {
	shard   int
	first   int64 // the first batch kept
	last    int64 // bus.NoPosition in an empty journal
	from    int64 // the first batch looked at
	window  int64
	batches []glance // in order
	looking *look    // nil while no window is looked at
	taken   int64    // the last batch taken in
}

// A look is at one window, from its front on; it is over where the tail's from is.
type look struct {
	from, next int64
	batches    []glance
}

// A glance is what a look at one batch says.
type glance struct {
	pos            int64
	oldest, newest int64 // when its first and last record were received, in Unix nanoseconds
	records, ended int
}

// errBehind ends a read at what is known already.
var errBehind = errors.New("known already")

// extend looks at the window in front of what was looked at.
func (t *tail) extend(ctx context.Context, j bus.Journal, hear func(data []byte)) error {
	if t.looking == nil {
		front := max(t.first, t.from-t.window)
		t.looking = &look{from: front, next: front}
		t.window *= 2
	}
	l := t.looking
	err := j.ReadJournal(ctx, t.shard, l.next, func(pos int64, data []byte) error {
		if pos >= t.from {
			return errBehind
		}
		hear(data)
		g := glance{pos: pos}
		err := delivery.GlanceAttempts(data, func(received time.Time, ended bool) {
			if g.newest = nanos(received); g.records == 0 {
				g.oldest = g.newest
			}
			if g.records++; ended {
				g.ended++
			}
		})
		if g.records > 0 {
			l.batches = append(l.batches, g)
		}
		l.next = pos + 1
		return err
	})
	if err != nil && !errors.Is(err, errBehind) {
		return fmt.Errorf("read the journal of shard %d: %w", t.shard, err)
	}
	t.from, t.batches, t.looking = l.from, append(l.batches, t.batches...), nil
	return nil
}

func (t *tail) whole() bool { return t.from <= t.first }

// oldest is the time from which on everything of the shard was looked at, in Unix nanoseconds. Where
// nothing but notes was met nothing is known of any time.
func (t *tail) oldest() int64 {
	if len(t.batches) == 0 {
		return math.MaxInt64
	}
	return t.batches[0].oldest
}

// shortest is the tail that reaches back least, nil when all are whole.
func shortest(tails []*tail) *tail {
	var least *tail
	for _, t := range tails {
		if !t.whole() && (least == nil || t.oldest() > least.oldest()) {
			least = t
		}
	}
	return least
}

// enough: the batches since a time hold as much as the index takes.
func (ix *Index) enough(tails []*tail, since int64) bool {
	records, ended := 0, 0
	for _, t := range tails {
		for _, g := range t.batches {
			if g.newest >= since {
				records, ended = records+g.records, ended+g.ended
			}
		}
	}
	return ended >= ix.o.Ended || records >= ix.o.Records
}

// beginning is the time from which on batches are read: the latest that is early enough.
func (ix *Index) beginning(tails []*tail) int64 {
	var all []glance
	for _, t := range tails {
		all = append(all, t.batches...)
	}
	slices.SortFunc(all, func(a, b glance) int { return cmp.Compare(b.newest, a.newest) })
	records, ended := 0, 0
	for _, g := range all {
		records, ended = records+g.records, ended+g.ended
		if ended >= ix.o.Ended || records >= ix.o.Records {
			return g.newest
		}
	}
	return 0
}

// read takes in the batches since a time, shard by shard; what the order in time decides is
// settled at the end.
func (l *loading) read(ctx context.Context, j bus.Journal, since int64) error {
	for _, t := range l.tails {
		i := slices.IndexFunc(t.batches, func(g glance) bool { return g.newest >= since })
		if i < 0 {
			continue
		}
		from := max(t.batches[i].pos, t.taken+1)
		if from > t.last {
			continue
		}
		err := j.ReadJournal(ctx, t.shard, from, func(pos int64, data []byte) error {
			if pos > t.last {
				return errBehind
			}
			if err := l.take(data); err != nil {
				return err
			}
			t.taken = pos
			return nil
		})
		if err != nil && !errors.Is(err, errBehind) {
			return fmt.Errorf("read the journal of shard %d: %w", t.shard, err)
		}
	}
	return nil
}
