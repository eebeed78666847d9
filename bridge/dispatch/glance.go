package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// glanceKept is how long a log that nobody asks about stays in memory.
const glanceKept = time.Minute

// glances are the state logs of shards that other processes own, as far as somebody here
// wanted to know. Each is read on from where it was left.
type glances struct {
	store store
	turn  chan struct{} // one slot, taken by whoever looks; it guards all
	all   map[int]*glance
}

type glance struct {
	chain *bus.Chain
	read  *reader
	asked time.Time
}

func newGlances(st store) *glances {
	return &glances{store: st, turn: make(chan struct{}, 1), all: map[int]*glance{}}
}

// at calls see with what the shard's log says; see must not keep it. errDamaged says that nobody
// can know.
func (gs *glances) at(ctx context.Context, shard int, see func(*state)) error {
	select {
	case gs.turn <- struct{}{}:
		defer func() { <-gs.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	now := time.Now()
	for id, g := range gs.all {
		if now.Sub(g.asked) > glanceKept {
			delete(gs.all, id)
		}
	}
	g := gs.all[shard]
	if g == nil {
		g = &glance{chain: bus.NewChain(gs.store, bus.LogName{Kind: bus.State, Shard: shard}), read: newReader()}
		gs.all[shard] = g
	}
	g.asked = now
	if err := g.chain.ReadAll(ctx, g.read.reset, g.read.add); err != nil {
		return fmt.Errorf("read the state log of shard %d: %w", shard, err)
	}
	if _, err := g.read.state(); err != nil {
		return err
	}
	see(&g.read.now)
	return nil
}
