package dispatch

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const spaceEvery = 10 * time.Second

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

func (d *Dispatcher) makeRoom(ctx context.Context) error {
	room, err := d.store.Room(ctx)
	if err != nil || !near(room) || !d.owns(0) {
		return err
	}
	spans, err := d.spans(ctx)
	if err != nil {
		return err
	}
	for _, lazy := range []bool{false, true} {
		for _, span := range spans {
			if err := d.purge(ctx, span, lazy); err != nil {
				return err
			}
		}
		if room, err = d.store.Room(ctx); err != nil || !near(room) {
			return err
		}
	}
	return nil
}

// purge removes what every shard and every consumer of others has passed. A second time,
// with lazy, also what only endpoints need that take no part now.
func (d *Dispatcher) purge(ctx context.Context, span bus.Span, lazy bool) error {
	upto, known := d.passedBy(span, lazy)
	others, some, err := d.store.OthersNeed(ctx, span.Partition)
	if err != nil {
		return err
	}
	if some {
		upto = min(upto, others)
	}
	if !known || upto < span.First {
		return nil
	}
	d.log.Warn("event store nearly full, purging what has been passed",
		slog.String("partition", string(span.Partition)), slog.Int64("first", span.First), slog.Int64("upto", upto), slog.Bool("gaps", lazy))
	return d.store.PurgeEvents(ctx, span.Partition, upto)
}

// passedBy is the last sequence that no shard's last delta needs any more, nor any item of a
// list that is newer than it.
func (d *Dispatcher) passedBy(span bus.Span, lazy bool) (int64, bool) {
	upto, set := span.End.Seq, d.registry.Set()
	shards := d.shards()
	for _, s := range shards {
		s.mu.Lock()
		need, ok := s.durable.needs[span.Partition]
		if lazy {
			need, ok = s.durable.positions[span.Partition]
			for _, l := range s.lanes {
				if pl := l.places[span.Partition]; pl != nil && !l.blocked() {
					for _, c := range pl.ranges {
						if c.a.Same(need) && c.a.Seq < need.Seq {
							need = c.a
						}
					}
				}
			}
		}
		revision := s.durable.revision
		idle := len(s.lanes) == 0
		s.mu.Unlock()
		if !idle {
			if !ok || need.Identity != span.Identity {
				return 0, false
			}
			upto = min(upto, need.Seq)
		}
		for _, ep := range set.All() {
			for _, it := range ep.Items {
				if from, named := it.From[span.Partition]; named && it.Revision > revision && ShardOf(ep.ID, d.count) == s.id {
					upto = min(upto, from.Seq)
				}
			}
		}
	}
	return upto, len(shards) == d.count
}

func (d *Dispatcher) owns(id int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.owned[id] != nil
}

// trimCommands removes the commands that every shard has acted on, but for the last one.
func (d *Dispatcher) trimCommands(ctx context.Context) {
	shards := d.shards()
	if len(shards) < d.count {
		return
	}
	acted := shards[0].durableCommands()
	for _, s := range shards[1:] {
		acted = min(acted, s.durableCommands())
	}
	if acted <= d.trimmed {
		return
	}
	if err := d.store.Trim(ctx, bus.LogName{Kind: bus.Commands}, acted); err != nil {
		d.log.Warn("commands not trimmed, trying again", slog.Any("error", err))
		return
	}
	d.trimmed = acted
}

func (s *shard) durableCommands() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.durable.positions == nil { // nothing written yet
		return bus.NoPosition
	}
	return s.durable.commands
}
