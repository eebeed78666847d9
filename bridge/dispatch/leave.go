package dispatch

import (
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// leaveLive takes an endpoint out of the live feed. What waits for a first attempt is forgotten:
// a reader will meet it again, after the newest event begun. What has begun stays with the
// range, whose beginning can only pass it when it is settled. A blocked endpoint forgets what ranges
// have handed over as well: it may be blocked for long. So does one whose breaker is open.
func (l *lane) leaveLive() {
	l.left = time.Now()
	blocked := l.blocked() || !l.breaker.closed()
	for _, d := range l.queue.all() {
		if d.status == queued && d.entry == unwritten && (blocked || l.live(d)) {
			l.forget(d)
		}
	}
	l.forgetHeld(func(d *pendingDelivery) bool { return d.job == nil && (blocked || l.live(d)) })
	for p, read := range l.shard.read {
		pl := l.feedOf(p)
		if blocked {
			for _, c := range pl.ranges {
				c.rewind()
			}
		}
		if pl.behind {
			continue
		}
		at := later(read, pl.since)
		c := &catchupRange{from: at, read: at, out: pl.out, counted: true, born: l.left}
		if c.out.len() > 0 {
			c.from = later(c.out.front().before, pl.since)
		}
		c.rewind()
		pl.behind, pl.since, pl.out = true, nil, fifo[handed]{}
		pl.ranges = append(pl.ranges, c)
	}
	l.shard.d.ranges.Wake()
}

// forget lets go of a delivery that has not begun and has no entry.
func (l *lane) forget(d *pendingDelivery) {
	d.status, d.event = forgotten, nil
	l.unqueue(d)
	l.mortals.drop(d)
	delete(l.shard.known, d.ID)
}

// rewind takes a range back before the first of its events that was forgotten. Up to
// what had begun beyond it the reader goes even while the endpoint is blocked.
func (c *catchupRange) rewind() {
	all := c.out.all()
	i := slices.IndexFunc(all, func(h handed) bool { return h.status == forgotten })
	if i < 0 {
		return
	}
	c.read = later(all[i].before, &c.from)
	c.first = all[i].Created
	for _, h := range all[i:] {
		switch {
		case h.status == forgotten:
			c.events++
		case !h.turnedAway: // what was told of may be told again
			c.until = h.Event.Position
		}
	}
	c.out.truncate(i)
}

// live reports whether the live feed, and not a range, has handed the delivery over.
func (l *lane) live(d *pendingDelivery) bool {
	pl := l.feeds[d.Event.Partition]
	if pl == nil || pl.behind {
		return false
	}
	for _, r := range pl.ranges {
		if r.read.Reaches(d.Event.Position) && !r.from.Reaches(d.Event.Position) {
			return false
		}
	}
	return true
}

// later is the further of a place and one that may be absent.
func later(p bus.Position, q *bus.Position) bus.Position {
	if q != nil && q.Same(p) && q.Seq > p.Seq {
		return *q
	}
	return p
}
