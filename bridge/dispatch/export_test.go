package dispatch

import (
	"context"
	"fmt"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Small makes every size so small that a few events reach it.
func (c Config) Small() Config {
	c.limits = &limits{
		laneEvents: 4, laneBytes: 1 << 20, memory: 64 << 20, laneEntries: 6,
		unrecorded: 12, passReach: 5,
		recordBytes: 900, chunks: 1, snapshotSlack: 1500,
	}
	return c
}

// Remembered says which deliveries are in memory, for whatever reason.
func (d *Dispatcher) Remembered() (all []string) {
	for _, s := range d.shards() {
		s.mu.Lock()
		for id, x := range s.known {
			all = append(all, fmt.Sprintf("%s of %s at %d: status %d, saved %v", id, x.lane.ep.Name, x.Event.Seq, x.status, x.saved))
		}
		for _, l := range s.lanes {
			if n := len(l.running) + len(l.waiting) + len(l.finished) + l.fresh + l.bytes + l.entries + l.posts; n != 0 {
				all = append(all, fmt.Sprintf("%s: running %d, waiting %d, finished %d, fresh %d, bytes %d, entries %d, posts %d",
					l.ep.Name, len(l.running), len(l.waiting), len(l.finished), l.fresh, l.bytes, l.entries, l.posts))
			}
			for p, pl := range l.places {
				if pl.behind || pl.out.len() > 0 || len(pl.ranges) > 0 {
					all = append(all, fmt.Sprintf("%s in %s: behind %v, out %d, ranges %d", l.ep.Name, p, pl.behind, pl.out.len(), len(pl.ranges)))
				}
			}
		}
		s.mu.Unlock()
	}
	return all
}

// MovedBack reads a shard's state log and says whether positions or the journal's place ever
// moved back in it.
func MovedBack(ctx context.Context, st bus.Logs, shard int) error {
	chain := bus.NewChain(st, bus.LogName{Kind: bus.State, Shard: shard})
	rd := newReader()
	return chain.Read(ctx, func(br bus.Record) error {
		was, had := rd.now.clone(), rd.begun
		if err := rd.add(br); err != nil {
			return err
		}
		if !had || !rd.whole {
			return nil
		}
		for p, at := range rd.now.positions {
			if old, ok := was.positions[p]; ok && old.Same(at) && at.Seq < old.Seq {
				return fmt.Errorf("record %d moves the position of %s back from %d to %d", br.Pos, p, old.Seq, at.Seq)
			}
		}
		if rd.now.journal < was.journal {
			return fmt.Errorf("record %d moves the journal's place back from %d to %d", br.Pos, was.journal, rd.now.journal)
		}
		return nil
	})
}

// HandedOver reads whether a shard's last delta says that it is handed over.
func HandedOver(ctx context.Context, st bus.Logs, shard int) (bool, error) {
	rd := newReader()
	err := bus.NewChain(st, bus.LogName{Kind: bus.State, Shard: shard}).Read(ctx, rd.add)
	return rd.now.handOver, err
}

// Claims counts how often a shard was claimed.
func Claims(ctx context.Context, st bus.Logs, shard int) (n int, err error) {
	err = bus.NewChain(st, bus.LogName{Kind: bus.State, Shard: shard}).Read(ctx, func(br bus.Record) error {
		r, err := decodeRecord(br.Data)
		if r.Kind == kindClaim {
			n++
		}
		return err
	})
	return n, err
}
