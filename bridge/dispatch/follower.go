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

// follow keeps one follower per partition, also of those that appear later.
func (d *Dispatcher) follow(ctx context.Context) {
	var followers sync.WaitGroup
	defer followers.Wait()
	for {
		spans, err := d.look(ctx)
		if err != nil && ctx.Err() == nil {
			d.trouble.warn("partitions not listed, trying again", err)
		}
		for _, span := range spans {
			d.mu.Lock()
			f := d.followers[span.Partition]
			if f == nil {
				f = &follower{d: d, partition: span.Partition, late: make(chan struct{}, 1), filling: map[*shard]bool{}}
				d.followers[span.Partition] = f
				followers.Go(func() { f.run(ctx) })
			}
			d.mu.Unlock()
		}
		if !pause(ctx, lookEvery) {
			return
		}
	}
}

// A follower reads one partition for all shards of the process: it decodes once and hands
// each batch to every shard. A shard that stands behind it gets a reader of its own.
type follower struct {
	d         *Dispatcher
	partition bus.Partition
	late      chan struct{} // one slot: look sends, run's helper receives

	mu      sync.Mutex
	read    bus.Position // offered to the shards, or being offered
	first   bus.Position // of the events read since reading began the last time
	filling map[*shard]bool
	newly   []*shard // of those filled, the ones that no filler has taken yet
}

// run reads from the place where the shard furthest behind stands, until ctx ends.
func (f *follower) run(ctx context.Context) {
	var helpers sync.WaitGroup
	defer helpers.Wait()
	helpers.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-f.late:
			}
			for _, s := range f.d.shards() {
				f.fill(ctx, &helpers, s)
			}
		}
	})
	select {
	case <-ctx.Done():
	case <-f.d.roused:
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.d.holds():
		}
		err := f.follow(ctx, &helpers)
		if err != nil && !errors.Is(err, errIdle) && ctx.Err() == nil {
			f.d.trouble.warn("following interrupted", err, slog.String("partition", string(f.partition)))
			pause(ctx, followRetry)
		}
	}
}

var errIdle = errors.New("no shard is owned")

// look says that a shard was taken that may stand behind.
func (f *follower) look() {
	signal(f.late)
}

// follow reads once, after the positions have been held against what is there.
func (f *follower) follow(ctx context.Context, helpers *sync.WaitGroup) error {
	if err := f.d.recheck(ctx, f.partition); err != nil {
		return err
	}
	at := f.d.lowest(f.partition, f.d.shards())
	f.begin(at)
	f.look() // for a shard that was taken since, and stands behind
	return f.d.store.Follow(ctx, f.partition, at, func(batch []bus.Message) error {
		if err := f.d.waitForRoom(ctx); err != nil {
			return err
		}
		if len(batch) == 0 {
			return nil
		}
		before := at
		at = batch[len(batch)-1].Position
		f.advance(batch[0].Position, at)
		batch = f.d.followed(f.partition, batch)
		shards := f.d.shards()
		if len(shards) == 0 {
			return errIdle
		}
		if err := f.d.keepAside(ctx, shards, f.partition, before, batch); err != nil {
			return err
		}
		for _, s := range shards {
			if !s.offer(f.partition, before, batch, at) {
				f.fill(ctx, helpers, s)
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

// lag is how many sequences the follower has before it.
func (f *follower) lag(end bus.Position) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !end.Same(f.read) {
		return 0
	}
	return max(end.Seq-f.read.Seq, 0)
}

// lowest is where the shard stands that is furthest behind in a partition.
func (d *Dispatcher) lowest(p bus.Partition, shards []*shard) bus.Position {
	var low bus.Position
	found := false
	for _, s := range shards {
		at, ok := s.place(p)
		if ok && (!found || at.Seq < low.Seq) {
			low, found = at, true
		}
	}
	if !found { // the last shard went this moment: nobody misses anything
		low = d.beginning(p)
	}
	return low
}

// followed leaves out what was published before the following of its topic began.
func (d *Dispatcher) followed(p bus.Partition, batch []bus.Message) []bus.Message {
	if len(batch) == 0 {
		return nil
	}
	if from, named := d.origin[p]; len(d.conf.Topics) == 1 && !(named && from.Includes(batch[0].Position)) {
		return batch
	}
	kept := batch[:0:0]
	for i := range batch {
		if d.starts.Takes(p, batch[i].Position, batch[i].Topic) {
			kept = append(kept, batch[i])
		}
	}
	return kept
}
