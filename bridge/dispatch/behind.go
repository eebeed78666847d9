package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Behind says what readers have still to bring to an endpoint.
type Behind struct {
	Since  time.Time `json:"since,omitzero"`  // when it left the live feed, or was given a past, as far as known
	Oldest time.Time `json:"oldest,omitzero"` // when the next event that a reader will meet was stored, as far as known
	Events int64     `json:"events"`          // that are for it; with About, how many its readers have to look through
	About  bool      `json:"about,omitempty"`
}

// behind is nil for an endpoint whose readers have nothing to bring and that is fed live.
func (l *lane) behind() *Behind {
	var b *Behind
	for p, pl := range l.places {
		for _, c := range pl.ranges {
			left := c.left(l.shard.read[p])
			if left == 0 && !(pl.behind && c.b == nil) {
				continue
			}
			if b == nil {
				b = &Behind{}
			}
			b.add(c, left)
		}
	}
	return b
}

// add takes in a range with so many sequences left.
func (b *Behind) add(c *catchup, left int64) {
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
		oldest = storedAt(c.c)
	}
	if !oldest.IsZero() && (b.Oldest.IsZero() || oldest.Before(b.Oldest)) {
		b.Oldest = oldest
	}
}

// left is how many sequences a range has in front of it, to its end or to what the live feed
// has read.
func (c *catchup) left(read bus.Position) int64 {
	if c.b != nil {
		read = *c.b
	}
	if !c.c.Same(read) {
		return 0
	}
	return max(read.Seq-c.c.Seq, 0)
}

// storedAt is when the event at a place was stored, where its mark is a time.
func storedAt(at bus.Position) time.Time {
	if t := time.Unix(0, at.Mark); at.Mark > 0 && t.Year() > 2000 {
		return t
	}
	return time.Time{}
}

// miss counts an event that the live feed passes and the endpoint's reader has to bring.
func (pl *place) miss(m *bus.Message) {
	for _, c := range pl.ranges {
		if c.b != nil {
			continue
		}
		if c.events++; c.counted && c.events == 1 {
			c.first = m.Stored
		}
	}
}
