package dispatch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// A step is one delta on its way, with the deliveries that it puts.
type step struct {
	record *statelog.Record
	flying []*pendingDelivery
}

// A stateWriter brings a shard's state log up to what its memory says. The shard's own goroutine
// alone uses it.
type stateWriter struct {
	*shard
	sending *step // a delta whose fate is not known yet; no other is written before it
}

// step writes one delta, when something has changed, and brings a snapshot forward. One
// write is on its way at a time.
func (w *stateWriter) step(ctx context.Context) error {
	if err := w.send(ctx); err != nil { // the one before, if its fate is still open
		return err
	}
	w.sending = w.next(false)
	if err := w.send(ctx); err != nil {
		return err
	}
	w.survey()
	return w.log.Step(ctx)
}

// handOver writes the shard's last delta. It says that the shard is handed over when nothing
// runs and everything is journaled.
func (w *stateWriter) handOver(writing context.Context) error {
	ctx, cancel := context.WithTimeout(writing, w.d.conf.StopWrite)
	defer cancel()
	if err := w.send(ctx); err != nil {
		return err
	}
	w.sending = w.next(w.rec.idle())
	return w.send(ctx)
}

// send writes the delta on its way, if there is one, until it is in the log.
func (w *stateWriter) send(ctx context.Context) error {
	if w.sending == nil {
		return nil
	}
	if err := w.d.synced(ctx); err != nil { // a power cut must not spare the delta and take what it counts
		return err
	}
	if err := w.log.Write(ctx, w.sending.record); err != nil {
		return err
	}
	w.landed(w.sending)
	w.sending = nil
	return nil
}

// synced waits for a sync that begins now; it tries until ctx ends.
func (d *Dispatcher) synced(ctx context.Context) error {
	for {
		err := d.store.Sync(ctx)
		if err == nil {
			return nil
		}
		if !pause(ctx, recordRetry) {
			return fmt.Errorf("sync before a delta: %w", err)
		}
	}
}

// next makes the next step of the state log from memory at one instant; nil when nothing
// has changed.
func (w *stateWriter) next(handOver bool) *step {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.log.State()
	r := &statelog.Record{Revision: w.revision, Commands: w.commands, HandOver: handOver}
	dt := delta{w.shard, r, was}
	flying := dt.puts()
	dt.advance()
	dt.feeds()
	dt.forget()
	dt.failing()
	dt.held()
	dt.spent()
	dt.broken()
	dt.jobs()
	r.Remove = append(r.Remove, w.orphans...)
	w.orphans = nil
	if len(r.Put)+len(r.Remove)+len(r.Positions)+len(r.Feeds)+len(r.Failing)+len(r.Held)+len(r.Spent)+len(r.Breakers)+len(r.Jobs) == 0 &&
		r.Revision == was.Revision && r.Journal == was.Journal && r.Commands == was.Commands && r.HandOver == was.HandOver {
		return nil
	}
	return &step{r, flying}
}

// A delta is a record in the making: what the memory of a shard says and its state log does not.
type delta struct {
	*shard
	r   *statelog.Record
	was *statelog.State
}

// puts collects an entry for every failed attempt and for every attempt that was already
// running at the delta before.
func (dt *delta) puts() (flying []*pendingDelivery) {
	before := dt.deltaAt
	dt.deltaAt = time.Now()
	for _, l := range dt.lanes {
		for d := range l.running {
			if !d.entry.covered() && !d.began.After(before) {
				l.keep(d)
			}
		}
		for _, d := range l.puts {
			if !d.entry.due() { // it has ended
				continue
			}
			d.entry = sent
			flying = append(flying, d)
			e := d.Entry
			if d.own && !d.cancelled {
				d.shared = true
			} else { // an attempt that runs reads what the delivery has
				own := *e
				own.Event, own.Cancelled = own.Event.Compact(), d.cancelled
				e = &own
			}
			dt.r.Put = append(dt.r.Put, e)
		}
		l.puts = l.puts[:0]
	}
	return flying
}

// advance moves the positions of the live feed, and the beginning of every range, over what is
// settled. Neither ever moves back.
func (dt *delta) advance() {
	dt.r.Positions = bus.Positions{}
	for _, l := range dt.lanes {
		for _, j := range l.jobs {
			j.advance()
		}
	}
	for p, read := range dt.read {
		at := read
		for _, l := range dt.lanes {
			pl := l.feeds[p]
			if pl == nil {
				continue
			}
			for pl.out.len() > 0 && pl.out.front().settled() {
				pl.out.pop()
			}
			if pl.out.len() > 0 && pl.out.front().before.Seq < at.Seq {
				at = pl.out.front().before
			}
			pl.advance()
		}
		old, had := dt.was.Positions[p]
		if had && old.Same(at) && old.Seq >= at.Seq && !dt.back[p] {
			at = old
		}
		if at != old {
			dt.r.Positions[p] = at
		}
		delete(dt.back, p)
		for _, l := range dt.lanes {
			if pl := l.feeds[p]; pl != nil && pl.since != nil && at.Reaches(*pl.since) {
				pl.since = nil
			}
		}
	}
}

// advance moves the ranges of a place; a range that has reached its end is gone.
func (pl *feedState) advance() {
	pl.ranges = slices.DeleteFunc(pl.ranges, func(c *catchupRange) bool { return c.advance() })
}

// advance moves the beginning of a range over what is settled; true when nothing is left of it.
func (c *catchupRange) advance() (over bool) {
	for c.out.len() > 0 && c.out.front().settled() {
		c.out.pop()
	}
	at := c.read
	if c.out.len() > 0 {
		at = c.out.front().before
	}
	if at.Seq > c.from.Seq {
		c.from = at
	}
	return !c.busy && c.to != nil && c.out.len() == 0 && c.done()
}

// durable is its form in the state log.
func (pl *feedState) durable() statelog.Feed {
	f := statelog.Feed{Behind: pl.behind, Since: pl.since}
	for _, c := range pl.ranges {
		f.Ranges = append(f.Ranges, statelog.Range{From: c.from, To: c.to, Base: c.base})
	}
	return f
}

// feeds names every place that is fed otherwise than the log says.
func (dt *delta) feeds() {
	dt.r.Feeds = map[string]map[string]statelog.Feed{}
	name := func(ep, p string, f statelog.Feed) {
		if dt.r.Feeds[ep] == nil {
			dt.r.Feeds[ep] = map[string]statelog.Feed{}
		}
		dt.r.Feeds[ep][p] = f
	}
	for id, l := range dt.lanes {
		for p, pl := range l.feeds {
			if f := pl.durable(); !f.Equal(dt.was.Feeds[id][string(p)]) {
				name(id, string(p), f)
			}
		}
	}
	for id, parts := range dt.was.Feeds {
		if dt.lanes[id] != nil {
			continue
		}
		for p := range parts { // the endpoint was deleted
			name(id, p, statelog.Feed{})
		}
	}
}

// forget lets go of what is finished and would not be fed again, and says from where on a
// successor must read the journal: for what runs, and for what is finished but would still
// be fed.
func (dt *delta) forget() {
	dt.r.Journal = dt.journaled
	hold := func(d *pendingDelivery) {
		if d.mark < dt.r.Journal {
			dt.r.Journal = d.mark
		}
	}
	positions := maps.Clone(dt.log.State().Positions)
	maps.Copy(positions, dt.r.Positions)
	for _, l := range dt.lanes {
		for d := range l.running {
			hold(d)
		}
		kept := l.finished[:0]
		for _, d := range l.finished {
			if d.status != final { // a command has brought it back
				continue
			}
			if d.entry == written {
				dt.r.Remove = append(dt.r.Remove, d.ID)
				d.entry = unwritten
			}
			if l.fed(d, positions, dt.read) {
				hold(d)
				kept = append(kept, d)
			} else {
				delete(dt.known, d.ID)
				d.job.count(d)
			}
		}
		clear(l.finished[len(kept):])
		l.finished = kept
	}
	dt.r.Journal = max(dt.r.Journal, dt.loaded)
	dt.loaded = dt.r.Journal
}

// fed reports whether a successor that begins from these positions would be fed the delivery. What
// is replayed is fed by its replay alone.
func (l *lane) fed(d *pendingDelivery, positions, read bus.Positions) bool {
	if d.Replay != "" {
		return d.job.wouldFeed(&d.Event)
	}
	at := d.Event.Position
	if now, ok := read[d.Event.Partition]; ok && !now.Same(at) {
		return false // its partition was recreated
	}
	pl := l.feeds[d.Event.Partition]
	if pl == nil {
		return !positions[d.Event.Partition].Reaches(at)
	}
	return pl.wouldFeed(positions[d.Event.Partition], at)
}

// wouldFeed reports whether the endpoint would be fed the event at a place, with the shard's
// positions as given.
func (pl *feedState) wouldFeed(positions, at bus.Position) bool {
	if !pl.behind && !positions.Reaches(at) && (pl.since == nil || !pl.since.Reaches(at)) {
		return true
	}
	for _, c := range pl.ranges {
		if !c.from.Reaches(at) && (c.to == nil || c.to.Reaches(at)) {
			return true
		}
	}
	return false
}

// failing names the endpoints that began or ceased to do nothing but fail.
func (dt *delta) failing() {
	dt.r.Failing = map[string]int64{}
	for id, l := range dt.lanes {
		since := int64(0)
		if !l.failing.IsZero() {
			since = l.failing.UnixNano()
		}
		if since != dt.was.Failing[id] {
			dt.r.Failing[id] = since
		}
	}
	for id := range dt.was.Failing {
		if dt.lanes[id] == nil {
			dt.r.Failing[id] = 0
		}
	}
}

// held names the endpoints that began or ceased to be held, and where those that fail are.
func (dt *delta) held() {
	dt.r.Held = map[string]statelog.Hold{}
	now := time.Now()
	for id, l := range dt.lanes {
		h := l.hold.durable(l.ep.URL, now)
		if !l.failing.IsZero() {
			h.At = statelog.HashOf(l.ep.URL)
		}
		if h != dt.was.Held[id] {
			dt.r.Held[id] = h
		}
	}
	for id := range dt.was.Held {
		if dt.lanes[id] == nil {
			dt.r.Held[id] = statelog.Hold{}
		}
	}
}

// spent names what endpoints have used up of their limits, and what they may use next.
func (dt *delta) spent() {
	dt.r.Spent = map[string]statelog.Spent{}
	now := time.Now()
	for id, l := range dt.lanes {
		if l.quota.none() {
			continue
		}
		if s, changed := l.quota.durable(now, dt.closed); changed {
			dt.r.Spent[id] = s
		}
	}
	for id := range dt.was.Spent {
		if l := dt.lanes[id]; l == nil || l.quota.none() {
			dt.r.Spent[id] = statelog.Spent{}
		}
	}
}

// landed takes in that a delta is in the log.
func (w *stateWriter) landed(made *step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobsLanded(made.record.Jobs)
	now := time.Now()
	st := w.log.State()
	w.durable.revision, w.durable.commands = st.Revision, st.Commands
	w.durable.positions, w.durable.feeds = maps.Clone(st.Positions), maps.Clone(st.Feeds)
	for _, d := range made.flying {
		d.entry = d.entry.land() // and if it ended meanwhile, the next delta removes it
		if d.status == asked && d.entry == written {
			if d.lane.resume(d); d.status == waiting {
				d.lane.urge(d, now)
			}
			d.lane.pump(now)
		}
	}
	for _, l := range w.lanes {
		if l.quota.flying {
			l.quota.landed()
			l.pump(now)
		}
	}
}
