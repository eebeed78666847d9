package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
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

	until bus.Position // a blocked endpoint is fed up to here all the same
	busy  bool         // a pass feeds it
}

func (c *catchup) done() bool { return c.b != nil && c.b.Same(c.c) && c.c.Seq >= c.b.Seq }

const (
	passesAtATime = 4
	passReach     = 20_000 // sequences within which ranges are fed in one pass
	passIdle      = time.Second
)

// passes are the readers of a dispatcher. One pass feeds every range that is at about the
// same place.
type passes struct {
	d    *Dispatcher
	wake chan struct{} // one slot: lanes send, run receives

	mu      sync.Mutex
	running int
}

func newPasses(d *Dispatcher) *passes { return &passes{d: d, wake: make(chan struct{}, 1)} }

// hungry says that a range may be fed.
func (ps *passes) hungry() {
	select {
	case ps.wake <- struct{}{}:
	default:
	}
}

// run starts passes until ctx ends and returns when the last has ended.
func (ps *passes) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ps.wake:
		case <-tick.C:
		}
		for ps.free() {
			p := ps.gather()
			if p == nil {
				break
			}
			ps.count(1)
			wg.Go(func() {
				defer ps.hungry()
				defer ps.count(-1)
				p.run(ctx)
			})
		}
	}
}

func (ps *passes) free() bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.running < passesAtATime
}

func (ps *passes) count(n int) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.running += n
}

// A pass feeds ranges of one partition from one place on.
type pass struct {
	d         *Dispatcher
	partition bus.Partition
	from      bus.Position
	eaters    []eater
	last      time.Time // something was handed over
}

// An eater is one range in a pass. start is what the shard's live feed had read when the
// pass began: all of it was stored by then.
type eater struct {
	lane    *lane
	stretch *catchup
	start   bus.Position
}

// gather takes the range that is furthest behind in its partition and all that lie near it.
func (ps *passes) gather() *pass {
	byPart := map[bus.Partition][]eater{}
	for _, s := range ps.d.shards() {
		s.mu.Lock()
		for _, l := range s.lanes {
			for p, pl := range l.places {
				for _, c := range pl.ranges {
					if !c.busy && !c.done() && l.hungry(c) {
						byPart[p] = append(byPart[p], eater{l, c, s.read[p]})
					}
				}
			}
		}
		s.mu.Unlock()
	}
	for p, eaters := range byPart {
		first := eaters[0].stretch.c
		for _, e := range eaters {
			if e.stretch.c.Seq < first.Seq {
				first = e.stretch.c
			}
		}
		ps := &pass{d: ps.d, partition: p, from: first, last: time.Now()}
		for _, e := range eaters {
			if e.stretch.c.Same(first) && e.stretch.c.Seq-first.Seq <= passReach {
				e.lane.shard.mu.Lock()
				e.stretch.busy = true
				e.lane.shard.mu.Unlock()
				ps.eaters = append(ps.eaters, e)
			}
		}
		return ps
	}
	return nil
}

// hungry: the lane would take events of the range now.
func (l *lane) hungry(c *catchup) bool {
	if l.shard.closed {
		return false
	}
	if l.blocked() {
		return c.until.Same(c.c) && c.until.Seq > c.c.Seq
	}
	return l.fresh < laneEvents/2 && l.bytes < laneBytes/2 && l.entries < laneEntries
}

var errPassOver = errors.New("no range is left in the pass")

// run reads from the place of the range furthest behind until no range wants more.
func (p *pass) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(passIdle, cancel) // nothing comes: look again at what is hungry
	defer idle.Stop()
	err := p.d.store.Follow(ctx, p.partition, p.from, func(batch []bus.Message) error {
		idle.Reset(passIdle)
		return p.deliver(batch)
	})
	for _, e := range p.eaters {
		e.release()
	}
	if err != nil && !errors.Is(err, errPassOver) && ctx.Err() == nil {
		p.d.log.Warn("catch-up reader stopped, starting again", slog.String("partition", string(p.partition)), slog.Any("error", err))
		select { // not at once: the bus may be away
		case <-ctx.Done():
		case <-time.After(passIdle):
		}
	}
}

func (p *pass) deliver(batch []bus.Message) error {
	left := p.eaters[:0]
	for _, e := range p.eaters {
		if e.take(p.partition, batch) {
			left = append(left, e)
		} else {
			e.release()
		}
	}
	p.eaters = left
	if len(left) == 0 {
		return errPassOver
	}
	return nil
}

func (e *eater) release() {
	e.lane.shard.mu.Lock()
	defer e.lane.shard.mu.Unlock()
	e.stretch.busy = false
}

// take feeds the range from a batch and reports whether it wants more. An empty batch says
// that nothing is left of what was stored when the pass began.
func (e *eater) take(p bus.Partition, batch []bus.Message) bool {
	s, l, c := e.lane.shard, e.lane, e.stretch
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.lanes[l.ep.ID] != l {
		return false
	}
	defer func() { l.pump(time.Now()) }()
	for i := range batch {
		m := &batch[i]
		if c.c.Includes(m.Position) {
			continue
		}
		if c.b != nil && !c.b.Includes(m.Position) {
			c.c = *c.b
			return false
		}
		if l.full() || l.blocked() && !c.until.Includes(m.Position) {
			return false
		}
		if l.ep.Takes(p, m.Position, m.Topic, m.Event.Type) &&
			(c.base == 0 || !l.ep.TakesBy(c.base-1, p, m.Position, m.Topic, m.Event.Type)) {
			s.hand(l, m, &c.out, c.c)
		}
		c.c = m.Position
		if c.done() {
			return false
		}
	}
	if len(batch) == 0 && e.start.Same(c.c) && e.start.Seq > c.c.Seq {
		c.c = e.start // what lay between has expired
		if c.b != nil && c.c.Seq >= c.b.Seq {
			c.c = *c.b
		}
	}
	if c.done() {
		return false
	}
	return !e.join(p)
}

// join puts the endpoint back into the live feed of a partition when its reader has handed
// over all that the feed has read. The range ends here, and the endpoint is live behind it.
func (e *eater) join(p bus.Partition) bool {
	l, c := e.lane, e.stretch
	pl, read := l.place(p), l.shard.read[p]
	if c.b != nil || !pl.behind || l.blocked() || l.full() || !read.Same(c.c) || c.c.Seq < read.Seq {
		return false
	}
	at := c.c
	c.b, pl.since, pl.behind = &at, &at, false
	return true
}
