package dispatch

import (
	"cmp"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
)

const (
	replayQueue   = 100     // events of a replay that wait for their first attempt
	replayBytes   = 4 << 20 // of them
	replayWaiting = 1000    // deliveries of a replay that wait for another attempt: then it takes no more
	replayShare   = 4       // of an endpoint's concurrency one part in so many is for replays, and one attempt at least
	replaysKept   = 100     // of an endpoint that are over
	replayKeptFor = 7 * 24 * time.Hour
)

// A job is a replay on the owner of its endpoint's shard (PROTOCOL.md, section J). Its shard's mutex
// guards it. The methods that a delivery calls do nothing on nil.
type job struct {
	line
	ask    delivery.Replay
	filter replayFilter
	state  delivery.ReplayState
	ranges map[bus.Partition]*catchupRange
	limit  limiter
	landed bool // a delta that knows of it is in the log

	named        int      // of listed deliveries, those that commands have named
	open         int      // deliveries that have not ended
	sent, failed int64    // deliveries that ended, as far as no successor hears of them again
	late         [2]int64 // failed and delivered ones that a successor may hear of again
	over         time.Time
	told         bool
	telling      bool
}

// job is a replay of the lane, nil for none.
func (l *lane) job(id string) *job {
	for _, j := range l.jobs {
		if id != "" && j.ask.ID == id {
			return j
		}
	}
	return nil
}

// beginReplay takes a replay up. It sends nothing before the delta that knows of it is in the log.
func (l *lane) beginReplay(r *delivery.Replay) {
	if l.job(r.ID) != nil {
		return
	}
	j := &job{ask: *r, state: delivery.ReplayRunning, ranges: map[bus.Partition]*catchupRange{}, filter: filterOf(r), limit: limitOf(r)}
	for p, s := range r.Stretches {
		to := s.To
		j.ranges[p] = &catchupRange{from: s.From, read: s.From, to: &to, born: r.Created}
	}
	l.shard.d.metrics.commands.WithLabelValues(string(delivery.StartReplay)).Inc()
	l.addJob(j)
}

func (l *lane) addJob(j *job) {
	l.jobs = append(l.jobs, j)
	slices.SortFunc(l.jobs, func(a, b *job) int {
		return cmp.Or(a.ask.Created.Compare(b.ask.Created), cmp.Compare(a.ask.ID, b.ask.ID))
	})
}

// replayListed takes a delivery of a list into its replay.
func (l *lane) replayListed(e delivery.Entry) {
	s, j := l.shard, l.job(e.Replay)
	if j == nil || j.state.Over() {
		return
	}
	if j.named++; s.known[e.ID] != nil {
		l.adopt(s.known[e.ID], j)
		return
	}
	d := &pendingDelivery{Entry: &e, lane: l, job: j, own: true, heapIndex: -1, mark: s.journaled, status: asked}
	s.known[d.ID] = d
	j.open++
	l.keep(d)
}

// adopt gives a replay a delivery of its list that a load has found before it had found the replay.
func (l *lane) adopt(d *pendingDelivery, j *job) {
	if d.job != nil {
		return
	}
	if d.status != final && d.entry != unwritten {
		l.entries--
	}
	waits := false
	switch d.status {
	case waiting:
		waits = true
		l.waiting.take(d)
		l.pass(d)
	case ordered:
		waits = true
		l.unhold(d)
	}
	d.job = j
	if j.took(d); waits && l.enlist(d) {
		l.wait(d)
	}
}

// steer pauses a replay, lets it go on, or ends it. What it has begun is finished in any case.
func (l *lane) steer(kind delivery.CommandKind, id string) {
	j := l.job(id)
	if j == nil || j.state.Over() {
		return
	}
	switch kind {
	case delivery.PauseReplay:
		j.state = delivery.ReplayPaused
	case delivery.ResumeReplay:
		j.state = delivery.ReplayRunning
		l.shard.d.ranges.Wake()
		l.pump(time.Now())
	case delivery.CancelReplay:
		l.cancelReplay(j)
	}
}

// cancelReplay lets go of what the replay would still read, forgets what has not begun, and cancels
// what has.
func (l *lane) cancelReplay(j *job) {
	s := l.shard
	j.state, j.over = delivery.ReplayCancelled, time.Now()
	j.ranges = map[bus.Partition]*catchupRange{}
	for id, d := range s.known {
		switch {
		case d.job != j:
		case d.status == queued, d.status == ordered && d.entry == unwritten:
			d.status, d.event = forgotten, nil
			delete(s.known, id)
			j.open--
		default:
			l.cancel(d)
		}
	}
	l.forgetLines(j)
	j.queue, j.fresh, j.bytes = fifo[*pendingDelivery]{}, 0, 0
}

// runs: attempts of the replay may begin.
func (j *job) runs() bool { return j.landed && j.state == delivery.ReplayRunning }

// nextReplay takes the deliveries of the next attempt of a replay, when what topics have brought leaves
// room for one. With none it says when to look again. While the breaker is not closed that attempt is
// the probe: without it, the breaker of an endpoint for which nothing else waits would stay open.
func (l *lane) nextReplay(now, at time.Time) ([]*pendingDelivery, time.Time) {
	if l.replays >= max(l.ep.Concurrency/replayShare, 1) {
		return nil, at
	}
	for _, j := range l.jobs {
		if j.state == delivery.ReplayPaused || !j.landed || len(j.waiting)+j.fresh == 0 {
			continue
		}
		if ready := j.limit.ready(); ready.After(now) {
			at = earlier(at, ready)
			continue
		}
		group, then := l.nextOf(&j.line, now)
		if group != nil {
			j.limit.take(now)
			return group, at
		}
		at = earlier(at, then)
	}
	return nil, at
}

// ready: an attempt of the replay may begin at that time.
func (j *job) ready(at time.Time) bool {
	return j.runs() && (j.fresh > 0 || len(j.waiting) > 0 && !j.waiting[0].Due.After(at))
}

// full: the replay takes no more now.
func (j *job) full() bool {
	return j.fresh >= replayQueue || j.bytes >= replayBytes || len(j.waiting)+j.shelved >= replayWaiting
}

// hungry: it would take events now.
func (j *job) hungry() bool {
	return j.runs() && j.fresh <= replayQueue/2 && j.bytes <= replayBytes/2 && len(j.waiting)+j.shelved < replayWaiting
}

// took counts a delivery that a load has found.
func (j *job) took(d *pendingDelivery) {
	switch {
	case j == nil:
	case d.status != final:
		j.open++
	default:
		j.late[outcomeOf(d)]++
	}
}

func outcomeOf(d *pendingDelivery) int {
	if d.delivered {
		return 1
	}
	return 0
}

// ended takes in that a delivery has ended.
func (j *job) ended(d *pendingDelivery) {
	j.open--
	j.late[outcomeOf(d)]++
}

// count takes in that no successor hears of a delivery again that has ended: with this delta its place
// is passed and its entry removed, so that it is counted once.
func (j *job) count(d *pendingDelivery) {
	if j == nil {
		return
	}
	j.late[outcomeOf(d)]--
	if d.delivered {
		j.sent++
	} else {
		j.failed++
	}
}

// leaveJob has a delivery that ended, and that an operator has tried again, be nobody's: what came of it
// for its replay stays.
func (d *pendingDelivery) leaveJob() {
	d.job.count(d)
	d.job = nil
}

// wouldFeed reports whether a successor would be fed the event by the replay.
func (j *job) wouldFeed(e *delivery.EventRef) bool {
	if j == nil {
		return false
	}
	c := j.ranges[e.Partition]
	return c != nil && c.to.Reaches(e.Position) && !c.from.Reaches(e.Position)
}

// advance moves the ranges over what is settled.
func (j *job) advance() {
	for p, c := range j.ranges {
		if c.advance() {
			delete(j.ranges, p)
		}
	}
}

// truncate moves what lies beyond a cut of a partition back to it, or forgets a range of an earlier
// incarnation.
func (j *job) truncate(p bus.Partition, cut *bus.Position, same bool) {
	switch c := j.ranges[p]; {
	case c == nil:
	case !same:
		delete(j.ranges, p)
	case cut != nil:
		c.cutBack(*cut)
	}
}

// settle ends a replay of which nothing is left, and reports whether it can be forgotten.
func (j *job) settle(now time.Time) (forget bool) {
	if !j.state.Over() && j.landed && j.open == 0 && len(j.ranges) == 0 && j.named >= j.ask.Listed && j.late == [2]int64{} {
		j.state, j.over = delivery.ReplayDone, now
	}
	return j.state.Over() && j.told && now.Sub(j.over) > replayKeptFor
}

// jobs names the replays that have changed, and those that are forgotten.
func (dt *delta) jobs() {
	dt.r.Jobs = map[string]*statelog.Job{}
	now := time.Now()
	kept := map[string]bool{}
	for _, l := range dt.lanes {
		over := 0
		for _, j := range slices.Backward(l.jobs) { // the newest first
			if j.state.Over() {
				over++
			}
			if !j.settle(now) && over <= replaysKept {
				kept[j.ask.ID] = true
			}
		}
		l.jobs = slices.DeleteFunc(l.jobs, func(j *job) bool { return !kept[j.ask.ID] })
		for _, j := range l.jobs {
			is := j.durable()
			if was := dt.was.Jobs[j.ask.ID]; was == nil || !was.Equal(is) {
				dt.r.Jobs[j.ask.ID] = is
			}
		}
	}
	for id := range dt.was.Jobs {
		if !kept[id] { // its endpoint was deleted, or it is over for long
			dt.r.Jobs[id] = nil
		}
	}
}

// durable is its form in the state log.
func (j *job) durable() *statelog.Job {
	is := &statelog.Job{
		Replay: j.ask, State: j.state, Named: j.named, Sent: j.sent, Failed: j.failed, Ended: j.over, Told: j.told,
	}
	is.Stretches = nil // the ranges say what is left
	for p, c := range j.ranges {
		if is.Ranges == nil {
			is.Ranges = map[string]statelog.Range{}
		}
		is.Ranges[string(p)] = statelog.Range{From: c.from, To: c.to}
	}
	return is
}

// jobsLanded takes in that a delta which names replays is in the log.
func (s *shard) jobsLanded(named map[string]*statelog.Job) {
	for id, is := range named {
		if is == nil {
			continue
		}
		l := s.lanes[is.Endpoint]
		if l == nil {
			continue
		}
		if j := l.job(id); j != nil && !j.landed {
			j.landed = true
			s.d.ranges.Wake()
			l.pump(time.Now())
		}
	}
}

// restoreJobs takes up the replays that the log knows.
func (l *lane) restoreJobs(was map[string]*statelog.Job) {
	for _, is := range was {
		if is.Endpoint != l.ep.ID {
			continue
		}
		j := &job{
			ask: is.Replay, state: is.State, ranges: map[bus.Partition]*catchupRange{}, filter: filterOf(&is.Replay), limit: limitOf(&is.Replay), landed: true,
			named: is.Named, sent: is.Sent, failed: is.Failed, over: is.Ended, told: is.Told,
		}
		for p, r := range is.Ranges {
			j.ranges[bus.Partition(p)] = &catchupRange{from: r.From, read: r.From, to: r.To, born: is.Created}
		}
		l.addJob(j)
	}
}

// since is when the replay was asked for, zero once nothing of it waits to begin.
func (j *job) since() time.Time {
	if j.fresh+len(j.ranges) == 0 {
		return time.Time{}
	}
	return j.ask.Created
}

// limitOf is the replay's own rate. What it was asked for with has been checked.
func limitOf(r *delivery.Replay) limiter {
	var rate endpoint.Rate
	if rate.Parse(r.Rate) != nil { // of a later version
		return newLimiter(endpoint.Rate{PerSecond: 1}, time.Now())
	}
	return newLimiter(rate, time.Now())
}
