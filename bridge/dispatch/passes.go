package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	passesAtATime = 4
	passIdle      = time.Second
	passLook      = 200 * time.Millisecond
	passPatience  = 100 * time.Millisecond // with a lane that is full
	passLinger    = 2 * time.Millisecond   // between two looks at it
	passLingers   = time.Second            // of a pass, all together
)

// passes are the readers of a dispatcher. One pass feeds every range that is at about the
// same place.
type passes struct {
	d    *Dispatcher
	wake chan struct{} // one slot: lanes send, run receives
	free chan struct{} // a token for each pass that may run: run takes, its pass gives back
}

func newPasses(d *Dispatcher) *passes {
	ps := &passes{d: d, wake: make(chan struct{}, 1), free: make(chan struct{}, passesAtATime)}
	for range passesAtATime {
		ps.free <- struct{}{}
	}
	return ps
}

// hungry says that a range may be fed.
func (ps *passes) hungry() {
	signal(ps.wake)
}

// run starts passes until ctx ends and returns when the last has ended.
func (ps *passes) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	tick := time.NewTicker(passLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ps.wake:
		case <-tick.C:
		}
		for ctx.Err() == nil && ps.begin(ctx, &running) {
		}
	}
}

// begin starts one pass; false when there is none to start or no room for it.
func (ps *passes) begin(ctx context.Context, running *sync.WaitGroup) bool {
	select {
	case <-ps.free:
	default:
		return false
	}
	p := ps.gather()
	if p == nil {
		ps.free <- struct{}{}
		return false
	}
	running.Go(func() {
		p.run(ctx)
		ps.free <- struct{}{}
		ps.hungry()
	})
	return true
}

// gather takes the range that is furthest behind in some partition, and all that lie near it.
func (ps *passes) gather() *pass {
	byPart := map[bus.Partition][]eater{}
	gaps := map[bus.Partition]int64{}
	for _, s := range ps.d.shards() {
		s.hungry(byPart, gaps)
	}
	for p, gap := range gaps {
		ps.d.lost(p, gap)
	}
	for p, eaters := range byPart {
		first := eaters[0].at
		for _, e := range eaters {
			if e.at.Seq < first.Seq {
				first = e.at
			}
		}
		pass := &pass{d: ps.d, partition: p, at: first}
		for _, e := range eaters {
			if e.at.Same(first) && e.at.Seq-first.Seq <= ps.d.limits.passReach {
				e.seize()
				pass.eaters = append(pass.eaters, e)
			}
		}
		return pass
	}
	return nil
}

// hungry collects the shard's ranges that can be fed now, and how many events expired in
// front of them.
func (s *shard) hungry(byPart map[bus.Partition][]eater, gaps map[bus.Partition]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		for p, pl := range l.places {
			for _, c := range pl.ranges {
				if c.busy || c.done() || !l.hungry(c) {
					continue
				}
				if gap := s.d.expire(p, c); gap > 0 {
					gaps[p] += gap
				}
				if !c.done() {
					byPart[p] = append(byPart[p], eater{l, c, c.c, s.read[p]})
				}
			}
		}
	}
}

// A pass feeds ranges of one partition from one place on.
type pass struct {
	d         *Dispatcher
	partition bus.Partition
	at        bus.Position // read up to
	eaters    []eater
	lingered  time.Duration
}

var errPassOver = errors.New("no range is left in the pass")

// check holds the places of ranges that begin where an item does against what the partition
// has now.
func (p *pass) check(ctx context.Context) error {
	for i := range p.eaters {
		e := &p.eaters[i]
		at, doubtful := e.doubts()
		if !doubtful {
			continue
		}
		spans, err := p.d.look(ctx)
		if err != nil {
			return err
		}
		span, there, err := p.d.spanOf(spans, p.partition)
		if err != nil {
			return err
		}
		if there && span.Identity == at.Identity {
			f, err := p.d.fitting(ctx, span, []bus.Position{at}, noHistory)
			if err != nil {
				return err
			}
			at, _ = f.place(at)
		}
		e.trust(at)
		if at.Same(p.at) && at.Seq < p.at.Seq {
			p.at = at
		}
	}
	return nil
}

// run reads from the place of the range furthest behind until no range wants more.
func (p *pass) run(ctx context.Context) {
	err := p.check(ctx)
	if err == nil {
		err = p.read(ctx)
	}
	for i := range p.eaters {
		p.eaters[i].release()
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	p.d.trouble.warn("catch-up reader stopped, starting again", err, slog.String("partition", string(p.partition)))
	pause(ctx, passIdle) // not at once: the bus may be away
}

func (p *pass) read(ctx context.Context) error {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(passIdle, cancel) // nothing comes: look again at what is hungry
	defer idle.Stop()
	err := p.d.store.Follow(reading, p.partition, p.at, func(batch []bus.Message) error {
		idle.Reset(passIdle)
		return p.deliver(reading, batch)
	})
	if errors.Is(err, errPassOver) || reading.Err() != nil {
		return nil
	}
	return err
}

// linger waits until a lane that is full has room, and reports whether it has. It waits not
// long for an endpoint that is slow, and not often for one that is quick: others want passes.
func (p *pass) linger(ctx context.Context, e *eater) bool {
	if !e.digests() {
		return false
	}
	for wait := passPatience; wait > 0 && p.lingered < passLingers && pause(ctx, passLinger); wait -= passLinger {
		p.lingered += passLinger
		if e.hungry() {
			return true
		}
	}
	return false
}

// deliver feeds every range of the pass. A pass of one range waits a moment for a lane that
// is full: its endpoint may be quick, and a pass is dear to begin.
func (p *pass) deliver(ctx context.Context, batch []bus.Message) error {
	if err := p.d.keepAsidePast(ctx, p.partition, batch); err != nil {
		return err
	}
	left := p.eaters[:0]
	for _, e := range p.eaters {
		more := e.take(p.partition, p.at, batch)
		for !more && len(p.eaters) == 1 && p.linger(ctx, &e) {
			more = e.take(p.partition, p.at, batch)
		}
		if more {
			left = append(left, e)
		} else {
			e.release()
		}
	}
	if p.eaters = left; len(left) == 0 {
		return errPassOver
	}
	if len(batch) > 0 {
		p.at = batch[len(batch)-1].Position
	}
	return nil
}
