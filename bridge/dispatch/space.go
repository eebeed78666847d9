package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
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
			d.log.Warn("event store not purged, trying again", slog.Any("error", err))
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
	spans, err := d.look(ctx)
	if err != nil {
		return err
	}
	needs, known, err := d.needed(ctx, eager)
	if !known {
		return err
	}
	set, err := d.registry.Refresh(ctx) // behind the deltas: an item that they do not know is seen here
	if err != nil {
		return fmt.Errorf("read the registry: %w", err)
	}
	var failed []error
	for _, span := range spans {
		upto := span.End.Seq
		for _, n := range needs {
			upto = min(upto, n.upto(span))
		}
		for _, ep := range set.All() {
			n, known := needs[ShardOf(ep.ID, d.count)]
			if !known || eager && blocked(ep) {
				continue
			}
			for _, it := range ep.Items {
				if it.Revision > n.revision {
					upto = min(upto, placeIn(span, it.From))
				}
			}
		}
		failed = append(failed, d.purgePartition(ctx, span, upto))
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

// A need is what one shard's last delta still needs of the topics.
type need struct {
	idle      bool // no endpoints
	revision  int64
	positions bus.Positions
}

// needed collects the shards' needs, of those that other processes own from their logs; false
// when one is not known. With eager, damaged shards need nothing.
func (d *Dispatcher) needed(ctx context.Context, eager bool) (map[int]need, bool, error) {
	all := map[int]need{}
	for id := range d.count {
		n, err := d.needOf(ctx, id, eager)
		switch {
		case errors.Is(err, errDamaged) && eager:
			continue
		case errors.Is(err, errDamaged):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		case n.positions == nil:
			return nil, false, nil
		}
		all[id] = n
	}
	return all, true, nil
}

func (d *Dispatcher) needOf(ctx context.Context, shard int, eager bool) (n need, err error) {
	if s := d.shard(shard); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		n = need{idle: len(s.lanes) == 0 && len(s.durable.feeds) == 0, revision: s.durable.surveyed, positions: s.durable.needs}
		if eager {
			n.positions = s.durable.eager
		}
		return n, nil
	}
	set := d.registry.Set()
	err = d.others.at(ctx, shard, func(st *state) {
		n = need{idle: len(st.feeds) == 0, revision: st.revision}
		n.positions = st.needs(func(id string) bool {
			ep := set.ByID(id)
			return eager && (ep == nil || blocked(ep))
		})
	})
	for _, ep := range set.All() {
		n.idle = n.idle && ShardOf(ep.ID, d.count) != shard
	}
	return n, err
}

// upto is the last sequence of a partition that is not needed.
func (n need) upto(span bus.Span) int64 {
	if n.idle {
		return span.End.Seq
	}
	return placeIn(span, n.positions)
}

// placeIn is the sequence up to which positions have counted a partition; one that they do
// not name, or in another incarnation, has not been counted at all.
func placeIn(span bus.Span, positions bus.Positions) int64 {
	if at, ok := positions[span.Partition]; ok && at.Identity == span.Identity {
		return at.Seq
	}
	return span.First - 1
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
	if err != nil && !errors.Is(err, errDamaged) && ctx.Err() == nil {
		d.log.Warn("commands not trimmed, trying again", slog.Any("error", err))
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
		if err := d.others.at(ctx, id, func(st *state) { acted = min(acted, st.commands) }); err != nil {
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
