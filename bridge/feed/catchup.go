package feed

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// gatherShards is how long the first of several shards that were taken together waits for the
// others: a reader of its own for each would ask the bus as many times for the same events.
const gatherShards = 10 * time.Millisecond

// catchUp gives a shard whose place lies before the follower's a reader, until it has caught up:
// then the follower's next batch follows without a gap. Shards at about the same place share one.
func (f *follower) catchUp(ctx context.Context, helpers *sync.WaitGroup, s Shard) {
	f.mu.Lock()
	defer f.mu.Unlock()
	begun := f.read != bus.Position{} // else it will begin at the place of the shard that has read least
	if !begun || f.served[s] || s.Reached(f.partition, f.read) {
		return
	}
	f.served[s] = true
	if f.newly = append(f.newly, s); len(f.newly) > 1 {
		return
	}
	helpers.Go(func() {
		pause(ctx, gatherShards)
		for _, group := range f.groups() {
			helpers.Go(func() { f.catchUpAll(ctx, group) })
		}
	})
}

// groups takes the shards that were gathered, those together whose places are near each other.
func (f *follower) groups() [][]Shard {
	f.mu.Lock()
	newly := f.newly
	f.newly = nil
	f.mu.Unlock()
	places := map[Shard]int64{}
	for _, s := range newly {
		at, _ := s.Place(f.partition)
		places[s] = at.Seq
	}
	slices.SortFunc(newly, func(a, b Shard) int { return cmp.Compare(places[a], places[b]) })
	var groups [][]Shard
	for _, s := range newly {
		last := len(groups) - 1
		if last < 0 || places[s]-places[groups[last][0]] > f.live.Reach {
			groups = append(groups, nil)
			last++
		}
		groups[last] = append(groups[last], s)
	}
	return groups
}

// catchUpAll reads for shards until the last has caught up.
func (f *follower) catchUpAll(ctx context.Context, shards []Shard) {
	var err error
	for {
		if shards = f.behind(ctx, shards); len(shards) == 0 {
			return
		}
		if err = f.readFor(ctx, shards, err); err != nil && ctx.Err() == nil {
			f.live.Complaints.Warn("catch-up reader of shards stopped, starting again", err, slog.String("partition", string(f.partition)))
			pause(ctx, readRetry)
		}
	}
}

// behind are those that still need the reader; it notes who does not any more.
func (f *follower) behind(ctx context.Context, shards []Shard) []Shard {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := shards[:0:0]
	for _, s := range shards {
		if ctx.Err() != nil || s.Reached(f.partition, f.read) {
			delete(f.served, s)
		} else {
			left = append(left, s)
		}
	}
	return left
}

var errTakenBack = errors.New("a shard's place was taken back meanwhile")

// readFor reads for some shards, from the place of the one that has read least, up to what the
// follower has handed to the others. before is what it returned the last time.
func (f *follower) readFor(ctx context.Context, shards []Shard, before error) error {
	l := f.live
	if err := l.recheckAfter(ctx, f.partition, before); err != nil {
		return err
	}
	f.mu.Lock()
	stored := f.read
	f.mu.Unlock()
	r := reader{topics: l.Partitions.topics, partition: f.partition, at: l.lowest(f.partition, shards), admit: l.Admit}
	return r.run(ctx, func(b *Batch) error {
		if b.Empty() && stored.Same(b.End) && stored.Seq > b.End.Seq {
			b.End = stored // what lay between has expired
		}
		if err := l.inspect(ctx, shards, b); err != nil {
			return err
		}
		for _, s := range shards {
			if !s.Take(b) {
				return errTakenBack
			}
		}
		if f.caughtUp(shards) {
			return errEnough
		}
		return nil
	})
}

func (f *follower) caughtUp(shards []Shard) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !slices.ContainsFunc(shards, func(s Shard) bool { return !s.Reached(f.partition, f.read) })
}
