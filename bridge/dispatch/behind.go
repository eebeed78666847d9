package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// behind is nil for an endpoint whose readers have nothing to bring and that is fed live.
func (l laneView) behind() *delivery.Behind {
	var b *delivery.Behind
	for p, pl := range l.feeds {
		for _, c := range pl.ranges {
			left := c.left(l.shard.read[p])
			if left == 0 && !(pl.behind && c.to == nil) {
				continue
			}
			if b == nil {
				b = &delivery.Behind{}
			}
			c.countInto(b, left)
		}
	}
	return b
}

// countInto adds a range with so many sequences left to what is said.
func (c *catchupRange) countInto(b *delivery.Behind, left int64) {
	if !c.born.IsZero() && (b.Since.IsZero() || c.born.Before(b.Since)) {
		b.Since = c.born
	}
	n := left
	if c.counted {
		n = max(min(c.events, left), 0)
	}
	if n == 0 {
		return
	}
	b.Events += n
	b.About = b.About || !c.counted
	oldest := c.first
	if oldest.IsZero() {
		oldest = storedAt(c.read)
	}
	if !oldest.IsZero() && (b.Oldest.IsZero() || oldest.Before(b.Oldest)) {
		b.Oldest = oldest
	}
}

// left is how many sequences a range has before it, to its end or to what the live feed
// has read.
func (c *catchupRange) left(read bus.Position) int64 {
	if c.to != nil {
		read = *c.to
	}
	if !c.read.Same(read) {
		return 0
	}
	return max(read.Seq-c.read.Seq, 0)
}

// storedAt is when the event at a place was stored, where its mark is a time.
func storedAt(at bus.Position) time.Time {
	if t := time.Unix(0, at.Mark); at.Mark > 0 && t.Year() > 2000 {
		return t
	}
	return time.Time{}
}

// miss counts an event that the live feed passes and the endpoint's reader has to bring.
func (pl *feedState) miss(m *bus.Message) {
	for _, c := range pl.ranges {
		if c.to != nil {
			continue
		}
		if c.events++; c.counted && c.events == 1 {
			c.first = m.Stored
		}
	}
}

// pass leaves an event to the endpoint's reader without a look at it: nobody knows how many there are.
func (pl *feedState) pass() {
	for _, c := range pl.ranges {
		if c.to == nil {
			c.counted = false
		}
	}
}
