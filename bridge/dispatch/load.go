package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// own makes this process the owner of a shard: it reads the state log, claims it, and then
// reads the journal and the registry to their ends. bus.ErrSuperseded says that others claim
// the shard as fast as we do.
func (s *shard) own(ctx context.Context) error {
	const tries = 5
	for n := 1; ; n++ {
		if err := s.log.load(ctx); err != nil {
			return fmt.Errorf("load shard %d: %w", s.id, err)
		}
		err := s.log.claim(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, bus.ErrSuperseded) || n == tries {
			return fmt.Errorf("claim shard %d: %w", s.id, err)
		}
	}
	past, err := s.readJournal(ctx)
	if err != nil {
		return fmt.Errorf("load shard %d: %w", s.id, err)
	}
	set, err := s.d.registry.Refresh(ctx)
	if err != nil {
		return fmt.Errorf("load shard %d: %w", s.id, err)
	}
	if err := s.d.reconcile(ctx, &s.log.state, s.log.history); err != nil {
		return fmt.Errorf("load shard %d: %w", s.id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rebuild(past, set)
	return nil
}

// past is what the journal says about deliveries: of each the newest record.
type past struct {
	done   map[string]Attempt // by delivery id
	failed map[string]Attempt
	end    int64
}

// readJournal reads the records behind the state's place. A journal that was trimmed past it
// costs repeats, never a loss.
func (s *shard) readJournal(ctx context.Context) (*past, error) {
	was := &s.log.state
	first, last, err := s.d.store.JournalSpan(ctx, s.id)
	if err != nil {
		return nil, fmt.Errorf("find the journal's end: %w", err)
	}
	if was.journal > last { // it was made anew
		was.journal = bus.NoPosition
	}
	if first != bus.NoPosition && was.journal != bus.NoPosition && first > was.journal+1 {
		s.d.log.Info("journal was trimmed past the shard's place, some deliveries may be repeated",
			slog.Int("shard", s.id), slog.Int64("place", was.journal), slog.Int64("first", first))
	}
	p := &past{done: map[string]Attempt{}, failed: map[string]Attempt{}, end: max(last, was.journal)}
	err = s.d.store.ReadJournal(ctx, s.id, was.journal+1, func(pos int64, data []byte) error {
		p.end = max(p.end, pos)
		return DecodeAttempts(data, func(a Attempt) error {
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
func (p *past) add(was *state, a Attempt) {
	e, pending := was.entries[a.Delivery]
	switch {
	case pending && a.Number < e.Number:
	case a.Outcome != "":
		p.done[a.Delivery] = a
		delete(p.failed, a.Delivery)
	case pending:
		p.failed[a.Delivery] = a
		e.Number, e.Due, e.Batch = a.Number+1, a.Next, a.Batch
		was.entries[a.Delivery] = e
	default:
		if _, done := p.done[a.Delivery]; !done {
			p.failed[a.Delivery] = a
		}
	}
}

// rebuild makes the shard's memory from what was read.
func (s *shard) rebuild(p *past, set *endpoint.Set) {
	was, now := &s.log.state, time.Now()
	s.lanes, s.known, s.matches = map[string]*lane{}, map[string]*delivery{}, map[match][]*lane{}
	s.read, s.journaled, s.commands = bus.Positions{}, p.end, was.commands
	for part, at := range was.positions {
		s.read[part] = at
	}
	for part, at := range s.d.origin { // where following begins without a position
		if _, ok := s.read[part]; !ok {
			s.read[part] = at
		}
	}
	for _, ep := range set.All() {
		if ShardOf(ep.ID, s.d.count) == s.id {
			s.lanes[ep.ID] = s.reopen(ep, was, now)
		}
	}
	s.revision = set.Revision
	for _, l := range s.lanes {
		if l.blocked() {
			l.leave()
		}
	}
	for id, e := range was.entries {
		s.remember(id, e, p)
	}
	s.recall(p)
}

// reopen makes the lane of an endpoint, fed as the log says; what of its list is newer than
// the log has taken up gets a range of its own.
func (s *shard) reopen(ep *endpoint.Endpoint, was *state, now time.Time) *lane {
	l := s.newLane(ep, now)
	for part, f := range was.feeds[ep.ID] {
		pl := l.place(bus.Partition(part))
		pl.behind, pl.since = f.Behind, f.Since
		for _, r := range f.Ranges {
			pl.ranges = append(pl.ranges, &catchup{a: r.A, c: r.A, b: r.B, base: r.Base})
		}
	}
	if at, ok := was.failing[ep.ID]; ok {
		l.failing = time.Unix(0, at)
	}
	l.takeLate(was.revision)
	return l
}

// takeLate gives every item that is newer than `taken` a range over what the endpoint's feeds
// have already passed of it.
func (l *lane) takeLate(taken int64) {
	for _, it := range l.ep.Items {
		if it.Revision <= taken {
			continue
		}
		for p, read := range l.shard.read {
			pl := l.place(p)
			passed := later(read, pl.since)
			if pl.behind {
				for _, c := range pl.ranges {
					if c.b == nil {
						passed = c.c
					}
				}
			}
			from, named := it.From[p]
			if !named || !from.Same(passed) {
				from = bus.Position{Identity: passed.Identity, Seq: l.shard.d.before(p)}
			}
			if from.Seq < passed.Seq {
				end := passed
				pl.ranges = append(pl.ranges, &catchup{a: from, c: from, b: &end, base: it.Revision})
			}
		}
	}
	l.shard.d.passes.hungry()
}

// remember takes an entry of the log into memory.
func (s *shard) remember(id string, e Entry, p *past) {
	l := s.lanes[e.Endpoint]
	if l == nil { // the endpoint was deleted
		s.orphans = append(s.orphans, id)
		return
	}
	d := &delivery{Entry: e, lane: l, saved: true, mark: s.log.state.journal, heapIndex: -1}
	s.known[id] = d
	if _, done := p.done[id]; done {
		d.status = final
		l.finished = append(l.finished, d)
		l.reaches(d.Event)
		return
	}
	l.entries++
	if _, moved := p.failed[id]; moved {
		l.keep(d)
	}
	l.waiting.wait(d)
	s.d.observer.Waiting(d.Entry)
}

// recall takes in what the journal alone knows. It counts only for what the state would feed
// again: all else has been counted before.
func (s *shard) recall(p *past) {
	positions := s.log.state.positions
	take := func(a Attempt) *delivery {
		l := s.lanes[a.Endpoint]
		if l == nil || s.known[a.Delivery] != nil {
			return nil
		}
		d := &delivery{
			Entry: Entry{ID: a.Delivery, Endpoint: a.Endpoint, Event: a.Event, Number: a.Number, Batch: a.Batch, Created: a.Sent},
			lane:  l, mark: s.log.state.journal, heapIndex: -1,
		}
		if !l.fed(d, positions, s.read) {
			return nil
		}
		s.known[d.ID] = d
		l.reaches(d.Event)
		return d
	}
	for _, a := range p.done {
		if d := take(a); d != nil {
			d.status = final
			d.lane.finished = append(d.lane.finished, d)
		}
	}
	for _, a := range p.failed {
		if d := take(a); d != nil {
			d.Number, d.Due = a.Number+1, a.Next
			d.lane.keep(d)
			d.lane.waiting.wait(d)
			s.d.observer.Waiting(d.Entry)
		}
	}
}

// reaches makes a reader of a blocked endpoint go up to an event that a load found done or
// failed, so that its range, and with it the journal's place, can move on.
func (l *lane) reaches(e EventRef) {
	for _, c := range l.place(e.Partition).ranges {
		if !c.a.Includes(e.Position) && (c.b == nil || c.b.Includes(e.Position)) && e.Seq > c.until.Seq {
			c.until = e.Position
		}
	}
}
