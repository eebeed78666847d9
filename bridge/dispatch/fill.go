package dispatch

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

// fillGather is how long the first of several shards that were taken together waits for the
// others: a reader of its own for each would ask the bus as many times for the same events.
const fillGather = 10 * time.Millisecond

// fill gives a shard that stands behind the follower a reader until it has caught up: then the
// follower's next batch follows without a gap. Shards at about the same place share one.
func (f *follower) fill(ctx context.Context, helpers *sync.WaitGroup, s *shard) {
	f.mu.Lock()
	defer f.mu.Unlock()
	begun := f.read != bus.Position{} // else it will begin where the shard furthest behind stands
	if !begun || f.filling[s] || s.reached(f.partition, f.read) {
		return
	}
	f.filling[s] = true
	if f.newly = append(f.newly, s); len(f.newly) > 1 {
		return
	}
	helpers.Go(func() {
		pause(ctx, fillGather)
		for _, group := range f.groups() {
			helpers.Go(func() { f.fillAll(ctx, group) })
		}
	})
}

// groups takes the shards that were gathered, those together that stand near each other.
func (f *follower) groups() [][]*shard {
	f.mu.Lock()
	newly := f.newly
	f.newly = nil
	f.mu.Unlock()
	places := map[*shard]int64{}
	for _, s := range newly {
		at, _ := s.place(f.partition)
		places[s] = at.Seq
	}
	slices.SortFunc(newly, func(a, b *shard) int { return cmp.Compare(places[a], places[b]) })
	var groups [][]*shard
	for _, s := range newly {
		last := len(groups) - 1
		if last < 0 || places[s]-places[groups[last][0]] > f.d.limits.passReach {
			groups = append(groups, nil)
			last++
		}
		groups[last] = append(groups[last], s)
	}
	return groups
}

// fillAll reads for shards until the last has caught up.
func (f *follower) fillAll(ctx context.Context, shards []*shard) {
	for {
		if shards = f.unfilled(ctx, shards); len(shards) == 0 {
			return
		}
		if err := f.feed(ctx, shards); err != nil && ctx.Err() == nil {
			f.d.trouble.warn("reader of shards that stand behind stopped, starting again", err, slog.String("partition", string(f.partition)))
			pause(ctx, followRetry)
		}
	}
}

// unfilled are those that still need the reader; it notes who does not any more.
func (f *follower) unfilled(ctx context.Context, shards []*shard) []*shard {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := shards[:0:0]
	for _, s := range shards {
		if ctx.Err() != nil || s.reached(f.partition, f.read) {
			delete(f.filling, s)
		} else {
			left = append(left, s)
		}
	}
	return left
}

var errTakenBack = errors.New("a shard's place was taken back meanwhile")

// feed reads for some shards, from the one furthest behind, up to what the follower has offered
// to the others.
func (f *follower) feed(ctx context.Context, shards []*shard) error {
	if err := f.d.recheck(ctx, f.partition); err != nil {
		return err
	}
	at := f.d.lowest(f.partition, shards)
	f.mu.Lock()
	stored := f.read
	f.mu.Unlock()
	err := f.d.store.Follow(ctx, f.partition, at, func(batch []bus.Message) error {
		if err := f.d.waitForRoom(ctx); err != nil {
			return err
		}
		before := at
		if len(batch) > 0 {
			at = batch[len(batch)-1].Position
		} else if stored.Same(at) && stored.Seq > at.Seq {
			at = stored // what lay between has expired
		}
		batch = f.d.followed(f.partition, batch)
		if err := f.d.keepAside(ctx, shards, f.partition, before, batch); err != nil {
			return err
		}
		for _, s := range shards {
			if !s.offer(f.partition, before, batch, at) {
				return errTakenBack
			}
		}
		if f.caughtUp(shards) {
			return errPassOver
		}
		return nil
	})
	if errors.Is(err, errPassOver) {
		return nil
	}
	return err
}

func (f *follower) caughtUp(shards []*shard) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !slices.ContainsFunc(shards, func(s *shard) bool { return !s.reached(f.partition, f.read) })
}
