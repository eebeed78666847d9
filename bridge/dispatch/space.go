package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// spaceEvery is also how long intake may go on refusing after everybody has what fills the
// store: two looks and a delta in between.
const spaceEvery = 2 * time.Second

const trimCommandsEvery = 5 * time.Minute

// keepSpace makes room while the event store is near its limit: it purges, oldest first,
// what nobody needs any more. The holder of shard 0 does it for all.
func (d *Dispatcher) keepSpace(ctx context.Context) {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.makeRoom(ctx); err != nil && ctx.Err() == nil {
			d.trouble.Warn("event store not purged, trying again", err)
		}
		d.trimCommands(ctx)
	}
}

// near: intake would soon be refused.
func near(r bus.Room) bool {
	return r.Limit > 0 && r.Used > (r.Limit-r.Reserved)/10*9
}

// makeRoom purges what all have passed, and if that is not enough what only endpoints need
// that take no part now. What the last deltas need is known a moment after the first look.
func (d *Dispatcher) makeRoom(ctx context.Context) error {
	room, err := d.store.Room(ctx)
	if err != nil {
		return fmt.Errorf("ask for the room of the event store: %w", err)
	}
	d.tight.Store(near(room) && d.shard(0) != nil)
	if !d.tight.Load() {
		return nil
	}
	for _, eager := range []bool{false, true} {
		if err := d.purge(ctx, eager); err != nil {
			return err
		}
		if room, err = d.store.Room(ctx); err != nil || !near(room) {
			return err
		}
	}
	return nil
}

// purge removes what every shard and every consumer of others has passed. With eager, what
// only endpoints need that take no part now, and shards that are damaged, goes too.
func (d *Dispatcher) purge(ctx context.Context, eager bool) error {
	set, err := d.registry.Refresh(ctx)
	if err != nil {
		return fmt.Errorf("read the registry: %w", err)
	}
	ns, known, err := d.needed(ctx, set, eager)
	if !known {
		return err
	}
	if set, err = d.registry.Refresh(ctx); err != nil { // behind the deltas: an item that they do not know is seen here
		return fmt.Errorf("read the registry: %w", err)
	}
	if !ns.from(set, d.count, eager) {
		return nil
	}
	spans, err := d.partitions.Spans(ctx) // behind all of them: what was cut back before is seen
	if err != nil {
		return err
	}
	var failed []error
	for _, span := range spans {
		upto, err := d.passed(ctx, span, ns)
		if err == nil {
			err = d.purgePartition(ctx, span, upto)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func (d *Dispatcher) purgePartition(ctx context.Context, span bus.Span, upto int64) error {
	others, some, err := d.store.OthersNeed(ctx, span.Partition)
	if err != nil {
		return fmt.Errorf("ask what others need of %s: %w", span.Partition, err)
	}
	if some {
		upto = min(upto, others)
	}
	if upto < span.First {
		return nil
	}
	d.log.Warn("event store nearly full, purging what has been passed; the window of what was seen before shrinks with it",
		slog.String("partition", string(span.Partition)), slog.Int64("first", span.First), slog.Int64("upto", upto))
	if err := d.store.PurgeEvents(ctx, span.Partition, upto); err != nil {
		return fmt.Errorf("purge %s: %w", span.Partition, err)
	}
	return nil
}

// trimCommands removes the commands that every shard has acted on, but for the last one. To
// look into the logs of shards that other processes own is dear, so that is done seldom.
func (d *Dispatcher) trimCommands(ctx context.Context) {
	if d.shard(0) == nil || len(d.shards()) < d.count && time.Since(d.trimmedAt) < trimCommandsEvery {
		return
	}
	d.trimmedAt = time.Now()
	acted, err := d.acted(ctx)
	if err == nil && acted > d.trimmed {
		if err = d.store.Trim(ctx, bus.LogName{Kind: bus.Commands}, acted); err == nil {
			d.trimmed = acted
		}
	}
	if err != nil && !errors.Is(err, statelog.ErrDamaged) && ctx.Err() == nil {
		d.trouble.Warn("commands not trimmed, trying again", err)
	}
}

// acted is the last command that every shard has acted on.
func (d *Dispatcher) acted(ctx context.Context) (int64, error) {
	acted := int64(math.MaxInt64)
	for id := range d.count {
		if s := d.shard(id); s != nil {
			acted = min(acted, s.durableCommands())
			continue
		}
		if err := d.others.At(ctx, id, func(st *statelog.State) { acted = min(acted, st.Commands) }); err != nil {
			return bus.NoPosition, err
		}
	}
	return acted, nil
}

// durableCommands is the last command that the last delta counts.
func (s *shard) durableCommands() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durable.commands
}
