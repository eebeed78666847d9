package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/transform"
)

const (
	laneAge  = 5 * time.Second // that the oldest event may have waited before its endpoint falls behind
	laneLeft = 64 << 10        // bytes that a lane may hold however many there are
)

// A lane is all that waits for one endpoint on its shard. Its shard's mutex guards it.
type lane struct {
	ep    *endpoint.Endpoint
	shard *shard
	feeds map[bus.Partition]*feedState

	line            // what topics have brought
	jobs     []*job // replays, the oldest first
	order    map[lineKey]*keyLine
	mortals  mortals
	running  map[*pendingDelivery]struct{}
	posts    int // attempts whose response is awaited
	replays  int // of them, those of replays
	puts     []*pendingDelivery
	finished []*pendingDelivery // final, and not yet counted by a delta
	entries  int                // of what topics have brought

	outbound *outbound // how a request to the endpoint is made
	whole    ration
	limit    limiter
	quota    quota
	toll     toll
	turn     *transform.Turn
	hold     hold
	breaker  breaker
	urgent   *pendingDelivery // while the breaker is not closed: an operator wants it to be the next probe
	probes   int              // that were chosen, by turns of what was tried before and what was not
	failing  time.Time        // nothing but failure since
	left     time.Time        // when it left the live feed last
	disabled int64            // no attempt before the registry's record of this revision is taken up
	closed   bool             // the endpoint was deleted
	timer    *time.Timer
	watcher  *time.Timer // of the mortals
	watched  time.Time   // when it fires next; zero: not at all
}

// A feedState is how the endpoint is fed from one partition.
type feedState struct {
	behind bool          // not live: an open range feeds it
	since  *bus.Position // live only after it
	out    fifo[handed]  // handed over by the live feed, from the oldest that is not settled
	ranges []*catchupRange
}

func (l *lane) feedOf(p bus.Partition) *feedState {
	pl := l.feeds[p]
	if pl == nil {
		pl = &feedState{}
		l.feeds[p] = pl
	}
	return pl
}

// blocked: no attempt may begin, whatever waits.
func (l *lane) blocked() bool { return blocked(l.ep) }

func blocked(ep *endpoint.Endpoint) bool { return ep.State != endpoint.Enabled }

// full: the endpoint must not be fed more.
func (l *lane) full() bool {
	limits := &l.shard.d.limits
	return l.fresh >= limits.laneEvents || l.bytes >= l.shard.d.laneBytes() || l.laden() || l.fresh > 0 && !l.breaker.closed()
}

// laden: so many deliveries wait that what follows is left in the topics. A lane may have more
// than its share as long as others leave room.
func (l *lane) laden() bool {
	d := l.shard.d
	return l.entries >= d.limits.laneEntries || l.entries >= d.laneEntries() && d.owned.entries() >= d.limits.entries
}

// hungry: the lane would take events of the range now.
func (l *lane) hungry(c *catchupRange) bool {
	limits := &l.shard.d.limits
	switch {
	case l.shard.closed:
		return false
	case l.blocked():
		return c.until.Same(c.read) && c.until.Seq > c.read.Seq && l.entries < limits.laneEntries
	}
	return !l.full() && l.fresh <= limits.laneEvents/2 && l.bytes <= l.shard.d.laneBytes()/2
}

// laneBytes is a lane's share of the memory for events.
func (d *Dispatcher) laneBytes() int {
	share := d.limits.memory / int(max(d.lanes.Load(), 1))
	return min(max(share, laneLeft), d.limits.laneBytes)
}

// laneEntries is a lane's share of the deliveries that may wait.
func (d *Dispatcher) laneEntries() int {
	return max(d.limits.entries/int(max(d.lanes.Load(), 1)), d.limits.leastShare)
}

// entries is how many deliveries waited in all lanes at the last look of their shards.
func (o *ownedShards) entries() (n int) {
	for _, s := range o.all() {
		n += int(s.entries.Load())
	}
	return n
}

// pump begins every attempt that may begin now and sets the timer for the next one.
func (l *lane) pump(now time.Time) {
	if l.shard.closed || l.closed {
		return
	}
	l.expire(now)
	if l.disabled > l.ep.Revision || l.blocked() {
		return
	}
	for l.posts < l.width() && l.quota.open() && l.shard.mayBegin() {
		if at := l.opens(); at.After(now) {
			l.wake(at.Sub(now))
			return
		}
		group, at := l.next(now)
		if group == nil {
			if !at.IsZero() {
				l.wake(at.Sub(now))
			}
			return
		}
		l.limit.take(now)
		l.quota.take(now)
		l.begin(group)
	}
}

// width is how many attempts may run at once. A probe is made beside what began before the
// breaker opened.
func (l *lane) width() int {
	switch {
	case l.breaker.state == delivery.BreakerHalfOpen:
		return 0
	case l.hold.pause > 0 && l.breaker.closed():
		return 1
	}
	return l.ep.Concurrency
}

// opens is when the limits, the endpoint's own wish and its breaker allow the next attempt.
func (l *lane) opens() time.Time {
	at := l.allowed(0)
	if l.breaker.state == delivery.BreakerOpen && l.breaker.next.After(at) {
		at = l.breaker.next
	}
	return at
}

// allowed is opens but for the breaker, behind so many others.
func (l *lane) allowed(before int) time.Time {
	at := l.limit.ready()
	if l.hold.until.After(at) {
		at = l.hold.until
	}
	at = at.Add(time.Duration(before) * l.limit.interval)
	if room := l.quota.ready(before); room.After(at) {
		at = room
	}
	return at
}

// reserve takes the next place under the endpoint's limits for a request that is sent a second
// time within its attempt; false when there is none before end.
func (l *lane) reserve(end time.Time) (wait time.Duration, ok bool) {
	l.shard.mu.Lock()
	defer l.shard.mu.Unlock()
	now := time.Now()
	at := l.allowed(0)
	if at.Before(now) {
		at = now
	}
	if l.closed || !at.Before(end) || !l.quota.open() {
		return 0, false
	}
	l.limit.take(at)
	l.quota.take(at)
	return at.Sub(now), true
}

func (l *lane) wake(after time.Duration) {
	if l.timer == nil {
		l.timer = time.AfterFunc(after, func() {
			l.shard.mu.Lock()
			defer l.shard.mu.Unlock()
			l.pump(time.Now())
		})
		return
	}
	l.timer.Reset(after)
}

// rest stops the lane's timers: nothing begins any more.
func (l *lane) rest() {
	for _, t := range []*time.Timer{l.timer, l.watcher} {
		if t != nil {
			t.Stop()
		}
	}
}

func (l *lane) begin(group []*pendingDelivery) {
	s := l.shard
	now := time.Now()
	for _, d := range group {
		l.mortals.drop(d)
		l.run(d, now)
	}
	l.posts++
	if group[0].job != nil {
		l.replays++
	}
	s.d.begun.Add(1)
	s.attempts.Add(1)
	go attempt{s, l, l.ep, l.outbound, group[0].job != nil, l.probe(now)}.run(group)
}

// freed gives the place back that an attempt had among those that may run at once.
func (l *lane) freed(replay bool) {
	l.posts--
	if replay {
		l.replays--
	}
}

// run has a delivery be on its way to a record.
func (l *lane) run(d *pendingDelivery, now time.Time) {
	d.status, d.began = running, now
	if d.entry == unwritten || d.entry == written { // else the failed attempt before is known from the journal alone
		d.mark = l.shard.journaled
	}
	l.running[d] = struct{}{}
}

// keep asks for an entry in the next delta.
func (l *lane) keep(d *pendingDelivery) {
	first := d.entry == unwritten
	if l.want(d); first && d.Key != "" {
		l.keepOrder(d)
	}
}

func (l *lane) want(d *pendingDelivery) {
	if d.entry == unwritten && d.job == nil {
		l.entries++
	}
	if !d.entry.due() {
		d.entry = d.entry.want()
		l.puts = append(l.puts, d)
	}
}

// finish takes a delivery whose final record is acknowledged.
func (l *lane) finish(d *pendingDelivery) {
	delete(l.running, d)
	switch {
	case d.job != nil:
		d.job.ended(d)
	case d.entry != unwritten:
		l.entries--
	}
	d.status, d.entry, d.event = final, d.entry.waive(), nil
	l.pass(d)
	if !l.closed {
		l.finished = append(l.finished, d)
	}
}
