package dispatch

import (
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A catchup is a range (a, b] that is fed to one endpoint by a reader, at the endpoint's own
// pace. Its shard's mutex guards it.
type catchup struct {
	a    bus.Position  // everything up to it is settled, as far as deltas know
	c    bus.Position  // read up to
	b    *bus.Position // nil: open, until the endpoint joins the live feed
	base int64         // what the items older than this revision take is not for this range
	out  fifo[handed]

	// doubtful: it begins where an item does, and whether that place still holds the same event
	// is not known. All other places were counted by feeds.
	doubtful bool

	until bus.Position // a blocked endpoint is fed up to here all the same
	busy  bool         // a pass feeds it

	// For people: how many events behind c are for the endpoint, which is known where the live
	// feed has passed all of them since the range began, and when the first of them was stored.
	events  int64
	counted bool
	first   time.Time
	born    time.Time
}

func (c *catchup) done() bool { return c.b != nil && c.c.Reaches(*c.b) }

// skip moves the range on to a place when nothing is left in front of it.
func (c *catchup) skip(to bus.Position) {
	if to.Same(c.c) && to.Seq > c.c.Seq {
		c.c = to
		if c.done() {
			c.c = *c.b
		}
	}
}

// wants reports whether an event that the list takes is for this range.
func (c *catchup) wants(l *lane, m *bus.Message) bool {
	return l.takes(m) &&
		(c.base == 0 || !l.ep.TakesBy(c.base-1, m.Partition, m.Position, m.Topic, m.Event.Type))
}

// An eater is one range in a pass. start is what the shard's live feed had read when the
// pass began: all of it was stored by then.
type eater struct {
	lane    *lane
	stretch *catchup
	at      bus.Position // of the range when the pass began
	start   bus.Position
}

// seize takes the range for a pass.
func (e *eater) seize() {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	e.stretch.busy = true
}

func (e *eater) release() {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	e.stretch.busy = false
}

// doubts returns the place of a range that has to be checked before it is fed.
func (e *eater) doubts() (bus.Position, bool) {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	return e.stretch.c, e.stretch.doubtful
}

// trust says that the range's place is good, or where it has to begin instead.
func (e *eater) trust(at bus.Position) {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	c := e.stretch
	c.doubtful = false
	if at.Same(c.c) && at.Seq < c.c.Seq {
		c.a, c.c = at, at
	}
}

// digests reports whether the range only waits for room in its lane.
func (e *eater) digests() bool {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	return !e.lane.shard.closed && !e.lane.closed && !e.stretch.done() && e.lane.full() && !e.lane.blocked()
}

// hungry reports whether the lane has room again.
func (e *eater) hungry() bool {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	return e.lane.hungry(e.stretch)
}

// take feeds the range from a batch that begins behind before, and reports whether it wants
// more. An empty batch says that nothing is left of what was stored when the pass began.
func (e *eater) take(p bus.Partition, before bus.Position, batch []bus.Message) bool {
	s, l, c := e.lane.shard, e.lane, e.stretch
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || l.closed || !slices.Contains(l.place(p).ranges, c) || !c.c.Reaches(before) {
		return false // there is nobody to feed, or the range was taken back meanwhile
	}
	defer func() { l.pump(time.Now()) }()
	for i := range batch {
		m := &batch[i]
		switch {
		case c.c.Reaches(m.Position):
			continue
		case c.b != nil && !c.b.Reaches(m.Position):
			c.c = *c.b
			return false
		case l.full() || l.blocked() && !c.until.Reaches(m.Position):
			return false
		}
		if c.wants(l, m) {
			if s.hand(l, m, &c.out, c.c) {
				c.events--
			}
		}
		c.c, c.first = m.Position, time.Time{}
	}
	if len(batch) == 0 {
		c.skip(e.start) // what lay between has expired
	}
	return !c.done() && !l.join(p, c)
}

// join puts the endpoint back into the live feed of a partition when its reader has handed
// over all that the feed has read. The range ends here, and the endpoint is live behind it.
func (l *lane) join(p bus.Partition, c *catchup) bool {
	pl := l.place(p)
	read, ok := l.shard.read[p]
	if c.b != nil || !pl.behind || l.blocked() || l.full() || !ok || !c.c.Reaches(read) {
		return false
	}
	at := c.c
	c.b, pl.since, pl.behind = &at, &at, false
	return true
}
