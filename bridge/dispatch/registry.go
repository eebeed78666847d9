package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
)

const (
	foldEvery   = 30 * time.Second
	takeUpRetry = time.Second
)

// An applier brings the lanes up to date with the registry.
type applier struct {
	d     *Dispatcher
	woken chan struct{} // one slot: wake sends, run receives
}

func (a *applier) wake() { signal(a.woken) }

// run brings the lanes up to date whenever the registry has changed, until ctx ends.
func (a *applier) run(ctx context.Context) {
	d := a.d
	for {
		changed := d.registry.Changed()
		set := d.registry.Set()
		again := foldEvery
		a.startFollowing(ctx, set)
		if err := a.apply(ctx, set); err == nil {
			a.compact(ctx, set)
		} else if again = takeUpRetry; ctx.Err() == nil {
			d.trouble.Warn("endpoints not taken up, trying again", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-a.woken:
		case <-time.After(again):
		}
	}
}

var errCutMeanwhile = errors.New("a partition was cut back meanwhile")

// apply has every shard take a set up, with the places of its periods as they hold now.
func (a *applier) apply(ctx context.Context, set *endpoint.Set) error {
	shards, epoch := a.d.owned.all(), a.d.cutBacks.Load()
	cuts, err := a.cuts(ctx, set, lowestRevision(shards))
	if err != nil {
		return err
	}
	for _, s := range shards {
		if !s.applyRegistry(set, cuts, epoch) {
			return errCutMeanwhile
		}
	}
	return nil
}

func lowestRevision(shards []*shard) int64 {
	low := int64(math.MaxInt64)
	for _, s := range shards {
		s.mu.Lock()
		low = min(low, s.revision)
		s.mu.Unlock()
	}
	return low
}

// cuts holds the places from which periods newer than `taken` hold against what the bus has
// now. Where a partition was cut back since, the newest place that fits is returned: periods hold
// from there on, for events that were stored later. Where one was made anew, the shards leave what was
// read before: by its place alone it would count as newer than a period that begins in the new one.
func (a *applier) cuts(ctx context.Context, set *endpoint.Set, taken int64) (bus.Positions, error) {
	var late []endpoint.Period
	for _, ep := range set.All() {
		for _, it := range ep.Periods {
			if it.Revision > taken {
				late = append(late, it)
			}
		}
	}
	if len(late) == 0 {
		return nil, nil
	}
	spans, err := a.d.partitions.Spans(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.d.live.RecheckRenewed(ctx, spans); err != nil {
		return nil, err
	}
	cuts, places := bus.Positions{}, map[bus.Partition][]bus.Position{}
	for _, it := range late {
		for p, from := range it.From {
			places[p] = append(places[p], from)
		}
	}
	for p, places := range places {
		span, there, err := a.d.partitions.Of(spans, p)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		f, err := a.d.partitions.Truncation(ctx, span, places, feed.NoHistory)
		if err != nil {
			return nil, err
		}
		if f.Cut != nil {
			cuts[p] = *f.Cut
		}
	}
	return cuts, nil
}

// applyRegistry makes, renews and ends lanes by the registry's newest set. A change holds from the
// next attempt on. It reports false when a partition was found cut back after cuts were looked
// for, which was in that epoch.
func (s *shard) applyRegistry(set *endpoint.Set, cuts bus.Positions, epoch int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || set.Revision < s.revision { // a load may know a newer one
		return true
	}
	if s.d.cutBacks.Load() != epoch {
		return false
	}
	now := time.Now()
	for _, ep := range set.All() {
		if delivery.ShardOf(ep.ID, s.d.owned.total()) != s.id {
			continue
		}
		l := s.lanes[ep.ID]
		if l == nil {
			l = s.newLane(ep, now)
			s.lanes[ep.ID] = l
			l.backfill(s.revision, cuts)
			if l.blocked() || l.catchesUp() {
				l.leaveLive()
			}
			continue
		}
		if l.ep != ep {
			l.renew(ep, cuts, now)
		}
	}
	for id, l := range s.lanes {
		if set.ByID(id) == nil {
			l.close()
		}
	}
	s.revision = set.Revision
	s.rematch()
	return true
}

// backfill gives every period that is newer than `taken` a range over what the endpoint's feeds
// have already passed of it.
func (l *lane) backfill(taken int64, cuts bus.Positions) {
	for _, it := range l.ep.Periods {
		if it.Revision <= taken {
			continue
		}
		for p, read := range l.shard.read {
			pl := l.feedOf(p)
			passed := pl.passed(read)
			from, named := it.From[p]
			if !named || !from.Same(passed) { // the period holds from the first event
				from, named = l.shard.d.partitions.Front(p, passed.Identity)
			} else if cut, ok := cuts[p]; ok && cut.Seq < from.Seq {
				from = cut
			}
			if named && from.Seq < passed.Seq {
				pl.ranges = append(pl.ranges, &catchupRange{from: from, read: from, to: &passed, base: it.Revision, doubtful: true, born: time.Now()})
			}
		}
	}
	l.shard.d.ranges.Wake()
}

// passed is up to where the endpoint's feeds will hand over nothing more by themselves.
func (pl *feedState) passed(read bus.Position) bus.Position {
	if pl.behind {
		for _, c := range pl.ranges {
			if c.to == nil {
				return c.read
			}
		}
	}
	return later(read, pl.since)
}

// renew has the lane go by what the registry says now.
func (l *lane) renew(ep *endpoint.Endpoint, cuts bus.Positions, now time.Time) {
	s := l.shard
	was := l.ep
	l.ep, l.outbound = ep, s.d.outbound(ep)
	if was.Limit() != ep.Limit() {
		l.limit = newLimiter(ep.Limit(), now)
	}
	if was.AttemptsLimit != ep.AttemptsLimit {
		l.quota.renew(ep.AttemptsLimit, now)
	}
	if was.MaxAge != ep.MaxAge {
		l.rebound()
	}
	if was.Ordered || ep.Ordered {
		l.reorder(was)
	}
	l.backfill(s.revision, cuts)
	again := was.State != ep.State && !l.blocked()
	if again || was.URL != ep.URL {
		l.cleanSlate(now)
	}
	if was.URL != ep.URL {
		l.mend(now)
	}
	switch {
	case l.blocked(), l.catchesUp():
		l.leaveLive()
	case again:
		s.d.ranges.Wake()
	}
	l.pump(now)
}

// cleanSlate forgets what the endpoint's answers had led to. An open breaker stays so until a probe
// succeeds, which is made at once.
func (l *lane) cleanSlate(now time.Time) {
	l.failing = time.Time{}
	l.hold.lift(now)
	l.breaker = l.shard.d.limits.breaker.afresh(l.breaker, now)
}

// close ends the lane of a deleted endpoint. What waits with an entry is recorded as
// cancelled; what runs is finished and recorded.
func (l *lane) close() {
	s := l.shard
	delete(s.lanes, l.ep.ID)
	s.d.lanes.Add(-1)
	l.closed = true
	l.rest()
	for id, d := range s.known {
		if d.lane != l {
			continue
		}
		delete(s.known, id)
		if d.entry.covered() {
			s.orphans = append(s.orphans, id)
		}
		if d.status == waiting || d.status == asked || d.status == ordered && d.entry != unwritten {
			s.withdrawn(d)
		}
	}
	l.line, l.jobs, l.mortals, l.finished, l.puts = line{}, nil, nil, nil, nil
	l.order, l.feeds = map[lineKey]*keyLine{}, map[bus.Partition]*feedState{}
}

// compact lets the registry forget periods that no feed needs any more.
func (a *applier) compact(ctx context.Context, set *endpoint.Set) {
	d := a.d
	for _, ep := range set.All() {
		s := d.owned.shard(delivery.ShardOf(ep.ID, d.owned.total()))
		if s == nil || len(ep.Periods) < 2 || !s.passed(ep.ID, ep.Periods[1]) {
			continue
		}
		err := d.registry.Fold(ctx, ep.ID, func(_, next endpoint.Period) bool { return s.passed(ep.ID, next) })
		if err != nil && ctx.Err() == nil && !errors.Is(err, endpoint.ErrNotFound) {
			d.trouble.Warn("membership not folded, trying again later", err, slog.String("endpoint", ep.Name))
		}
	}
}

// passed reports whether the period before this one can go: the last delta has its
// revision, and its positions and the beginning of every range of the endpoint are past its from.
func (s *shard) passed(id string, it endpoint.Period) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[id]
	if l == nil || s.durable.revision < it.Revision {
		return false
	}
	past := func(p bus.Partition, at bus.Position) bool {
		from, named := it.From[p]
		if !named || at.Same(from) {
			return !named || at.Seq >= from.Seq
		}
		_, current := s.d.partitions.Front(p, from.Identity)
		return !current // from is of an earlier incarnation, and not the place
	}
	for p := range it.From {
		if at, ok := s.durable.positions[p]; !ok || !past(p, at) {
			return false
		}
	}
	for p, f := range s.durable.feeds[id] {
		for _, r := range f.Ranges {
			if r.Base != 0 || !past(bus.Partition(p), r.From) {
				return false
			}
		}
	}
	for _, pl := range l.feeds { // a range that no delta names yet may look at the list before
		for _, c := range pl.ranges {
			if c.base != 0 {
				return false
			}
		}
	}
	return true
}
