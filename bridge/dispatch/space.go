package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/retention"
)

// A keeper tells what the shards of this process need of the topics.
type keeper struct{ d *Dispatcher }

// Count implements retention.Shards.
func (k keeper) Count() int { return k.d.owned.total() }

// ShardOf implements retention.Shards.
func (k keeper) ShardOf(endpoint string) int { return delivery.ShardOf(endpoint, k.d.owned.total()) }

// Keeps implements retention.Shards.
func (k keeper) Keeps() bool { return k.d.owned.shard(0) != nil }

// Floor implements retention.Shards.
func (k keeper) Floor(shard int, eager bool) (f retention.Floor, owned bool) {
	s := k.d.owned.shard(shard)
	if s == nil {
		return f, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if eager {
		return s.durable.eager, true
	}
	return s.durable.floor, true
}

// survey finds what the last delta still needs of the topics, while that is asked for.
func (w *stateWriter) survey() {
	if !w.d.purger.NearlyFull() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.durable.floor = retention.FloorOf(w.log.State(), func(string) bool { return false })
	now := time.Now()
	w.durable.eager = retention.FloorOf(w.log.State(), func(id string) bool { l := w.lanes[id]; return l == nil || l.blocked() || l.givenUp(now) })
}
