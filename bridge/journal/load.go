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
// forwards: no record is in memory longer than it takes.
func (ix *Index) Load(ctx context.Context, j bus.Journal, shards int) error {
	tails, places, err := ix.look(ctx, j, shards)
	if err != nil {
		return err
	}
	for {
		t := shortest(tails)
		if t == nil || ix.enough(tails, t.oldest()) {
			break
		}
		if err := t.extend(ctx, j, ix.Noted); err != nil {
			return err
		}
	}
	if err := ix.read(ctx, j, tails, ix.beginning(tails)); err != nil {
		return err
	}
	ix.places = places
	return nil
}

// look glances at the end of each shard's journal, and says where it ended. A shared bus is
// waited for more than it has to do, so several shards are looked at side by side.
func (ix *Index) look(ctx context.Context, j bus.Journal, shards int) (tails []*tail, places []int64, err error) {
	looked, places := make([]*tail, shards), make([]int64, shards)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(glances)
	for shard := range shards {
		group.Go(func() error {
			first, last, err := j.JournalSpan(gctx, shard)
			if err != nil {
				return fmt.Errorf("read the journal of shard %d: %w", shard, err)
			}
			if places[shard] = last; last == bus.NoPosition {
				return nil
			}
			looked[shard] = &tail{shard: shard, first: first, last: last, from: last + 1, window: firstWindow}
			return looked[shard].extend(gctx, j, ix.Noted)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	return slices.DeleteFunc(looked, func(t *tail) bool { return t == nil }), places, nil
}

// A tail is what was looked at of one shard's journal, from its end backwards.
type tail struct {
	shard   int
	first   int64 // the first batch kept
	last    int64
	from    int64 // the first batch looked at
	window  int64
	batches []glance // in order
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
func (t *tail) extend(ctx context.Context, j bus.Journal, note func(delivery.Note)) error {
	until := t.from
	t.from = max(t.first, until-t.window)
	t.window *= 2
	var earlier []glance
	err := j.ReadJournal(ctx, t.shard, t.from, func(pos int64, data []byte) error {
		if pos >= until {
			return errBehind
		}
		_ = delivery.DecodeNotes(data, note) // what cannot be read says nothing
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
			earlier = append(earlier, g)
		}
		return err
	})
	if err != nil && !errors.Is(err, errBehind) {
		return fmt.Errorf("read the journal of shard %d: %w", t.shard, err)
	}
	t.batches = append(earlier, t.batches...)
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
func (ix *Index) read(ctx context.Context, j bus.Journal, tails []*tail, since int64) error {
	l := &loading{ix: ix}
	l.begin()
	defer l.end()
	for _, t := range tails {
		i := slices.IndexFunc(t.batches, func(g glance) bool { return g.newest >= since })
		if i < 0 {
			continue
		}
		err := j.ReadJournal(ctx, t.shard, t.batches[i].pos, func(pos int64, data []byte) error {
			if pos > t.last {
				return errBehind
			}
			return l.take(data)
		})
		if err != nil && !errors.Is(err, errBehind) {
			return fmt.Errorf("read the journal of shard %d: %w", t.shard, err)
		}
	}
	return nil
}
