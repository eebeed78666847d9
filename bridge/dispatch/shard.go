package dispatch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/retention"
	"github.com/hookspan/hookspan/bridge/statelog"
	"github.com/hookspan/hookspan/bridge/transform"
)

// A shard is the memory of the owner of one slice of the endpoints: their lanes, how far its
// feed has read, and the deliveries that must not be handed over again.
type shard struct {
	d      *Dispatcher
	id     int
	log    *statelog.Log // used by the shard's own goroutine alone, as the next one
	writer *stateWriter  // of the state log
	rec    *recorder     // the journal's writing end

	lease  atomic.Pointer[bus.Lease] // nil: nobody else wants the shard
	lapsed atomic.Bool               // an attempt was held back because the lease did not hold

	entries atomic.Int64 // of its lanes, at the last look

	attempts sync.WaitGroup  // that run
	ctx      context.Context // of them
	cut      context.CancelCauseFunc

	mu        sync.Mutex
	lanes     map[string]*lane            // by endpoint id
	known     map[string]*pendingDelivery // by delivery id: in a lane, running, pending, or finished and still fed
	orphans   []string                    // entries whose endpoint is gone
	read      bus.Positions               // what the shard's live feed has read
	back      map[bus.Partition]bool      // cut back: here positions may move back, once
	journaled int64                       // the journal's end as far as this owner knows
	loaded    int64                       // the journal's place at the load
	revision  int64                       // of the registry, as the lanes have taken it up
	commands  int64                       // the last command acted on
	matches   map[match][]*lane
	byTenant  bool  // some endpoint does not take everybody's events
	closed    bool  // no attempt begins any more
	awake     bool  // attempts may begin: all that was loaded is in place
	watching  bool  // there were endpoints at the load: a warden passes nothing unread
	begun     int64 // attempts of the process at the last look for overdue events
	durable   durable
	deltaAt   time.Time       // when the last delta was made
	told      map[string]told // by endpoint: the last note, of those that say something
	shown     delivery.Note   // the last about the shard
}

// durable is what the last delta says that is in the log.
type durable struct {
	revision  int64
	commands  int64
	positions bus.Positions
	feeds     map[string]map[string]statelog.Feed

	// What is still needed of the topics: all in all, and by endpoints that take part. Known
	// while the event store is nearly full.
	floor, eager retention.Floor
}

// match is what the patterns of periods look at; its lanes are cached. The tenant is left out where
// no period looks at it.
type match struct{ topic, typ, tenant string }

const matchesKept = 10_000

// Take implements feed.Consumer for the shard's live feed. It reports false when the shard has
// not read up to the batch: a catch-up reader must bring what lies between first.
func (s *shard) Take(b *feed.Batch) bool {
	p := b.Partition
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return true
	}
	at, ok := s.read[p]
	if !ok || !at.Reaches(b.Before) {
		return false
	}
	touched := map[*lane]struct{}{}
	for i := range b.Messages {
		m := &b.Messages[i]
		if at.Reaches(m.Position) {
			continue
		}
		for _, l := range s.matching(m) {
			pl := l.feedOf(p)
			if pl.since != nil && pl.since.Reaches(m.Position) {
				continue
			}
			if pl.behind && l.ep.LooksInside() { // its reader looks, so that others need not wait for it
				pl.pass()
				continue
			}
			v, failed := l.judge(m)
			if !pl.behind && l.toll.high(tollMost) {
				l.leaveLive()
			}
			if v == endpoint.NotTaken {
				continue
			}
			if !pl.behind && l.blocked() {
				l.leaveLive()
			}
			switch {
			case pl.behind && v == endpoint.Taken:
				pl.miss(m)
			case pl.behind: // its reader tells
			case v == endpoint.FilterFailed:
				s.turnAway(l, m, failed, &pl.out, at)
			}
			if pl.behind || v == endpoint.FilterFailed {
				continue
			}
			s.hand(l, m, &pl.out, at)
			touched[l] = struct{}{}
		}
		m.Judged()
		at = m.Position
		s.read[p] = at
	}
	if !at.Reaches(b.End) {
		s.read[p] = b.End
	}
	now := time.Now()
	for l := range touched {
		l.pump(now)
		if l.full() {
			l.leaveLive()
		}
	}
	return true
}

// rematch forgets which lanes take what, after the endpoints have changed.
func (s *shard) rematch() {
	clear(s.matches)
	s.byTenant = false
	for _, l := range s.lanes {
		s.byTenant = s.byTenant || l.ep.ByTenant()
	}
}

// matching are the lanes whose endpoint takes such events by any period of its list.
func (s *shard) matching(m *bus.Message) []*lane {
	key := match{topic: m.Topic, typ: m.Event.Type}
	if s.byTenant {
		key.tenant = m.Tenant
	}
	lanes, ok := s.matches[key]
	if ok {
		return lanes
	}
	for _, l := range s.lanes {
		if l.ep.MayTake(m) {
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
// before is the place just before it in that feed. It reports whether the lane had not.
func (s *shard) hand(l *lane, m *bus.Message, out *fifo[handed], before bus.Position) bool {
	ref := delivery.RefOf(m)
	id := delivery.ID(l.ep.ID, &ref)
	if d := s.known[id]; d != nil {
		out.push(handed{d, before})
		return false
	}
	now := time.Now()
	d := &pendingDelivery{
		Entry: &delivery.Entry{ID: id, Endpoint: l.ep.ID, Event: ref, Number: 1, Due: now, Created: now, Life: delivery.LifeOf(m, l.ep.MaxAge)},
		lane:  l, event: m.Event, trace: taken(m), size: int32(m.Size), heapIndex: -1,
	}
	d.Key = l.keyOf(m.Event)
	s.known[id] = d
	out.push(handed{d, before})
	if l.blocked() { // fed only to pass what a load found done: it waits as an entry
		d.event = nil
		d.Event, d.own = d.Event.Compact(), true // nobody else has it yet
		l.keep(d)
		if l.enlist(d) {
			l.wait(d)
		}
		return true
	}
	l.fresh++
	l.bytes += m.Size
	if l.bound(d); l.enlist(d) {
		l.queue.push(d)
	}
	return true
}

// mayBegin: attempts are held back while the lease does not hold for certain, and while too
// many of their records are not acknowledged.
func (s *shard) mayBegin() bool {
	return s.holds() && s.d.throttle.allow()
}

// holds reports whether the lease holds. What it stops goes on at the next delta that finds
// it renewed.
func (s *shard) holds() bool {
	l := s.lease.Load()
	if l == nil || (*l).Holds() {
		return true
	}
	s.lapsed.Store(true)
	return false
}

// Place is how far the shard's live feed has read a partition; it reports false when that is not
// known.
func (s *shard) Place(p bus.Partition) (bus.Position, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.read[p]
	return at, ok
}

// Reached reports whether nobody has to bring the shard what lies before a place.
func (s *shard) Reached(p bus.Partition, to bus.Position) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.read[p]
	return s.closed || ok && at.Reaches(to)
}

// newLane makes a lane for an endpoint, live and empty.
func (s *shard) newLane(ep *endpoint.Endpoint, now time.Time) *lane {
	s.d.lanes.Add(1)
	return &lane{
		ep: ep, shard: s, feeds: map[bus.Partition]*feedState{}, order: map[lineKey]*keyLine{}, running: map[*pendingDelivery]struct{}{},
		outbound: s.d.outbound(ep), limit: newLimiter(ep.Limit(), now), quota: newQuota(ep.AttemptsLimit), turn: transform.NewTurn(), disabled: bus.NoPosition,
	}
}
