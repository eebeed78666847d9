package feed

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A follower reads one partition for all shards: what it reads is decoded once. A shard whose
// place lies before what it reads gets a catch-up reader.
type follower struct {
	live      *Live
	partition bus.Partition
	lagging   chan struct{} // one slot: ShardTaken sends, run's helper receives

	mu     sync.Mutex
	read   bus.Position   // handed to the shards, or being handed
	first  bus.Position   // of the events read since reading began the last time
	served map[Shard]bool // by catch-up readers
	newly  []Shard        // of those, the ones that no reader has taken yet
}

// run reads from the place of the shard that has read least, until ctx ends.
func (f *follower) run(ctx context.Context) {
	var helpers sync.WaitGroup
	defer helpers.Wait()
	helpers.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-f.lagging:
			}
			for _, s := range f.live.Shards() {
				f.catchUp(ctx, &helpers, s)
			}
		}
	})
	select {
	case <-ctx.Done():
	case <-f.live.Begin:
	}
	var err error
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.live.Fed():
		}
		err = f.follow(ctx, &helpers, err)
		if err != nil && !errors.Is(err, errIdle) && ctx.Err() == nil {
			f.live.Complaints.Warn("following interrupted", err, slog.String("partition", string(f.partition)))
			pause(ctx, readRetry)
		}
	}
}

var errIdle = errors.New("no shard is owned")

// follow reads once, after the places were held against what is there. before is what it returned
// the last time.
func (f *follower) follow(ctx context.Context, helpers *sync.WaitGroup, before error) error {
	l := f.live
	if err := l.recheckAfter(ctx, f.partition, before); err != nil {
		return err
	}
	at := l.lowest(f.partition, l.Shards())
	f.begin(at)
	signal(f.lagging) // for a shard that was taken since, and stands before
	r := reader{topics: l.Partitions.topics, partition: f.partition, at: at, admit: l.Admit}
	return r.run(ctx, func(b *Batch) error {
		if b.Empty() {
			return nil
		}
		f.advance(b.Messages[0].Position, b.End)
		shards := l.Shards()
		if len(shards) == 0 {
			return errIdle
		}
		if err := l.inspect(ctx, shards, b); err != nil {
			return err
		}
		for _, s := range shards {
			if !s.Take(b) {
				f.catchUp(ctx, helpers, s)
			}
		}
		return nil
	})
}

func (f *follower) begin(at bus.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read, f.first = at, bus.Position{}
}

func (f *follower) advance(from, to bus.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read = to; f.first == (bus.Position{}) {
		f.first = from
	}
}

func (f *follower) lag(end bus.Position) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !end.Same(f.read) {
		return 0
	}
	return max(end.Seq-f.read.Seq, 0)
}
