package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	lookEvery   = 2 * time.Second // for partitions that appeared
	followRetry = time.Second
)

// A follower reads one partition for all shards of the process: it decodes once and hands
// each batch to every shard.
type follower struct {
	d         *Dispatcher
	partition bus.Partition

	mu      sync.Mutex
	read    bus.Position // offered to the shards, or being offered
	filling map[*shard]bool
}

// run reads from the place where the shard furthest behind stands, until ctx ends.
func (f *follower) run(ctx context.Context) {
	var fills sync.WaitGroup
	defer fills.Wait()
	for ctx.Err() == nil {
		if err := f.place(ctx); err == nil {
			err = f.d.store.Follow(ctx, f.partition, f.read, func(batch []bus.Message) error {
				return f.deliver(ctx, &fills, batch)
			})
			if err != nil && ctx.Err() == nil {
				f.d.log.Warn("following interrupted", slog.String("partition", string(f.partition)), slog.Any("error", err))
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(followRetry):
		}
	}
}

// place finds where to begin, after the positions have been held against what is there.
func (f *follower) place(ctx context.Context) error {
	if err := f.d.recheck(ctx, f.partition); err != nil {
		f.d.log.Warn("positions not checked, trying again", slog.String("partition", string(f.partition)), slog.Any("error", err))
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = f.d.start(f.partition)
	return nil
}

// deliver hands a batch to the shards. It waits while too many attempts are not recorded.
func (f *follower) deliver(ctx context.Context, fills *sync.WaitGroup, batch []bus.Message) error {
	if err := f.d.waitForRoom(ctx); err != nil {
		return err
	}
	if len(batch) == 0 {
		return nil
	}
	before, end := f.read, batch[len(batch)-1].Position
	f.mu.Lock()
	f.read = end
	f.mu.Unlock()
	batch = f.d.followed(f.partition, batch)
	for _, s := range f.d.shards() {
		if !s.offer(f.partition, before, batch, end) {
			f.fill(ctx, fills, s)
		}
	}
	return nil
}

// fill gives a shard that stands behind the follower a reader of its own, until it has
// caught up.
func (f *follower) fill(ctx context.Context, fills *sync.WaitGroup, s *shard) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.filling[s] {
		return
	}
	f.filling[s] = true
	fills.Go(func() {
		err := f.d.store.Follow(ctx, f.partition, s.place(f.partition), func(batch []bus.Message) error {
			if len(batch) > 0 {
				before := s.place(f.partition)
				s.offer(f.partition, before, f.d.followed(f.partition, batch), batch[len(batch)-1].Position)
			}
			return f.caught(s)
		})
		if err != nil && !errors.Is(err, errPassOver) && ctx.Err() == nil {
			f.d.log.Warn("shard's own reader stopped", slog.Int("shard", s.id), slog.Any("error", err))
		}
		f.mu.Lock()
		delete(f.filling, s)
		f.mu.Unlock()
	})
}

// caught ends a shard's own reader when the shard has read all that the follower has offered
// to the others: the follower's next batch follows without a gap.
func (f *follower) caught(s *shard) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.place(f.partition).Seq >= f.read.Seq {
		return errPassOver
	}
	return nil
}

// place is how far the shard's feed has read a partition.
func (s *shard) place(p bus.Partition) bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read[p]
}

// lag is how many sequences the follower has before it.
func (f *follower) lag(end bus.Position) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !end.Same(f.read) {
		return 0
	}
	return max(end.Seq-f.read.Seq, 0)
}
