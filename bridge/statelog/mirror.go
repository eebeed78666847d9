package statelog

import (
	"context"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// mirrorKept is how long a log that nobody asks about stays in memory.
const mirrorKept = time.Minute

// Mirrors are the state logs of shards that other processes own, as far as somebody here
// wanted to know. Each is read on from where it was left.
type Mirrors struct {
	store bus.Logs
	lock  chan struct{} // one slot, taken by whoever looks; it guards all
	all   map[int]*mirror
}

type mirror struct {
	chain *bus.Chain
	read  *Reader
	asked time.Time
}

// NewMirrors reads nothing before it is asked.
func NewMirrors(st bus.Logs) *Mirrors {
	return &Mirrors{store: st, lock: make(chan struct{}, 1), all: map[int]*mirror{}}
}

// At calls see with what the shard's log says; see must not keep it. ErrDamaged says that nobody
// can know.
func (ms *Mirrors) At(ctx context.Context, shard int, see func(*State)) error {
	select {
	case ms.lock <- struct{}{}:
		defer func() { <-ms.lock }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	now := time.Now()
	for id, g := range ms.all {
		if now.Sub(g.asked) > mirrorKept {
			delete(ms.all, id)
		}
	}
	g := ms.all[shard]
	if g == nil {
		g = &mirror{chain: bus.NewChain(ms.store, bus.LogName{Kind: bus.State, Shard: shard}), read: NewReader()}
		ms.all[shard] = g
	}
	g.asked = now
	if err := g.chain.ReadAll(ctx, g.read.reset, g.read.Add); err != nil {
		return fmt.Errorf("read the state log of shard %d: %w", shard, err)
	}
	if _, err := g.read.State(); err != nil {
		return err
	}
	see(&g.read.now)
	return nil
}
