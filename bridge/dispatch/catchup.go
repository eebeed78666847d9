package dispatch

import (
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
)

// A catchupRange is what lies in (from, to] and is fed to one endpoint by a reader, at the endpoint's own
// pace. Its shard's mutex guards it.
type catchupRange struct {
	from bus.Position  // everything up to it is settled, as far as deltas know
	read bus.Position  // brought up to
	to   *bus.Position // nil: open, until the endpoint joins the live feed
	base int64         // what the periods older than this revision take is not for this range
	out  fifo[handed]

	// doubtful: it begins where a period does, and whether that place still holds the same event
	// is not known. All other places were counted by feeds.
	doubtful bool

	until bus.Position // a blocked endpoint is fed up to here all the same
	busy  bool         // a reader serves it

	// For people: how many events after read are for the endpoint, which is known where the live
	// feed has passed all of them since the range began, and when the first of them was stored.
	events  int64
	counted bool
	first   time.Time
	born    time.Time
}

func (c *catchupRange) done() bool { return c.to != nil && c.read.Reaches(*c.to) }

// skip moves the range on to a place when nothing is left before it.
func (c *catchupRange) skip(to bus.Position) {
	if to.Same(c.read) && to.Seq > c.read.Seq {
		c.read = to
		if c.done() {
			c.read = *c.to
		}
	}
}

// judge says what an event is to this range: nothing, where the periods older than its base had taken
// as much of it.
func (c *catchupRange) judge(l *lane, m *bus.Message) (endpoint.Verdict, error) {
	v, err := l.judge(m)
	if v != endpoint.NotTaken && c.base != 0 && l.ep.JudgeBy(c.base-1, m) >= v {
		return endpoint.NotTaken, nil
	}
	return v, err
}

// hungry are the ranges that can be fed now. What has expired before their places is counted.
func (d *Dispatcher) hungry() map[bus.Partition][]feed.Candidate {
	all := map[bus.Partition][]feed.Candidate{}
	gaps := map[bus.Partition]int64{}
	for _, s := range d.owned.all() {
		s.hungry(all, gaps)
	}
	for p, gap := range gaps {
		d.lost(p, gap)
	}
	if len(all) == 0 { // what is owed comes first
		for _, s := range d.owned.all() {
			s.hungryJobs(all)
		}
	}
	return all
}

func (s *shard) hungry(all map[bus.Partition][]feed.Candidate, gaps map[bus.Partition]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		for p, pl := range l.feeds {
			for _, c := range pl.ranges {
				if c.busy || c.done() || !l.firstRange(pl, c) || !l.hungry(c) {
					continue
				}
				if gap := s.d.expire(p, c); gap > 0 {
					gaps[p] += gap
				}
				if !c.done() {
					all[p] = append(all[p], feed.Candidate{Range: &rangeConsumer{l, pl, c, s.read[p]}, At: c.read})
				}
			}
		}
	}
}

// A rangeConsumer brings a range to its lane. start is what the shard's live feed had read when
// the range was found hungry: all of it was stored by then.
type rangeConsumer struct {
	lane  *lane
	place *feedState // nil for a range of a replay
	*catchupRange
	start bus.Position
}

// Seize implements feed.Range.
func (e *rangeConsumer) Seize() {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	e.busy = true
}

// Release implements feed.Range.
func (e *rangeConsumer) Release() {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	e.busy = false
}

// Doubtful implements feed.Range.
func (e *rangeConsumer) Doubtful() (bus.Position, bool) {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	return e.read, e.doubtful
}

// Trust implements feed.Range.
func (e *rangeConsumer) Trust(at bus.Position) {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	c := e.catchupRange
	c.doubtful = false
	if at.Same(c.read) && at.Seq < c.read.Seq {
		c.from, c.read = at, at
	}
}

// Full implements feed.Range.
func (e *rangeConsumer) Full() bool {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	return !e.lane.shard.closed && !e.lane.closed && !e.done() && e.lane.full() && e.lane.breaker.closed() && !e.lane.blocked()
}

// Hungry implements feed.Range.
func (e *rangeConsumer) Hungry() bool {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	return e.lane.firstRange(e.place, e.catchupRange) && e.lane.hungry(e.catchupRange)
}

// Take implements feed.Consumer. An empty batch says that nothing is left of what was stored when
// the range was found hungry.
func (e *rangeConsumer) Take(b *feed.Batch) bool {
	s, l, c := e.lane.shard, e.lane, e.catchupRange
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || l.closed || !slices.Contains(l.feedOf(b.Partition).ranges, c) || !c.read.Reaches(b.Before) {
		return false // there is nobody to feed, or the range was taken back meanwhile
	}
	defer func() { l.pump(time.Now()) }()
	for i := range b.Messages {
		m := &b.Messages[i]
		switch {
		case c.read.Reaches(m.Position):
			continue
		case c.to != nil && !c.to.Reaches(m.Position):
			c.read = *c.to
			return false
		case l.full() || l.blocked() && !c.until.Reaches(m.Position):
			return false
		}
		switch v, err := c.judge(l, m); v {
		case endpoint.Taken:
			if s.hand(l, m, &c.out, c.read) {
				c.events--
			}
		case endpoint.FilterFailed:
			s.turnAway(l, m, err, &c.out, c.read)
		}
		m.Judged()
		c.read, c.first = m.Position, time.Time{}
	}
	if len(b.Messages) == 0 {
		c.skip(e.start) // what lay between has expired
	}
	return !c.done() && !l.joinLive(b.Partition, c)
}

// joinLive puts the endpoint back into the live feed of a partition when its reader has handed
// over all that the feed has read. The range ends here, and the endpoint is live after it.
func (l *lane) joinLive(p bus.Partition, c *catchupRange) bool {
	pl := l.feedOf(p)
	read, ok := l.shard.read[p]
	if c.to != nil || !pl.behind || l.blocked() || l.full() || l.toll.high(tollMost/2) || l.ep.Ordered && pl.unread() || !ok || !c.read.Reaches(read) {
		return false
	}
	at := c.read
	c.to, pl.since, pl.behind = &at, &at, false
	return true
}
