package publish

import (
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// settledKept is how long a settled key is remembered: words about it may come late.
	settledKept   = 2 * recently
	unsettledKept = 24 * time.Hour
	sweepEvery    = 10 * time.Second
)

// contests are the keys of which a publish is or was in doubt in some process, as the markers'
// topic tells. They are few: a publish is in doubt when it is not acknowledged soon.
type contests struct {
	known    atomic.Int64  // keys; most of the time none, and then nobody needs the lock
	hearing  atomic.Int64  // who hands words over: without any, none are heard
	waiting  atomic.Int64  // own words that have not come back
	patience time.Duration // until they do
	silence  time.Duration // of a process that has tries to settle, before others settle them

	mu    sync.Mutex
	keys  map[string]*contest
	clock map[int32]time.Time            // of each partition of the topic, by its own records
	last  map[uint64]map[int32]time.Time // the last word of each process, by those clocks
	heard map[uint64]time.Time           // and by ours
	swept time.Time
	mine  map[tryID]time.Time // own words that have not come back, and when they were said
}

// A contest is the tries of one key.
type contest struct {
	open   []*try // those not settled, in the order in which they were heard
	over   map[tryID]bool
	landed bool // one of them
	heard  time.Time
	news   chan struct{} // closed and made anew when there is something new
}

func (c *contests) init(publishTimeout time.Duration) {
	c.silence, c.patience = 2*publishTimeout, publishTimeout/partDeaf
	c.mine = map[tryID]time.Time{}
	c.keys, c.clock = map[string]*contest{}, map[int32]time.Time{}
	c.last, c.heard = map[uint64]map[int32]time.Time{}, map[uint64]time.Time{}
}

// homeOf is the partition of the markers' topic that puts the claims of a key in order.
func homeOf(key string, partitions int) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	return int32(h.Sum32() % uint32(partitions))
}

// has reports whether a key is contested, or was lately.
func (c *contests) has(key string) bool {
	if c.known.Load() == 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keys[key]
	return k != nil && !k.done(time.Now())
}

// said notes that a word is on its way, which back ends.
func (c *contests) said(id tryID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mine[id] = time.Now()
	c.waiting.Store(int64(len(c.mine)))
}

func (c *contests) back(id tryID) {
	if c.waiting.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(id)
}

func (c *contests) forget(id tryID) {
	delete(c.mine, id)
	c.waiting.Store(int64(len(c.mine)))
}

// deaf: own words do not come back, as when brokers wait for one that died, so those of others
// are not heard either and nobody knows what is in doubt.
func (c *contests) deaf() bool {
	if c.waiting.Load() == 0 || c.hearing.Load() == 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range c.mine {
		if time.Since(at) > c.patience {
			return true
		}
	}
	return false
}

// tick moves the clock of a partition of the topic to the time of a record.
func (c *contests) tick(n int32, at time.Time) {
	if c.known.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(n, at)
}

func (c *contests) advance(n int32, at time.Time) {
	if at.After(c.clock[n]) {
		c.clock[n] = at
	}
}

// hear takes in a word that a partition of the topic holds.
func (c *contests) hear(n int32, at time.Time, w word) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.advance(n, at)
	if w.kind != wordVoid && w.kind != wordLanded { // which others may say of it, too
		c.alive(w.process, n, at, now)
	}
	switch w.kind {
	case wordClaim, wordFlying:
		c.forget(w.tryID)
		c.of(w.key, now).note(w.try)
	case wordVoid, wordLanded:
		c.of(w.key, now).settle(w.tryID, w.kind == wordLanded)
	}
	if now.Sub(c.swept) > sweepEvery {
		c.sweep(now)
	}
}

func (c *contests) alive(process uint64, n int32, at, now time.Time) {
	if c.last[process] == nil {
		c.last[process] = map[int32]time.Time{}
	}
	c.last[process][n], c.heard[process] = at, now
}

// settle takes in what became of a try before the word about it comes back. A key of which no
// word has come is nothing to a process that hears none.
func (c *contests) settle(t *try, landed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.keys[t.key]; k != nil {
		k.settle(t.tryID, landed)
	}
}

// of returns the contest of a key, the first word of which may be this one.
func (c *contests) of(key string, now time.Time) *contest {
	k := c.keys[key]
	if k == nil {
		k = &contest{over: map[tryID]bool{}, news: make(chan struct{})}
		c.keys[key] = k
		c.known.Add(1)
	}
	k.heard = now
	return k
}

// sweep forgets what nobody will ask for any more.
func (c *contests) sweep(now time.Time) {
	c.swept = now
	for key, k := range c.keys {
		if k.done(now) || now.Sub(k.heard) > unsettledKept {
			delete(c.keys, key)
			c.known.Add(-1)
		}
	}
	for process, at := range c.heard {
		if now.Sub(at) > unsettledKept {
			delete(c.heard, process)
			delete(c.last, process)
		}
	}
}

// done: all was settled a while ago.
func (k *contest) done(now time.Time) bool { return len(k.open) == 0 && now.Sub(k.heard) > settledKept }

// note adds a try, or what is new of it. A word about one that was settled came late.
func (k *contest) note(t try) {
	if k.over[t.tryID] {
		return
	}
	i := slices.IndexFunc(k.open, func(have *try) bool { return have.tryID == t.tryID })
	switch {
	case i < 0:
		k.open = append(k.open, &t)
	case t.flying:
		k.open[i] = &t
	}
	k.tell()
}

func (k *contest) settle(id tryID, landed bool) {
	k.over[id] = true
	k.landed = k.landed || landed
	k.open = slices.DeleteFunc(k.open, func(t *try) bool { return t.tryID == id })
	k.tell()
}

func (k *contest) tell() {
	close(k.news)
	k.news = make(chan struct{})
}

// standing is how a try stands among the others of its key.
type standing struct {
	landed bool
	turn   bool            // nothing is in front of it
	silent []*try          // of those in front of it, the ones whose processes say nothing any more
	news   <-chan struct{} // closed when there is something new
}

// standing says how a claim stands that goes by the order of the partition home.
func (c *contests) standing(mine *try, home int32) standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.of(mine.key, time.Now())
	st := standing{news: k.news, landed: k.landed}
	seen, blocked := false, false
	for _, t := range k.open {
		if t.tryID == mine.tryID {
			seen = true
			continue
		}
		if seen && !t.flying {
			continue // its turn comes later
		}
		blocked = true
		if c.isSilent(t.process, home) {
			st.silent = append(st.silent, t)
		}
	}
	st.turn = seen && !blocked
	return st
}

// isSilent: the process has said nothing for a while, by the records of the partition and by
// our own clock. A partition that cannot be read or written shows no time, and decides nothing.
func (c *contests) isSilent(process uint64, home int32) bool {
	last, ok := c.last[process][home]
	if ok && c.clock[home].Sub(last) <= c.silence {
		return false
	}
	return time.Since(c.heard[process]) > c.silence
}
