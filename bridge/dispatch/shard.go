package dispatch

import (
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A shard is the memory of the owner of one slice of the endpoints: their lanes, how far its
// feed has read, and the deliveries that must not be handed over again.
type shard struct {
	d   *Dispatcher
	id  int
	log *stateLog // used by the shard's own goroutine alone
	rec *recorder // the journal's writing end

	attempts sync.WaitGroup // that run

	mu        sync.Mutex
	lanes     map[string]*lane     // by endpoint id
	known     map[string]*delivery // by delivery id: in a lane, running, pending, or finished and still fed
	orphans   []string             // entries whose endpoint is gone
	read      bus.Positions        // what the shard's live feed has read
	journaled int64                // the journal's end as far as this owner knows
	revision  int64                // of the registry, as the lanes have taken it up
	commands  int64                // the last command acted on
	matches   map[match][]*lane
	closed    bool  // no attempt begins any more
	begun     int64 // attempts of the process at the last look for overdue events

	durable struct { // of the last delta that is in the log
		revision  int64
		commands  int64
		positions bus.Positions
		needs     bus.Positions // the event in front of the oldest one that is still needed
	}
}

// match is what the endpoints' filters look at; its lanes are cached.
type match struct{ topic, typ string }

const matchesKept = 10_000

// offer takes the next messages of the shard's live feed from a partition, in order. before
// is the place in front of them, end the last one's. It reports false when the shard has not
// read up to before: somebody must fill the gap first.
func (s *shard) offer(p bus.Partition, before bus.Position, batch []bus.Message, end bus.Position) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return true
	}
	at, ok := s.read[p]
	if !ok || !at.Same(before) { // the first that is heard of this partition
		at = before
		s.read[p] = at
	}
	if before.Seq > at.Seq {
		return false
	}
	touched := map[*lane]struct{}{}
	for i := range batch {
		m := &batch[i]
		if at.Includes(m.Position) {
			continue
		}
		for _, l := range s.matching(m) {
			pl := l.place(p)
			if pl.behind || pl.since != nil && pl.since.Includes(m.Position) ||
				!l.ep.Takes(p, m.Position, m.Topic, m.Event.Type) {
				continue
			}
			if l.blocked() {
				l.leave()
				continue
			}
			s.hand(l, m, &pl.out, at)
			touched[l] = struct{}{}
		}
		at = m.Position
	}
	if !at.Includes(end) {
		at = end
	}
	s.read[p] = at
	now := time.Now()
	for l := range touched {
		l.pump(now)
		if l.full() {
			l.leave()
		}
	}
	return true
}

// matching are the lanes whose endpoint takes such events by any item of its list.
func (s *shard) matching(m *bus.Message) []*lane {
	key := match{m.Topic, m.Event.Type}
	lanes, ok := s.matches[key]
	if ok {
		return lanes
	}
	for _, l := range s.lanes {
		if l.ep.MayTake(key.topic, key.typ) {
			lanes = append(lanes, l)
		}
	}
	if len(s.matches) >= matchesKept {
		clear(s.matches)
	}
	s.matches[key] = lanes
	return lanes
}

// hand gives an event to a lane, unless the lane has it already, whichever feed brought it.
func (s *shard) hand(l *lane, m *bus.Message, out *fifo[handed], before bus.Position) {
	ref := EventRef{
		ID: m.Event.ID, Source: m.Event.Source, Type: m.Event.Type, Subject: m.Event.Subject,
		Topic: m.Topic, Partition: m.Partition, Position: m.Position,
	}
	id := deliveryID(l.ep.ID, &ref)
	if d := s.known[id]; d != nil && d.status != forgotten {
		out.push(handed{d, before})
		return
	}
	now := time.Now()
	d := &delivery{
		Entry: Entry{ID: id, Endpoint: l.ep.ID, Event: ref, Number: 1, Due: now, Created: now},
		lane:  l, event: m.Event, size: m.Size, at: now, heapIndex: -1,
	}
	s.known[id] = d
	out.push(handed{d, before})
	if l.blocked() { // fed only to pass what a load found done: it waits as an entry
		d.event = nil
		l.keep(d)
		l.waiting.wait(d)
		return
	}
	l.queue.push(d)
	l.fresh++
	l.bytes += d.size
}

// leave takes an endpoint out of the live feed. What waits for a first attempt is forgotten:
// a reader will meet it again, behind the newest event begun. What has begun stays with the
// range, whose A can only pass it when it is settled.
func (l *lane) leave() {
	l.left = time.Now()
	for _, d := range l.queue.all() {
		if d.status != queued {
			continue
		}
		if l.live(d) {
			d.status = forgotten
			l.fresh--
			l.bytes -= d.size
			d.event = nil
			delete(l.shard.known, d.ID)
		}
	}
	for p, read := range l.shard.read {
		pl := l.place(p)
		if pl.behind {
			continue
		}
		c := &catchup{a: later(read, pl.since), c: later(read, pl.since)}
		for _, h := range pl.out.all() {
			if h.status == forgotten {
				if c.out.len() == 0 {
					c.a = h.before
				}
				c.c = h.before
				break
			}
			if c.out.len() == 0 {
				c.a = h.before
			}
			c.out.push(h)
		}
		pl.behind, pl.since, pl.out = true, nil, fifo[handed]{}
		pl.ranges = append(pl.ranges, c)
	}
	l.shard.d.passes.hungry()
}

// live reports whether the live feed, and not a range, has handed the delivery over.
func (l *lane) live(d *delivery) bool {
	pl := l.places[d.Event.Partition]
	if pl == nil || pl.behind {
		return false
	}
	for _, r := range pl.ranges {
		if r.c.Includes(d.Event.Position) && !r.a.Includes(d.Event.Position) {
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

// mayBegin: attempts are held back while too many of their records are not acknowledged.
func (s *shard) mayBegin() bool {
	if !s.d.room() {
		return false
	}
	s.d.begun.Add(1)
	return true
}

// stop lets no further attempt begin.
func (s *shard) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, l := range s.lanes {
		if l.timer != nil {
			l.timer.Stop()
		}
	}
}

// newLane makes a lane for an endpoint, live and empty.
func (s *shard) newLane(ep *endpoint.Endpoint, now time.Time) *lane {
	return &lane{
		ep: ep, shard: s, places: map[bus.Partition]*place{}, running: map[*delivery]struct{}{},
		outbound: s.d.outbound(ep), limit: newLimiter(ep.Rate, now),
	}
}
