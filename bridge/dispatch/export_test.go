package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// Small makes every size so small that a few events reach it.
func (c Config) Small() Config {
	c.limits = &limits{
		laneEvents: 4, laneBytes: 1 << 20, memory: 64 << 20, laneEntries: 6,
		entries: 12, leastShare: 2,
		unrecorded: 12, reach: 5, countBack: 200,
		stateLog: statelog.Sizes{RecordBytes: 900, Chunks: 1, SnapshotSlack: 1500},
		breaker:  smallBreaker,
	}
	return c
}

var smallBreaker = breakerRule{least: 6, refusals: 3, slice: time.Second, first: 2 * time.Second, most: 8 * time.Second}

// A BreakerRule is that of a breaker of small size.
type BreakerRule struct {
	Least, Refusals    int
	Slice, First, Most time.Duration
}

// SmallBreaker is the rule of processes with small limits.
func SmallBreaker() BreakerRule {
	return BreakerRule{smallBreaker.least, smallBreaker.refusals, smallBreaker.slice, smallBreaker.first, smallBreaker.most}
}

// Remembered says which deliveries are in memory, for whatever reason.
func (d *Dispatcher) Remembered() (all []string) {
	for _, s := range d.owned.all() {
		s.mu.Lock()
		for id, x := range s.known {
			all = append(all, fmt.Sprintf("%s of %s at %d: status %d, entry %d", id, x.lane.ep.Name, x.Event.Seq, x.status, x.entry))
		}
		for _, l := range s.lanes {
			if n := len(l.running) + len(l.waiting) + len(l.finished) + l.fresh + l.bytes + l.entries + l.posts + l.replays; n != 0 {
				all = append(all, fmt.Sprintf("%s: running %d, waiting %d, finished %d, fresh %d, bytes %d, entries %d, posts %d",
					l.ep.Name, len(l.running), len(l.waiting), len(l.finished), l.fresh, l.bytes, l.entries, l.posts))
			}
			for _, j := range l.jobs {
				if n := len(j.waiting) + j.fresh + j.bytes + j.open + len(j.ranges); n != 0 {
					all = append(all, fmt.Sprintf("%s of %s: waiting %d, fresh %d, bytes %d, open %d, ranges %d", j.ask.ID, l.ep.Name, len(j.waiting), j.fresh, j.bytes, j.open, len(j.ranges)))
				}
			}
			for p, pl := range l.feeds {
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
	rd, begun := statelog.NewReader(), false
	return chain.Read(ctx, func(br bus.Record) error {
		st, unknown := rd.State() // of a trimmed log only a snapshot can tell
		was, first := st.Clone(), !begun
		if err := rd.Add(br); err != nil {
			return err
		}
		begun = true
		now, err := rd.State()
		if first || unknown != nil || err != nil {
			return nil
		}
		for p, at := range now.Positions {
			if old, ok := was.Positions[p]; ok && old.Same(at) && at.Seq < old.Seq {
				return fmt.Errorf("record %d moves the position of %s back from %d to %d", br.Pos, p, old.Seq, at.Seq)
			}
		}
		if now.Journal < was.Journal {
			return fmt.Errorf("record %d moves the journal's place back from %d to %d", br.Pos, was.Journal, now.Journal)
		}
		return nil
	})
}

// HandedOver reads whether a shard's last delta says that it is handed over.
func HandedOver(ctx context.Context, st bus.Logs, shard int) (bool, error) {
	rd := statelog.NewReader()
	if err := bus.NewChain(st, bus.LogName{Kind: bus.State, Shard: shard}).Read(ctx, rd.Add); err != nil {
		return false, err
	}
	now, err := rd.State()
	return now.HandOver, err
}

// Claims counts how often a shard was claimed.
func Claims(ctx context.Context, st bus.Logs, shard int) (n int, err error) {
	err = bus.NewChain(st, bus.LogName{Kind: bus.State, Shard: shard}).Read(ctx, func(br bus.Record) error {
		r, err := statelog.Decode(br.Data)
		if r.Kind == statelog.Claim {
			n++
		}
		return err
	})
	return n, err
}

// Series is series.
var Series = series
