package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// firstWindow is how many batches of a shard's journal are read at first; each further window
// is twice as long as all before.
const firstWindow = 256

// Load reads the tail of the journals, as far back as the last deliveries that ended reach. What the
// index was told before, live or of waiting deliveries, stays and gets its earlier attempts.
func (ix *Index) Load(ctx context.Context, j bus.Journal, shards int) error {
	tails, places := make([]*tail, 0, shards), make([]int64, shards)
	for shard := range shards {
		first, last, err := j.JournalSpan(ctx, shard)
		if err != nil {
			return fmt.Errorf("read the journal of shard %d: %w", shard, err)
		}
		places[shard] = last
		if last != bus.NoPosition {
			tails = append(tails, &tail{shard: shard, first: first, from: last + 1, window: firstWindow})
		}
	}
	for _, t := range tails {
		if err := t.extend(ctx, j); err != nil {
			return err
		}
	}
	for {
		t := shortest(tails)
		if t == nil || endedBehind(tails, t.oldest()) >= ix.o.Ended {
			break
		}
		if err := t.extend(ctx, j); err != nil {
			return err
		}
	}
	ix.merge(tails)
	ix.places = places
	return nil
}

// A tail is what was read of one shard's journal, from its end backwards.
type tail struct {
	shard   int
	first   int64 // the first batch kept
	from    int64 // the first batch read
	window  int64
	records []delivery.Attempt // in order
	notes   []delivery.Note
}

// errBehind ends a read at what is known already.
var errBehind = errors.New("known already")

// extend reads the window in front of what was read.
func (t *tail) extend(ctx context.Context, j bus.Journal) error {
	until := t.from
	t.from = max(t.first, until-t.window)
	t.window *= 2
	var earlier []delivery.Attempt
	err := j.ReadJournal(ctx, t.shard, t.from, func(pos int64, data []byte) error {
		if pos >= until {
			return errBehind
		}
		_ = delivery.DecodeNotes(data, func(n delivery.Note) { t.notes = append(t.notes, n) })
		return delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
			earlier = append(earlier, a)
			return nil
		})
	})
	if err != nil && !errors.Is(err, errBehind) {
		return fmt.Errorf("read the journal of shard %d: %w", t.shard, err)
	}
	t.records = append(earlier, t.records...)
	return nil
}

func (t *tail) whole() bool { return t.from <= t.first }

// oldest is the time from which on everything of the shard was read, in Unix nanoseconds.
func (t *tail) oldest() int64 {
	if t.whole() || len(t.records) == 0 {
		return 0
	}
	return when(&t.records[0])
}

// shortest is the tail that reaches back least, nil when all are whole.
func shortest(tails []*tail) *tail {
	var least *tail
	for _, t := range tails {
		if !t.whole() && (least == nil || len(t.records) == 0 || t.oldest() > least.oldest()) {
			least = t
		}
	}
	return least
}

// endedBehind counts the deliveries that ended after a time.
func endedBehind(tails []*tail, after int64) int {
	n := 0
	for _, t := range tails {
		for i := range t.records {
			if t.records[i].Outcome != "" && when(&t.records[i]) >= after {
				n++
			}
		}
	}
	return n
}

func when(a *delivery.Attempt) int64 { return nanos(a.Received) }

// merge puts what was read in front of what is known.
func (ix *Index) merge(tails []*tail) {
	var all []delivery.Attempt
	for _, t := range tails {
		all = append(all, t.records...)
	}
	slices.SortStableFunc(all, func(a, b delivery.Attempt) int { return cmp.Compare(when(&a), when(&b)) })

	ix.mu.Lock()
	defer ix.mu.Unlock()
	for _, t := range tails {
		for _, n := range t.notes {
			ix.note(n)
		}
	}
	known := ix.rows
	ix.rows, ix.arrived, ix.evicted, ix.kept = map[string]*row{}, nil, 0, 0
	ix.ended, ix.texts, ix.dropped, ix.bytes = queue{}, nil, 0, 0
	for i := range all {
		ix.take(&all[i])
	}
	for id, k := range known {
		ix.join(id, k)
	}
	ix.arrange()
}

// join adds a row that was known before to the one of the journal.
func (ix *Index) join(id string, k *row) {
	r := ix.rows[id]
	if r == nil {
		ix.rows[id] = k
		ix.arrived = append(ix.arrived, k)
		for _, a := range k.attempts {
			ix.keep(a)
		}
		ix.moved(k, pending)
		return
	}
	for _, a := range k.attempts {
		if r.add(a) {
			ix.keep(a)
		}
	}
	was := r.status
	r.follow(k)
	ix.moved(r, was)
}

func (ix *Index) keep(a attempt) {
	if a.text != nil && a.text.size() > 0 {
		ix.keepText(a.text)
	}
}
