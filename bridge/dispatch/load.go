package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// ownTries is how often a shard is claimed while others do the same.
const ownTries = 5

// A loaded shard is what its log and journal say, held against what the bus has now.
type loaded struct {
	statelog.State
	*past
	set  *endpoint.Set
	read bus.Positions          // where the live feed goes on
	back map[bus.Partition]bool // partitions that were cut back
	gaps bus.Positions          // where it would go on, had the events there not expired
	ends bus.Positions          // of the partitions, when the places were held against them
	cuts bus.Positions          // where items hold from that named places which were cut back
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
	was := &loaded{State: s.log.State().Clone(), read: bus.Positions{}, back: map[bus.Partition]bool{}, gaps: bus.Positions{}, ends: bus.Positions{}}
	if err := s.consult(ctx, was); err != nil {
		return fmt.Errorf("load shard %d: %w", s.id, err)
	}
	for _, e := range s.rebuild(was) {
		s.d.observer.Waiting(e)
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
func (s *shard) consult(ctx context.Context, was *loaded) error {
	var spans []bus.Span
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if was.past, err = s.readJournal(gctx, &was.State); err == nil {
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
		err = s.reconcile(ctx, was, spans)
	}
	return err
}

// reconcile holds the places of what was loaded against what the bus has now. A partition
// that was recreated voids them: its first event is next. One that was cut back (a backup, a
// power cut without sync, an unclean election) moves them back to the newest place that
// still fits.
func (s *shard) reconcile(ctx context.Context, was *loaded, spans []bus.Span) error {
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

// past is what the journal says about deliveries: of each the newest record.
type past struct {
	done   map[string]delivery.Attempt // by delivery id
	failed map[string]delivery.Attempt
	asked  map[string]time.Time // by endpoint: until when it asked to be left alone
	end    int64
}

// readJournal reads the records behind the state's place. A journal that was trimmed past it
// costs repeats, never a loss.
func (s *shard) readJournal(ctx context.Context, was *statelog.State) (*past, error) {
	first, last, err := s.d.store.JournalSpan(ctx, s.id)
	if err != nil {
		return nil, fmt.Errorf("find the journal's end: %w", err)
	}
	if last != bus.NoPosition && was.Journal > last { // it was made anew
		was.Journal = bus.NoPosition
	}
	if first != bus.NoPosition && was.Journal != bus.NoPosition && first > was.Journal+1 {
		s.d.log.Info("journal was trimmed, if past the shard's place some deliveries are repeated",
			slog.Int("shard", s.id), slog.Int64("place", was.Journal), slog.Int64("first", first))
	}
	p := &past{done: map[string]delivery.Attempt{}, failed: map[string]delivery.Attempt{}, asked: map[string]time.Time{}, end: max(last, was.Journal)}
	err = s.d.store.ReadJournal(ctx, s.id, was.Journal+1, func(pos int64, data []byte) error {
		p.end = max(p.end, pos)
		return delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
			p.add(was, a)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	return p, nil
}

// add takes a record in. A final record is the end of a delivery, and of its entry too when
// it is of the entry's attempt or a later one; a failed record moves the entry on.
func (p *past) add(was *statelog.State, a delivery.Attempt) {
	if a.Hold.After(p.asked[a.Endpoint]) && a.Received.UnixNano() > was.Held[a.Endpoint].Lifted {
		p.asked[a.Endpoint] = a.Hold
	}
	e, pending := was.Entries[a.Delivery]
	switch {
	case pending && a.Number < e.Number:
	case a.Outcome != "":
		p.done[a.Delivery] = a
		delete(p.failed, a.Delivery)
	case pending:
		p.failed[a.Delivery] = a
		e.Number, e.Due, e.Batch = a.Number+1, a.Next, a.Batch
		was.Entries[a.Delivery] = e
	default:
		_, done := p.done[a.Delivery]
		if !done && a.Number >= p.failed[a.Delivery].Number {
			p.failed[a.Delivery] = a
		}
	}
}

// rebuild makes the shard's memory from what was loaded and returns the pending deliveries.
func (s *shard) rebuild(was *loaded) (waiting []delivery.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.lanes, s.known, s.matches = map[string]*lane{}, map[string]*pendingDelivery{}, map[match][]*lane{}
	s.read, s.back = was.read, was.back
	s.journaled, s.loaded, s.commands = was.end, was.Journal, was.Commands
	s.durable = durable{
		revision: was.Revision, commands: was.Commands,
		positions: maps.Clone(was.Positions), feeds: maps.Clone(was.Feeds),
	}
	for _, ep := range was.set.All() {
		if delivery.ShardOf(ep.ID, s.d.owned.total()) == s.id {
			s.lanes[ep.ID] = s.reopen(ep, was, now)
		}
	}
	s.revision = was.set.Revision
	s.watching = len(was.set.All()) > 0
	if len(s.lanes) == 0 { // nothing is owed: what endpoints are registered for later gets a range
		for p, end := range was.ends {
			s.skipTo(p, end)
		}
	}
	for _, l := range s.lanes {
		if l.blocked() {
			l.leave()
		}
	}
	for _, e := range was.Entries {
		waiting = s.remember(e, was, waiting)
	}
	return s.recall(was, waiting)
}

// reopen makes the lane of an endpoint, fed as the log says; what of its list is newer than
// the log has taken up gets a range of its own.
func (s *shard) reopen(ep *endpoint.Endpoint, was *loaded, now time.Time) *lane {
	l := s.newLane(ep, now)
	for part, f := range was.Feeds[ep.ID] {
		pl := l.place(bus.Partition(part))
		pl.behind, pl.since = f.Behind, f.Since
		for _, r := range f.Ranges {
			pl.ranges = append(pl.ranges, &catchup{a: r.From, c: r.From, b: r.To, base: r.Base, doubtful: r.Base != 0})
		}
	}
	if at, ok := was.Failing[ep.ID]; ok {
		l.failing = time.Unix(0, at)
	}
	l.hold = restoreHold(was.Held[ep.ID], ep.URL, was.asked[ep.ID])
	l.backfill(was.Revision, was.cuts)
	return l
}

// remember takes an entry of the log into memory.
func (s *shard) remember(e delivery.Entry, was *loaded, waiting []delivery.Entry) []delivery.Entry {
	l := s.lanes[e.Endpoint]
	if l == nil { // the endpoint was deleted
		s.orphan(&pendingDelivery{Entry: e})
		return waiting
	}
	d := &pendingDelivery{Entry: e, lane: l, entry: written, mark: was.Journal, heapIndex: -1}
	s.known[e.ID] = d
	if _, done := was.done[e.ID]; done {
		d.status = final
		l.finished = append(l.finished, d)
		l.reaches(d.Event)
		return waiting
	}
	l.entries++
	if _, moved := was.failed[e.ID]; moved {
		l.keep(d)
	}
	l.waiting.wait(d)
	return append(waiting, d.Entry)
}

// orphan ends an entry whose endpoint is gone.
func (s *shard) orphan(d *pendingDelivery) {
	s.orphans = append(s.orphans, d.ID)
	s.rec.add(outcome{nil, d.ended(delivery.EndedCancelled)})
}

// recall takes in what the journal alone knows. It counts only for what the state would feed
// again: all else has been counted before.
func (s *shard) recall(was *loaded, waiting []delivery.Entry) []delivery.Entry {
	take := func(a delivery.Attempt) *pendingDelivery {
		l := s.lanes[a.Endpoint]
		if l == nil || s.known[a.Delivery] != nil {
			return nil
		}
		d := &pendingDelivery{
			Entry: delivery.Entry{ID: a.Delivery, Endpoint: a.Endpoint, Event: a.Event, Number: a.Number, Batch: a.Batch, Created: a.Sent},
			lane:  l, mark: was.Journal, heapIndex: -1,
		}
		if !l.fed(d, was.Positions, s.read) {
			return nil
		}
		s.known[d.ID] = d
		l.reaches(d.Event)
		return d
	}
	for _, a := range was.done {
		if d := take(a); d != nil {
			d.status = final
			d.lane.finished = append(d.lane.finished, d)
		}
	}
	for _, a := range was.failed {
		if d := take(a); d != nil {
			d.Number, d.Due = a.Number+1, a.Next
			d.lane.keep(d)
			d.lane.waiting.wait(d)
			waiting = append(waiting, d.Entry)
		}
	}
	return waiting
}

// reaches makes a reader of a blocked endpoint go up to an event that a load found done or
// failed, so that its range, and with it the journal's place, can move on.
func (l *lane) reaches(e delivery.EventRef) {
	for _, c := range l.place(e.Partition).ranges {
		if !c.a.Reaches(e.Position) && (c.b == nil || c.b.Reaches(e.Position)) && !c.until.Reaches(e.Position) {
			c.until = e.Position
		}
	}
}
