package dispatch

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// ownTries is how often a shard is claimed while others do the same.
const ownTries = 5

// A loaded shard is what its log and journal say, held against what the bus has now.
type loaded struct {
	shard *shard
	statelog.State
	past *statelog.Past // what the journal adds
	set  *endpoint.Set
	read bus.Positions          // where the live feed goes on
	back map[bus.Partition]bool // partitions that were cut back
	gaps bus.Positions          // where it would go on, had the events there not expired
	ends bus.Positions          // of the partitions, when the places were held against them
	cuts bus.Positions          // where periods hold from that named places which were cut back
}

// own makes this process the owner of a shard: it reads the state log, claims it, and then
// reads the journal and the registry to their ends. bus.ErrSuperseded says that others claim
// the shard as fast as we do.
func (s *shard) own(ctx context.Context) error {
	for n := 1; ; n++ {
		if err := s.log.Load(ctx); err != nil {
			return fmt.Errorf("load shard %d: %w", s.id, err)
		}
		err := s.log.Claim(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, bus.ErrSuperseded) || n == ownTries {
			return fmt.Errorf("claim shard %d: %w", s.id, err)
		}
	}
	was := &loaded{shard: s, State: s.log.State().Clone(), read: bus.Positions{}, back: map[bus.Partition]bool{}, gaps: bus.Positions{}, ends: bus.Positions{}}
	if err := was.consult(ctx); err != nil {
		return fmt.Errorf("load shard %d: %w", s.id, err)
	}
	was.rebuild()
	for _, l := range s.lanes { // nobody else knows the shard yet
		for _, q := range l.lines() {
			for _, d := range q.waiting {
				s.d.observer.Waiting(*d.Entry)
			}
		}
		for d := range l.inOrder() {
			s.d.observer.Waiting(*d.Entry)
		}
	}
	for p, at := range was.gaps {
		if gap := s.expired(p, at, was.read[p]); gap > 0 {
			s.d.lost(p, gap)
		}
	}
	return nil
}

// consult reads what else there is to know: the journal and then the registry, each to its end,
// and what the partitions hold.
func (was *loaded) consult(ctx context.Context) error {
	s := was.shard
	var spans []bus.Span
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if was.past, err = statelog.ReadPast(gctx, s.d.store, s.id, &was.State, s.d.log); err == nil {
			was.set, err = s.d.registry.Refresh(gctx)
		}
		return err
	})
	group.Go(func() (err error) {
		spans, err = s.d.partitions.Spans(gctx)
		return err
	})
	err := group.Wait()
	if err == nil {
		was.cuts, err = s.d.applier.cuts(ctx, was.set, was.Revision)
	}
	if err == nil {
		err = was.reconcile(ctx, spans)
	}
	return err
}

// reconcile holds the places of what was loaded against what the bus has now. A partition
// that was recreated voids them: its first event is next. One that was cut back (a backup, a
// power cut without sync, an unclean election) moves them back to the newest place that
// still fits.
func (was *loaded) reconcile(ctx context.Context, spans []bus.Span) error {
	s := was.shard
	maps.Copy(was.read, was.Positions)
	for _, span := range spans {
		p := span.Partition
		if _, ok := was.read[p]; !ok {
			was.read[p] = s.d.partitions.Beginning(p)
		}
		f, err := s.d.partitions.Truncation(ctx, span, append(was.Places(p), was.read[p]), s.History)
		if err != nil {
			return err
		}
		was.Move(p, f.Remap)
		at := was.read[p]
		to, same := f.Remap(at)
		was.back[p] = same && to.Seq < at.Seq
		if front := f.Front; to.Seq < front.Seq {
			was.gaps[p] = to
			to = front
		}
		was.read[p], was.ends[p] = to, span.End
	}
	return nil
}
