package dispatch

import (
	"sync"

	"github.com/hookspan/hookspan/bridge/feed"
)

// ownedShards are the shards that this process owns now.
type ownedShards struct {
	mu       sync.Mutex
	count    int // how many shards there are
	stopping bool
	byID     map[int]*shard
	list     []*shard      // the same, in order; replaced when it changes
	feeds    []feed.Shard  // the same again
	taken    int64         // how many were taken so far
	some     chan struct{} // closed while a shard is owned
}

func newOwnedShards(count int) *ownedShards {
	return &ownedShards{count: count, byID: map[int]*shard{}, some: make(chan struct{})}
}

// total is how many shards there are.
func (o *ownedShards) total() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

func (o *ownedShards) setTotal(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count = n
}

// shard is nil while this process does not own it.
func (o *ownedShards) shard(id int) *shard {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.byID[id]
}

// all are in order; the list is not changed afterwards.
func (o *ownedShards) all() []*shard {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.list
}

// toFeed is all, as the readers know them.
func (o *ownedShards) toFeed() []feed.Shard {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.feeds
}

// allTaken are all, and how many were taken so far: another number says that there may be a new
// one among them.
func (o *ownedShards) allTaken() ([]*shard, int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.list, o.taken
}

// any is closed while this process owns a shard.
func (o *ownedShards) any() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.some
}

// add takes a shard in. While the process stops nothing of it may begin.
func (o *ownedShards) add(s *shard) {
	o.mu.Lock()
	stopping := o.stopping
	if len(o.byID) == 0 {
		close(o.some)
	}
	o.byID[s.id] = s
	o.taken++
	o.relist()
	o.mu.Unlock()
	if stopping {
		s.stop()
	}
}

// drop lets go of a shard, if it is still this one.
func (o *ownedShards) drop(s *shard) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byID[s.id] != s {
		return
	}
	if delete(o.byID, s.id); len(o.byID) == 0 {
		o.some = make(chan struct{})
	}
	o.relist()
}

// relist brings the lists up to date. The caller holds the lock.
func (o *ownedShards) relist() {
	o.list, o.feeds = nil, nil
	for id := range o.count {
		if s := o.byID[id]; s != nil {
			o.list, o.feeds = append(o.list, s), append(o.feeds, s)
		}
	}
}

// stop lets no further attempt begin anywhere.
func (o *ownedShards) stop() {
	o.mu.Lock()
	o.stopping = true
	o.mu.Unlock()
	for _, s := range o.all() {
		s.stop()
	}
}

// stops: the process stops.
func (o *ownedShards) stops() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stopping
}
