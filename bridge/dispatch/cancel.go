package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// cancelledByHand is why, in words, a delivery ended that an operator wanted no more.
const cancelledByHand = "an operator has cancelled it"

// cancelNamed cancels a delivery that a command names. What the shard does not know and would not
// be fed has ended.
func (l *lane) cancelNamed(e delivery.Entry) {
	s := l.shard
	if d := s.known[e.ID]; d != nil {
		l.cancel(d)
		return
	}
	d := &pendingDelivery{Entry: &e, lane: l, heapIndex: -1, mark: s.journaled, own: true, status: asked}
	if l.fed(d, s.durable.positions, s.read) { // its reader has not come to it
		s.known[d.ID] = d
		l.cancel(d)
	}
}

// cancel has a delivery end that waits, once the delta that counts the command is in the log
// (PROTOCOL.md, D11). An attempt that runs is finished; if it fails, there is no other.
func (l *lane) cancel(d *pendingDelivery) {
	switch d.status {
	case final, forgotten, expiring:
		return
	case waiting:
		l.lineOf(d).waiting.take(d)
		l.mortals.drop(d)
	case queued: // its place in the queue is passed over
		l.unqueue(d)
		l.mortals.drop(d)
		d.draft().Event = d.Event.Compact()
		d.own, d.event = true, nil
	case ordered:
		l.unhold(d)
		l.mortals.drop(d)
		d.draft().Event = d.Event.Compact()
		d.own, d.event = true, nil
	case running, asked:
	}
	if d.cancelled = true; d.status != running {
		d.status = asked
	}
	l.keep(d)
}

// abort records the end of a cancelled delivery whose entry says so. An owner that is none any more
// leaves it to the next one.
func (l *lane) abort(d *pendingDelivery) {
	s := l.shard
	if s.closed || l.closed {
		d.status = asked
		return
	}
	l.run(d, time.Now())
	d.status = expiring
	s.rec.add(outcome{d, d.ended(delivery.EndedCancelled, cancelledByHand)})
	s.d.metrics.ended(delivery.Discarded, delivery.EndedCancelled, 1)
}

// drain cancels all that waits for the endpoint. Its ranges end where they have been brought to, and
// what lies between there and the end of what the shard's live feed has read is for nobody.
func (l *lane) drain() {
	s := l.shard
	for _, d := range s.known {
		if d.lane == l && d.job == nil { // a replay is cancelled as a whole
			l.cancel(d)
		}
	}
	for p, pl := range l.feeds {
		var open *bus.Position // where the reader of the open range is
		for _, c := range pl.ranges {
			at := c.read
			if c.to == nil {
				open = &at
			}
			c.to, c.until = &at, bus.Position{}
		}
		if open != nil {
			at := later(*open, s.placeIn(p))
			pl.ranges = append(pl.ranges, &catchupRange{from: at, read: at, counted: true, born: time.Now()})
		}
	}
	s.d.ranges.Wake()
}

// placeIn is how far the live feed has read; nil where that is not known.
func (s *shard) placeIn(p bus.Partition) *bus.Position {
	if at, ok := s.read[p]; ok {
		return &at
	}
	return nil
}
