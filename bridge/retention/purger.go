package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// Every is also how long intake may go on refusing after everybody has what fills the store: two
// looks and a delta in between.
const Every = 2 * time.Second

// A Registry knows every endpoint.
type Registry interface {
	Refresh(ctx context.Context) (*endpoint.Set, error)
}

// Shards say who owns what.
type Shards interface {
	// Count is how many shards there are; ShardOf is an endpoint's.
	Count() int
	ShardOf(endpoint string) int
	// Keeps reports whether this process purges: it owns the first shard.
	Keeps() bool
	// Floor is that of a shard which this process owns, by its last delta; false for another's.
	// With eager, endpoints that take no part are left out.
	Floor(shard int, eager bool) (f Floor, owned bool)
}

// tellEvery is how often operators are told that the store is nearly full, while it is again and again.
const tellEvery = time.Hour

// Options are what a Purger needs. All are needed.
type Options struct {
	Store      bus.Durability
	Registry   Registry
	Partitions *feed.Partitions
	Shards     Shards
	Others     *statelog.Mirrors // the state logs of other owners
	Log        *slog.Logger
	Complaints feed.Complaints
	Tell       func(bus.Room) // tells operators that the store is nearly full; returns at once
}

// A Purger keeps the event store from filling up. One process does it for all.
type Purger struct {
	Options
	nearlyFull atomic.Bool
	told       time.Time // used by MakeRoom alone
}

// NewPurger does nothing before Run.
func NewPurger(o Options) *Purger { return &Purger{Options: o} }

// NearlyFull reports whether floors are asked for.
func (p *Purger) NearlyFull() bool { return p.nearlyFull.Load() }

// Run makes room, now and then, until ctx ends.
func (p *Purger) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := p.MakeRoom(ctx); err != nil && ctx.Err() == nil {
			p.Complaints.Warn("event store not purged, trying again", err)
		}
	}
}

// near: intake would soon be refused.
func near(r bus.Room) bool {
	return r.Limit > 0 && r.Used > (r.Limit-r.Reserved)/10*9
}

// MakeRoom purges, if the store is nearly full, what all have passed, and if that is not enough
// what only endpoints need that take no part now. What the last deltas need is known a moment
// after the first look. Calls come one after the other.
func (p *Purger) MakeRoom(ctx context.Context) error {
	room, err := p.Store.Room(ctx)
	if err != nil {
		return fmt.Errorf("ask for the room of the event store: %w", err)
	}
	p.nearlyFull.Store(near(room) && p.Shards.Keeps())
	if !p.nearlyFull.Load() {
		return nil
	}
	if now := time.Now(); p.told.IsZero() || now.Sub(p.told) >= tellEvery {
		p.told = now
		p.Tell(room)
	}
	for _, eager := range []bool{false, true} {
		if err := p.Purge(ctx, eager); err != nil {
			return err
		}
		if room, err = p.Store.Room(ctx); err != nil || !near(room) {
			return err
		}
	}
	return nil
}

// Purge removes what every shard and every consumer of others has passed. With eager, what only
// endpoints need that take no part now, and shards that are damaged, goes too.
func (p *Purger) Purge(ctx context.Context, eager bool) error {
	set, err := p.Registry.Refresh(ctx)
	if err != nil {
		return fmt.Errorf("read the registry: %w", err)
	}
	fs, known, err := p.floors(ctx, set, eager)
	if !known {
		return err
	}
	if set, err = p.Registry.Refresh(ctx); err != nil { // after the deltas: a period that they do not know is seen here
		return fmt.Errorf("read the registry: %w", err)
	}
	if !fs.add(set, p.Shards.ShardOf, eager) {
		return nil
	}
	spans, err := p.Partitions.Spans(ctx) // after all of them: what was cut back before is seen
	if err != nil {
		return err
	}
	var failed []error
	for _, span := range spans {
		upto, err := p.purgeable(ctx, span, fs)
		if err == nil {
			err = p.purge(ctx, span, upto)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// floors collects those of all shards; false when one is not known. With eager, damaged shards
// need nothing.
func (p *Purger) floors(ctx context.Context, set *endpoint.Set, eager bool) (floors, bool, error) {
	all := floors{}
	for shard := range p.Shards.Count() {
		f, err := p.floor(ctx, shard, set, eager)
		switch {
		case errors.Is(err, statelog.ErrDamaged) && eager:
			continue
		case errors.Is(err, statelog.ErrDamaged):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		case f.low == nil:
			return nil, false, nil
		}
		all[shard] = f
	}
	return all, true, nil
}

func (p *Purger) floor(ctx context.Context, shard int, set *endpoint.Set, eager bool) (Floor, error) {
	f, owned := p.Shards.Floor(shard, eager)
	if owned {
		return f, nil
	}
	err := p.Others.At(ctx, shard, func(st *statelog.State) {
		f = FloorOf(st, func(id string) bool {
			ep := set.ByID(id)
			return eager && (ep == nil || idle(ep))
		})
	})
	return f, err
}

// purgeable is the last sequence of a partition that nobody needs. Places that were counted
// before the partition was cut back say nothing about the events that lie there now: then all
// of them are needed.
func (p *Purger) purgeable(ctx context.Context, span bus.Span, fs floors) (int64, error) {
	upto, counted := fs.lowest(span)
	for at := range counted {
		if ok, err := p.Partitions.Matches(ctx, span, at); !ok {
			return span.First - 1, err
		}
	}
	return upto, nil
}

func (p *Purger) purge(ctx context.Context, span bus.Span, upto int64) error {
	others, some, err := p.Store.OthersNeed(ctx, span.Partition)
	if err != nil {
		return fmt.Errorf("ask what others need of %s: %w", span.Partition, err)
	}
	if some {
		upto = min(upto, others)
	}
	if upto < span.First {
		return nil
	}
	p.Log.Warn("event store nearly full, purging what has been passed; the window of what was seen before shrinks with it",
		slog.String("partition", string(span.Partition)), slog.Int64("first", span.First), slog.Int64("to", upto))
	if err := p.Store.PurgeEvents(ctx, span.Partition, upto); err != nil {
		return fmt.Errorf("purge %s: %w", span.Partition, err)
	}
	return nil
}
