package dispatch

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
)

// Order per key: PROTOCOL.md, section K.

// A keyLine are the deliveries of one key, in their order.
type keyLine struct {
	ahead  []*pendingDelivery // those that may be attempted: one, or several in one batch
	behind []*pendingDelivery // held
}

// A lineKey tells the lines of topics and those of each replay apart.
type lineKey struct {
	job *job
	key string
}

// keyOf is what an event is ordered by, "" for nothing.
func (l *lane) keyOf(e *event.Event) string {
	if !l.ep.Ordered {
		return ""
	}
	return l.outbound.order.Of(e)
}

// skips: the events behind the delivery do not wait for it any more.
func (l *lane) skips(d *pendingDelivery) bool {
	return l.ep.OrderSkip > 0 && d.Number > l.ep.OrderSkip
}

func (l *lane) lineFor(d *pendingDelivery) *keyLine { return l.order[lineKey{d.job, d.Key}] }

// enlist puts a delivery at the end of its key's line. False: it is held, because others are before
// it.
func (l *lane) enlist(d *pendingDelivery) bool {
	if d.Key == "" || !l.ep.Ordered || l.skips(d) {
		return true
	}
	o := l.lineFor(d)
	if o == nil {
		l.order[lineKey{d.job, d.Key}] = &keyLine{ahead: []*pendingDelivery{d}}
		return true
	}
	if len(o.behind) == 0 && o.together(d) && l.outbound.batched() {
		o.ahead = append(o.ahead, d)
		return true
	}
	o.behind = append(o.behind, d)
	switch d.status = ordered; {
	case d.entry != unwritten:
		l.lineOf(d).shelved++
		l.keepAhead(o)
	case o.ahead[0].entry != unwritten:
		l.shelve(d)
	}
	return false
}

// together: the delivery was in the batch of those ahead.
func (o *keyLine) together(d *pendingDelivery) bool {
	return d.Batch != "" && d.Batch == o.ahead[0].Batch
}

// shelve has a held delivery be an entry, so that positions may pass it.
func (l *lane) shelve(d *pendingDelivery) {
	l.unqueue(d)
	l.lineOf(d).shelved++
	d.draft().Event = d.Event.Compact()
	d.own, d.event = true, nil
	l.want(d)
}

// keepAhead has those ahead be entries: a successor that found one behind them alone would send it
// first.
func (l *lane) keepAhead(o *keyLine) {
	for _, a := range o.ahead {
		if a.entry == unwritten {
			l.want(a)
		}
	}
}

// keepOrder follows from the first entry in a line: all of it has entries then.
func (l *lane) keepOrder(d *pendingDelivery) {
	o := l.lineFor(d)
	if o == nil || !slices.Contains(o.ahead, d) {
		return
	}
	l.keepAhead(o)
	for _, b := range o.behind {
		if b.entry == unwritten {
			l.shelve(b)
		}
	}
}

// pass lets the next of a key go on: the delivery has ended, or is skipped.
func (l *lane) pass(d *pendingDelivery) {
	if d.Key == "" {
		return
	}
	o := l.lineFor(d)
	if o == nil {
		return
	}
	i := slices.Index(o.ahead, d)
	if i < 0 {
		return
	}
	if o.ahead = slices.Delete(o.ahead, i, i+1); len(o.ahead) == 0 {
		l.advanceLine(lineKey{d.job, d.Key}, o)
	}
}

// advanceLine has the first that is held go on.
func (l *lane) advanceLine(k lineKey, o *keyLine) {
	if len(o.behind) == 0 {
		delete(l.order, k)
		return
	}
	d := o.behind[0]
	o.behind[0] = nil
	o.ahead, o.behind = append(o.ahead, d), o.behind[1:]
	l.proceed(d)
}

// proceed has a delivery that was held wait for its attempt.
func (l *lane) proceed(d *pendingDelivery) {
	q := l.lineOf(d)
	if d.entry == unwritten {
		d.status = queued
		q.queue.push(d)
		return
	}
	q.shelved--
	d.draft().Due = time.Now()
	l.wait(d)
}

// unhold takes a held delivery out of its line. It has an entry then, or is forgotten.
func (l *lane) unhold(d *pendingDelivery) {
	if o := l.lineFor(d); o != nil {
		if i := slices.Index(o.behind, d); i >= 0 {
			o.behind = slices.Delete(o.behind, i, i+1)
		}
	}
	if d.entry == unwritten {
		l.unqueue(d)
	} else {
		l.lineOf(d).shelved--
	}
}

// follow takes the next of a key into the batch of the one before it.
func (l *lane) follow(d *pendingDelivery) *pendingDelivery {
	o := l.lineFor(d)
	if d.Key == "" || o == nil || len(o.behind) == 0 || o.behind[0].entry != unwritten || !slices.Contains(o.ahead, d) {
		return nil
	}
	next := o.behind[0]
	o.ahead, o.behind = append(o.ahead, next), o.behind[1:]
	return next
}

// resume has a delivery wait that a command asked for, in its line where it has left that.
func (l *lane) resume(d *pendingDelivery) {
	if o := l.lineFor(d); !d.cancelled && (o == nil || !slices.Contains(o.ahead, d)) && !l.enlist(d) {
		return
	}
	l.wait(d)
}

// forgetHeld forgets what waits behind others and has no entry, as far as chosen; ahead of a line
// may be what was forgotten already.
func (l *lane) forgetHeld(chosen func(*pendingDelivery) bool) {
	for k, o := range l.order {
		o.ahead = slices.DeleteFunc(o.ahead, func(d *pendingDelivery) bool { return d.status == forgotten })
		o.behind = slices.DeleteFunc(o.behind, func(d *pendingDelivery) bool {
			if d.entry != unwritten || !chosen(d) {
				return false
			}
			l.forget(d)
			return true
		})
		if len(o.ahead) == 0 {
			l.advanceLine(k, o)
		}
	}
}

// forgetLines takes what was forgotten of a replay out of its lines.
func (l *lane) forgetLines(j *job) {
	gone := func(d *pendingDelivery) bool { return d.status == forgotten }
	for k, o := range l.order {
		if k.job != j {
			continue
		}
		o.ahead, o.behind = slices.DeleteFunc(o.ahead, gone), slices.DeleteFunc(o.behind, gone)
		if len(o.ahead) == 0 {
			l.advanceLine(k, o)
		}
	}
}

// reorder goes by what the endpoint's settings say of order now. What waits and is not in memory keeps
// the key that it had.
func (l *lane) reorder(was *endpoint.Endpoint) {
	if was.Ordered == l.ep.Ordered && was.OrderKey == l.ep.OrderKey && was.OrderSkip == l.ep.OrderSkip && was.Content == l.ep.Content {
		return
	}
	var all []*pendingDelivery
	for _, d := range l.shard.known {
		if d.lane != l {
			continue
		}
		if all = append(all, d); d.event != nil && (d.status == queued || d.status == ordered) {
			d.draft().Key = l.keyOf(d.event)
		}
	}
	l.lineUp(all)
}

// lineUp makes the lines anew of what the lane has: after a load, and when what is ordered, or how,
// has changed.
func (l *lane) lineUp(all []*pendingDelivery) {
	for _, o := range l.order {
		for _, d := range o.behind {
			l.proceed(d)
		}
	}
	clear(l.order)
	if !l.ep.Ordered {
		return
	}
	all = slices.DeleteFunc(all, func(d *pendingDelivery) bool {
		return d.lane != l || d.Key == "" || d.status != running && d.status != waiting && d.status != queued
	})
	runs := func(d *pendingDelivery) int { // what runs cannot be held any more
		if d.status == running {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b *pendingDelivery) int {
		return cmp.Or(
			cmp.Compare(runs(a), runs(b)),
			strings.Compare(string(a.Event.Partition), string(b.Event.Partition)), cmp.Compare(a.Event.Seq, b.Event.Seq),
		)
	})
	for _, d := range all {
		if o := l.lineFor(d); o != nil && d.status == running {
			o.ahead = append(o.ahead, d)
			continue
		}
		if waits := d.status == waiting; !l.enlist(d) && waits {
			l.lineOf(d).waiting.take(d)
		}
	}
	for _, q := range l.lines() {
		q.onlyQueued()
	}
}

// lineUp makes the lines of what was loaded.
func (s *shard) lineUp() {
	byLane := map[*lane][]*pendingDelivery{}
	for _, d := range s.known {
		if d.Key != "" && d.lane.ep.Ordered {
			byLane[d.lane] = append(byLane[d.lane], d)
		}
	}
	for l, all := range byLane {
		l.lineUp(all)
	}
}

// inOrder are those that wait behind others.
func (l *lane) inOrder() iter.Seq[*pendingDelivery] {
	return func(yield func(*pendingDelivery) bool) {
		for _, o := range l.order {
			for _, d := range o.behind {
				if !yield(d) {
					return
				}
			}
		}
	}
}

// heldUntil is when the one that a held delivery waits for is tried next, at the earliest; zero where it
// is not known.
func (l *lane) heldUntil(d *pendingDelivery, now time.Time) (at time.Time) {
	for _, a := range l.lineFor(d).ahead {
		if a.status == waiting && a.Due.After(now) && a.Due.After(at) {
			at = a.Due
		}
	}
	if held := (laneView{l}).held(); held.After(at) {
		return held
	}
	return at
}

// onlyQueued lets go of what is not in the queue any more: it may come back.
func (q *line) onlyQueued() {
	items := slices.DeleteFunc(slices.Clone(q.queue.all()), func(d *pendingDelivery) bool { return d.status != queued })
	q.queue = fifo[*pendingDelivery]{items: items}
}

// firstRange reports whether a range of a place is the one to be read now: where order matters they
// are read one after the other, the open one last.
func (l *lane) firstRange(pl *feedState, c *catchupRange) bool {
	if !l.ep.Ordered {
		return true
	}
	for _, x := range pl.ranges {
		if x != c && x.to != nil && !x.done() && (c.to == nil || x.from.Seq < c.from.Seq || x.from.Seq == c.from.Seq && x.base < c.base) {
			return false
		}
	}
	return true
}

// catchesUp reports whether ranges are to be read before what the live feed brings: where order
// matters, that waits.
func (l *lane) catchesUp() bool {
	if !l.ep.Ordered {
		return false
	}
	for _, pl := range l.feeds {
		if !pl.behind && pl.unread() {
			return true
		}
	}
	return false
}

func (pl *feedState) unread() bool {
	return slices.ContainsFunc(pl.ranges, func(c *catchupRange) bool { return c.to != nil && !c.done() })
}
