package dispatch

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

const foldEvery = 30 * time.Second

// takeUp brings the lanes up to date whenever the registry has changed, until ctx ends.
func (d *Dispatcher) takeUp(ctx context.Context) {
	for {
		changed := d.registry.Changed()
		set := d.registry.Set()
		for _, s := range d.shards() {
			s.takeUp(set)
		}
		d.fold(ctx, set)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(foldEvery):
		}
	}
}

// takeUp makes, renews and ends lanes by the registry's newest set. A change holds from the
// next attempt on.
func (s *shard) takeUp(set *endpoint.Set) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	now := time.Now()
	var ended []*delivery
	for _, ep := range set.All() {
		if ShardOf(ep.ID, s.d.count) != s.id {
			continue
		}
		l := s.lanes[ep.ID]
		if l == nil {
			l = s.newLane(ep, now)
			s.lanes[ep.ID] = l
			l.takeLate(s.revision)
			if l.blocked() {
				l.leave()
			}
			continue
		}
		if l.ep != ep {
			s.renew(l, ep, now)
		}
	}
	for id, l := range s.lanes {
		if set.ByID(id) == nil {
			ended = append(ended, s.close(l)...)
		}
	}
	s.revision = max(s.revision, set.Revision)
	clear(s.matches)
	s.mu.Unlock()
	for _, d := range ended {
		s.discard(d, Cancelled)
	}
}

func (s *shard) renew(l *lane, ep *endpoint.Endpoint, now time.Time) {
	was := l.ep
	l.ep, l.outbound = ep, s.d.outbound(ep)
	if was.Rate != ep.Rate {
		l.limit = newLimiter(ep.Rate, now)
	}
	l.takeLate(s.revision)
	switch {
	case l.blocked():
		l.leave()
	case was.State != ep.State: // enabled again: a clean slate
		l.failing, l.hold = time.Time{}, time.Time{}
		s.d.passes.hungry()
	}
	l.pump(now)
}

// close ends the lane of a deleted endpoint. What waits with an entry is returned, to be
// recorded as cancelled; what runs is finished and recorded.
func (s *shard) close(l *lane) (ended []*delivery) {
	delete(s.lanes, l.ep.ID)
	if l.timer != nil {
		l.timer.Stop()
	}
	for _, d := range l.waiting {
		if d.saved || d.putting {
			s.orphans = append(s.orphans, d.ID)
		}
		ended = append(ended, d)
	}
	l.waiting = nil
	for _, d := range l.finished {
		if d.saved {
			s.orphans = append(s.orphans, d.ID)
		}
		delete(s.known, d.ID)
	}
	for d := range l.running {
		if d.saved || d.putting {
			s.orphans = append(s.orphans, d.ID)
		}
	}
	for _, d := range l.queue.all() {
		delete(s.known, d.ID)
	}
	l.ep = l.ep.Clone()
	l.ep.State = endpoint.Removed // what still refers to the lane begins nothing
	return ended
}

// fold lets the registry forget items that no feed needs any more.
func (d *Dispatcher) fold(ctx context.Context, set *endpoint.Set) {
	for _, s := range d.shards() {
		for _, ep := range set.All() {
			if len(ep.Items) < 2 || ShardOf(ep.ID, d.count) != s.id || !s.passed(ep) {
				continue
			}
			err := d.registry.Fold(ctx, ep.ID, func(_, behind endpoint.Item) bool { return s.passedItem(ep.ID, behind) })
			if err != nil && ctx.Err() == nil {
				d.log.Warn("membership not folded, trying again at the next change", slog.String("endpoint", ep.Name), slog.Any("error", err))
			}
		}
	}
}

// passed reports whether any item of the endpoint can be folded.
func (s *shard) passed(ep *endpoint.Endpoint) bool { return s.passedItem(ep.ID, ep.Items[1]) }

// passedItem: the last delta has the item's revision, no range looks at the list before it,
// and the positions and every A of the endpoint are past its from.
func (s *shard) passedItem(id string, it endpoint.Item) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[id]
	if l == nil || s.durable.revision < it.Revision {
		return false
	}
	for p, from := range it.From {
		at, ok := s.durable.positions[p]
		if !ok || at.Same(from) && at.Seq < from.Seq {
			return false
		}
	}
	for p, pl := range l.places {
		if len(pl.ranges) == 0 {
			continue
		}
		from, named := it.From[p]
		for _, c := range pl.ranges {
			if c.base != 0 || !named || c.a.Same(from) && c.a.Seq < from.Seq {
				return false
			}
		}
	}
	return true
}
