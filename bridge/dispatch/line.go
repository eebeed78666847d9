package dispatch

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// A line is what waits in a lane: for what topics bring there is one, and one for each replay.
type line struct {
	queue   fifo[*pendingDelivery] // handed over and not begun, in order; forgotten ones may be among them
	fresh   int                    // of them that are not forgotten, and what is held without an entry
	bytes   int                    // of their events
	waiting dueHeap
	shelved int // held, with an entry
}

// lineOf is where a delivery waits.
func (l *lane) lineOf(d *pendingDelivery) *line {
	if d.job != nil {
		return &d.job.line
	}
	return &l.line
}

func (l *lane) lines() []*line {
	all := []*line{&l.line}
	for _, j := range l.jobs {
		all = append(all, &j.line)
	}
	return all
}

// next takes the deliveries of the next attempt: one, or the members of a batch. With none
// it says when to look again, never when zero.
func (l *lane) next(now time.Time) (group []*pendingDelivery, at time.Time) {
	if l.breaker.closed() {
		group, at = l.nextOf(&l.line, now)
	} else {
		group, at = l.nextProbe(now)
	}
	if group != nil {
		return group, at
	}
	return l.nextReplay(now, at)
}

// nextOf is next out of one line.
func (l *lane) nextOf(q *line, now time.Time) ([]*pendingDelivery, time.Time) {
	group, at := l.nextDue(q, now)
	if group != nil {
		return group, at
	}
	group, ready := l.nextFirst(q, now)
	return group, earlier(at, ready)
}

// nextDue is next of what was attempted before.
func (l *lane) nextDue(q *line, now time.Time) (group []*pendingDelivery, at time.Time) {
	if len(q.waiting) == 0 {
		return nil, at
	}
	if d := q.waiting[0]; d.Due.After(now) {
		return nil, d.Due
	}
	return l.again(q, heap.Pop(&q.waiting).(*pendingDelivery)), at
}

// nextFirst is next of what was not.
func (l *lane) nextFirst(q *line, now time.Time) (group []*pendingDelivery, at time.Time) {
	size, wait := l.outbound.batch()
	q.skipForgotten()
	if q.queue.len() == 0 {
		return nil, at
	}
	if size > 1 && q.fresh < size {
		if full := (*q.queue.front()).Created.Add(wait); full.After(now) {
			return nil, full
		}
	}
	return l.dequeue(q, max(size, 1)), at
}

// dequeue takes up to n events that wait for their first attempt.
func (l *lane) dequeue(q *line, n int) []*pendingDelivery {
	group := make([]*pendingDelivery, 0, n)
	for len(group) < n {
		if q.skipForgotten(); q.queue.len() == 0 {
			break
		}
		for d := q.queue.pop(); d != nil; d = l.follow(d) {
			l.unqueue(d)
			if group = append(group, d); len(group) == n {
				break
			}
		}
	}
	if l.outbound.batched() {
		ids := make([]string, len(group))
		for i, d := range group {
			ids[i] = d.ID
		}
		id := delivery.BatchID(ids...)
		for _, d := range group {
			d.draft().Batch = id
		}
	}
	return group
}

// unqueue has the queue pass over a delivery that waits for its first attempt.
func (l *lane) unqueue(d *pendingDelivery) {
	q := l.lineOf(d)
	q.fresh--
	q.bytes -= int(d.size)
}

func (q *line) skipForgotten() {
	for q.queue.len() > 0 && (*q.queue.front()).status != queued { // forgotten, or unqueued
		q.queue.pop()
	}
}

// again is the group of a delivery whose time has come. The endpoint's content may be another
// one than at the attempt before.
func (l *lane) again(q *line, d *pendingDelivery) []*pendingDelivery {
	if !l.outbound.batched() {
		if d.Batch != "" {
			d.draft().Batch = ""
		}
		return []*pendingDelivery{d}
	}
	if d.Batch == "" {
		d.draft().Batch = delivery.BatchID(d.ID)
	}
	return q.reunite(d)
}

// reunite gathers the members that a batch had at its first attempt.
func (q *line) reunite(first *pendingDelivery) []*pendingDelivery {
	group := []*pendingDelivery{first}
	for _, d := range q.waiting {
		if d.Batch == first.Batch {
			group = append(group, d)
		}
	}
	for _, d := range group[1:] {
		heap.Remove(&q.waiting, int(d.heapIndex))
	}
	slices.SortFunc(group, func(a, b *pendingDelivery) int {
		return cmp.Or(strings.Compare(string(a.Event.Partition), string(b.Event.Partition)), cmp.Compare(a.Event.Seq, b.Event.Seq))
	})
	return group
}
