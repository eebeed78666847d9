package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// ErrNothing: no process of the installation has ever run on the bus.
var ErrNothing = errors.New("the bus holds nothing of this installation: give the settings of its servers (HOOKSPAN_BUS, HOOKSPAN_NAMESPACE, HOOKSPAN_DATA_DIR)")

// shardsAtOnce is how many logs are read side by side.
const shardsAtOnce = 8

// A ledger says of every event to whom it is owed, as a successor of all shards would conclude.
type ledger struct {
	shards  []shard
	set     *endpoint.Set
	starts  *endpoint.Starts
	telling delivery.Telling
	entries map[place][]delivery.Entry // those of events that were not met yet
	matches map[match][]*endpoint.Endpoint
}

// A shard is what its logs say.
type shard struct {
	statelog.State
	past *statelog.Past
}

type place struct {
	partition bus.Partition
	seq       int64
}

// match is what the patterns of periods look at.
type match struct{ topic, typ string }

const matchesKept = 10_000

// readLedger reads the logs in the order of a takeover: states and journals, then the registry,
// then what the partitions hold. Whatever happens meanwhile is owed once too often, at the worst.
func readLedger(ctx context.Context, s *Source, r *endpoint.Registry) (*ledger, []bus.Span, error) {
	count, err := r.RecordedShards(ctx)
	switch {
	case err != nil:
		return nil, nil, err
	case count == 0:
		return nil, nil, cmp.Or(r.Finished(ctx), ErrNothing)
	}
	l := &ledger{
		shards: make([]shard, count), telling: delivery.Telling{Dead: s.Layout.Namespace + ".dead", Ops: s.Layout.Namespace + ".ops"},
		entries: map[place][]delivery.Entry{}, matches: map[match][]*endpoint.Endpoint{},
	}
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(shardsAtOnce)
	for id := range l.shards {
		group.Go(func() error { return l.shards[id].read(reading, s, id) })
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	if _, err := r.Refresh(ctx); err != nil {
		return nil, nil, fmt.Errorf("read the endpoints: %w", err)
	}
	if err := l.readStarts(ctx, s, r); err != nil {
		return nil, nil, err
	}
	l.set = r.Set() // of the last reading, to ask for the starts was one: the records are of the same
	spans, err := s.Store.Kept().Spans(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list the partitions: %w", err)
	}
	for _, span := range spans {
		if span.Away {
			return nil, nil, fmt.Errorf("%s: %w", span.Partition, bus.ErrAway)
		}
	}
	if err := l.reconcile(ctx, s, spans); err != nil {
		return nil, nil, err
	}
	l.indexEntries()
	return l, spans, l.obey(ctx, s)
}

func (sh *shard) read(ctx context.Context, s *Source, id int) error {
	log := statelog.New(s.Store, id, s.Log, statelog.Sizes{})
	if err := log.Load(ctx); err != nil {
		return fmt.Errorf("read shard %d: %w", id, err)
	}
	sh.State = log.State().Clone()
	var err error
	if sh.past, err = statelog.ReadPast(ctx, s.Store, id, &sh.State, s.Log); err != nil {
		return fmt.Errorf("read shard %d: %w", id, err)
	}
	return nil
}

// readStarts takes the followed patterns as the installation has recorded them, and records none.
func (l *ledger) readStarts(ctx context.Context, s *Source, r *endpoint.Registry) (err error) {
	known := map[string]bool{}
	for _, p := range r.Followed() {
		known[p] = true
	}
	for _, p := range s.Topics {
		if !known[p] {
			return fmt.Errorf("no process of this installation follows the topics %s: give the settings of its servers (HOOKSPAN_TOPICS)", p)
		}
	}
	l.starts, err = r.Starts(ctx, s.Topics)
	return err
}

// reconcile holds the places of the shards against what the partitions hold, as a takeover does.
func (l *ledger) reconcile(ctx context.Context, s *Source, spans []bus.Span) error {
	followed, err := s.Store.Spans(ctx)
	if err != nil {
		return fmt.Errorf("list the followed partitions: %w", err)
	}
	live := map[bus.Partition]bool{}
	for _, span := range followed {
		live[span.Partition] = true
	}
	partitions, origin := feed.NewPartitions(s.Store, s.Log), l.starts.Positions()
	for _, span := range spans {
		if !live[span.Partition] {
			continue
		}
		front := bus.Position{Identity: span.Identity, Seq: span.First - 1}
		begin, ok := origin[span.Partition]
		if !ok || begin.Identity != span.Identity {
			begin = front
		}
		for id := range l.shards {
			sh := &l.shards[id]
			if _, ok := sh.Positions[span.Partition]; !ok {
				sh.Positions[span.Partition] = begin
			}
			t, err := partitions.Truncation(ctx, span, sh.Places(span.Partition), func(ctx context.Context) ([]bus.Positions, error) {
				return statelog.History(ctx, s.Store, id)
			})
			if err != nil {
				return err
			}
			sh.Move(span.Partition, t.Remap)
		}
	}
	return nil
}

func (l *ledger) shardOf(ep string) *shard { return &l.shards[delivery.ShardOf(ep, len(l.shards))] }

// indexEntries notes the pending deliveries of endpoints that there are by the places of their
// events.
func (l *ledger) indexEntries() {
	for id := range l.shards {
		sh := &l.shards[id]
		for _, e := range sh.Entries {
			if _, done := sh.past.Done[e.ID]; !done && l.set.ByID(e.Endpoint) != nil {
				at := place{e.Event.Partition, e.Event.Seq}
				l.entries[at] = append(l.entries[at], *e)
			}
		}
	}
}

// obey takes in the commands that no shard has acted on.
func (l *ledger) obey(ctx context.Context, s *Source) error {
	var all []bus.Record
	chain := bus.NewChain(s.Store, bus.LogName{Kind: bus.Commands})
	err := chain.ReadAll(ctx, func() { all = nil }, func(r bus.Record) error { all = append(all, r); return nil })
	if err != nil {
		return err
	}
	for _, r := range all {
		c, err := delivery.DecodeCommand(r.Data)
		if err != nil {
			return fmt.Errorf("record %d: %w", r.Pos, err)
		}
		if r.Pos > l.shardOf(c.Entry.Endpoint).Commands && c.Kind == delivery.RetryNow && l.set.ByID(c.Entry.Endpoint) != nil {
			l.retry(c.Entry)
		}
	}
	return nil
}

// retry makes a delivery due that is pending or has ended.
func (l *ledger) retry(e delivery.Entry) {
	at := place{e.Event.Partition, e.Event.Seq}
	for i := range l.entries[at] {
		if have := &l.entries[at][i]; have.ID == e.ID {
			have.Due = time.Time{}
			return
		}
	}
	e.Due = time.Time{}
	l.entries[at] = append(l.entries[at], e)
}

// owed lists those to whom the event of a message is owed. Each message is asked about once.
func (l *ledger) owed(m *bus.Message) []owed {
	var list []owed
	at := place{m.Partition, m.Position.Seq}
	pending := map[string]bool{}
	for _, e := range l.entries[at] {
		if e.Event.Identity != m.Position.Identity || e.Event.Mark != 0 && e.Event.Mark != m.Position.Mark {
			continue // another event is there now
		}
		list = append(list, owed{Endpoint: e.Endpoint, Number: max(e.Number, 1), Due: e.Due, Batch: e.Batch, Created: e.Created, Asked: e.Asked})
		pending[e.Endpoint] = true
	}
	if len(list) > 0 {
		delete(l.entries, at)
	}
	if !l.starts.Takes(m.Partition, m.Position, m.Topic) {
		return list
	}
	ref := delivery.RefOf(m)
	for _, ep := range l.matching(m) {
		sh := l.shardOf(ep.ID)
		if pending[ep.ID] || !sh.feeds(ep, m) || l.telling.About(m) == ep.Name {
			continue
		}
		id := delivery.ID(ep.ID, &ref)
		if _, done := sh.past.Done[id]; done {
			continue
		}
		to := owed{Endpoint: ep.ID}
		if f, failed := sh.past.Failed[id]; failed {
			to = owed{Endpoint: ep.ID, Number: f.Number + 1, Due: f.Next, Batch: f.Batch, Created: f.Sent}
		}
		list = append(list, to)
	}
	return list
}

// matching are the endpoints that take such events by any period of their lists.
func (l *ledger) matching(m *bus.Message) []*endpoint.Endpoint {
	key := match{m.Topic, m.Event.Type}
	found, ok := l.matches[key]
	if ok {
		return found
	}
	for _, ep := range l.set.All() {
		if ep.MayTake(m) {
			found = append(found, ep)
		}
	}
	if len(l.matches) >= matchesKept {
		clear(l.matches)
	}
	l.matches[key] = found
	return found
}

// feeds reports whether the shard would still feed an event to an endpoint: live, by a range, or
// because of a period that it has not taken up.
func (sh *shard) feeds(ep *endpoint.Endpoint, m *bus.Message) bool {
	p, at := m.Partition, m.Position
	if !ep.Takes(m) {
		return false
	}
	f := sh.Feeds[ep.ID][string(p)]
	if !f.Behind && !sh.Positions[p].Reaches(at) && (f.Since == nil || !f.Since.Reaches(at)) {
		return true
	}
	before := func(revision int64) bool { return ep.TakesBy(revision-1, m) }
	for _, r := range f.Ranges {
		if !r.From.Reaches(at) && (r.To == nil || r.To.Reaches(at)) && (r.Base == 0 || !before(r.Base)) {
			return true
		}
	}
	for _, it := range ep.Periods {
		from, named := it.From[p]
		if it.Revision > sh.Revision && !(named && from.Reaches(at)) && !before(it.Revision) {
			return true
		}
	}
	return false
}

// lowest is the place in front of the oldest event of a partition that is owed to anybody.
func (l *ledger) lowest(span bus.Span) bus.Position {
	low := span.End
	lower := func(at bus.Position) {
		if at.Same(low) && at.Seq < low.Seq {
			low = bus.Position{Identity: at.Identity, Seq: at.Seq}
		}
	}
	nobody := func(string) bool { return false }
	seen := map[*shard]bool{}
	for _, ep := range l.set.All() {
		sh := l.shardOf(ep.ID)
		if !seen[sh] {
			seen[sh] = true
			if at, ok := sh.Needs(nobody)[span.Partition]; ok {
				lower(at)
			}
		}
		for _, it := range ep.Periods {
			if from, named := it.From[span.Partition]; it.Revision > sh.Revision && named {
				lower(from)
			} else if it.Revision > sh.Revision {
				lower(bus.Position{Identity: span.Identity, Seq: span.First - 1})
			}
		}
	}
	for at := range l.entries { // of commands, too
		if at.partition == span.Partition {
			lower(bus.Position{Identity: span.Identity, Seq: at.seq - 1})
		}
	}
	return bus.Position{Identity: low.Identity, Seq: max(low.Seq, span.First-1)}
}

// gone is how many deliveries were pending whose events were not met.
func (l *ledger) gone() (n int) {
	for _, list := range l.entries {
		n += len(list)
	}
	return n
}
