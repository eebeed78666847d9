package dispatch

import (
	"maps"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// rebuild makes the shard's memory from what was loaded.
func (was *loaded) rebuild() {
	s := was.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.lanes, s.known, s.matches = map[string]*lane{}, make(map[string]*pendingDelivery, len(was.Entries)), map[match][]*lane{}
	s.read, s.back = was.read, was.back
	s.journaled, s.loaded, s.commands = was.past.End, was.Journal, was.Commands
	s.durable = durable{
		revision: was.Revision, commands: was.Commands,
		positions: maps.Clone(was.Positions), feeds: maps.Clone(was.Feeds),
	}
	for _, ep := range was.set.All() {
		if delivery.ShardOf(ep.ID, s.d.owned.total()) == s.id {
			s.lanes[ep.ID] = was.reopen(ep, now)
		}
	}
	s.revision = was.set.Revision
	s.rematch()
	s.watching = len(was.set.All()) > 0
	if len(s.lanes) == 0 { // nothing is owed: what endpoints are registered for later gets a range
		for p, end := range was.ends {
			s.skipTo(p, end)
		}
	}
	for _, l := range s.lanes {
		if l.blocked() || l.catchesUp() {
			l.leaveLive()
		}
	}
	for _, e := range was.Entries {
		was.restoreEntry(e)
	}
	was.restoreFromJournal()
	s.lineUp()
}

// reopen makes the lane of an endpoint, fed as the log says; what of its list is newer than
// the log has taken up gets a range of its own.
func (was *loaded) reopen(ep *endpoint.Endpoint, now time.Time) *lane {
	s := was.shard
	l := s.newLane(ep, now)
	for part, f := range was.Feeds[ep.ID] {
		pl := l.feedOf(bus.Partition(part))
		pl.behind, pl.since = f.Behind, f.Since
		for _, r := range f.Ranges {
			pl.ranges = append(pl.ranges, &catchupRange{from: r.From, read: r.From, to: r.To, base: r.Base, doubtful: r.Base != 0})
		}
	}
	held := was.Held[ep.ID]
	if at, ok := was.Failing[ep.ID]; ok && held.IsOf(ep.URL) {
		l.failing = time.Unix(0, at)
	}
	was.ailing(ep)
	l.quota.restore(was.Spent[ep.ID], now)
	l.restoreJobs(was.Jobs)
	l.hold = restoreHold(was.Held[ep.ID], ep.URL, was.past.AskedAt(&was.State, ep.ID, ep.URL))
	l.breaker = restoreBreaker(was.Breakers[ep.ID], ep.URL)
	l.backfill(was.Revision, was.cuts)
	return l
}

// restoreEntry takes an entry of the log into memory.
func (was *loaded) restoreEntry(e *delivery.Entry) {
	s := was.shard
	l := s.lanes[e.Endpoint]
	if l == nil { // the endpoint was deleted
		s.orphan(&pendingDelivery{Entry: e})
		return
	}
	d := &pendingDelivery{Entry: e, own: true, shared: true, lane: l, entry: written, mark: was.Journal, heapIndex: -1}
	d.job = l.job(e.Replay)
	s.known[e.ID] = d
	if last, done := was.past.Done[e.ID]; done {
		d.status, d.delivered = final, last.Outcome == delivery.Delivered
		d.job.took(d)
		l.finished = append(l.finished, d)
		if d.Replay == "" {
			l.reaches(d.Event)
		}
		return
	}
	if d.job == nil {
		l.entries++
	}
	d.job.took(d)
	d.cancelled = e.Cancelled
	if _, moved := was.past.Failed[e.ID]; moved {
		l.keep(d)
	}
	l.wait(d)
}

// orphan ends an entry whose endpoint is gone.
func (s *shard) orphan(d *pendingDelivery) {
	s.orphans = append(s.orphans, d.ID)
	s.withdrawn(d)
}

// restoreFromJournal takes in what the journal alone knows. It counts only for what the state would feed
// again: all else has been counted before.
func (was *loaded) restoreFromJournal() {
	s := was.shard
	take := func(a delivery.Attempt) *pendingDelivery {
		l := s.lanes[a.Endpoint]
		if l == nil || s.known[a.Delivery] != nil {
			return nil
		}
		d := &pendingDelivery{
			Entry: &delivery.Entry{ID: a.Delivery, Endpoint: a.Endpoint, Event: a.Event, Number: a.Number, Batch: a.Batch, Created: a.Sent, Life: a.Life, Key: a.Key, Replay: a.Replay},
			own:   true,
			lane:  l, job: l.job(a.Replay), mark: was.Journal, heapIndex: -1,
		}
		if !l.fed(d, was.Positions, s.read) {
			return nil
		}
		s.known[d.ID] = d
		if d.Replay == "" {
			l.reaches(d.Event)
		}
		return d
	}
	for _, a := range was.past.Done {
		if d := take(a); d != nil {
			d.status, d.delivered = final, a.Outcome == delivery.Delivered
			d.job.took(d)
			d.lane.finished = append(d.lane.finished, d)
		}
	}
	for _, a := range was.past.Failed {
		if d := take(a); d != nil {
			d.Number, d.Due = a.Number+1, a.Next
			d.job.took(d)
			d.lane.keep(d)
			d.lane.wait(d)
		}
	}
}

// reaches makes a reader of a blocked endpoint go up to an event that a load found done or
// failed, so that its range, and with it the journal's place, can move on.
func (l *lane) reaches(e delivery.EventRef) {
	for _, c := range l.feedOf(e.Partition).ranges {
		if !c.from.Reaches(e.Position) && (c.to == nil || c.to.Reaches(e.Position)) && !c.until.Reaches(e.Position) {
			c.until = e.Position
		}
	}
}
