package dispatch

import (
	"container/heap"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
)

// A delivery that waits ends when its event's life does, whatever it waits for: PROTOCOL.md, D9.

// expiryRetry is when a lane looks again that may not end anything now.
const expiryRetry = time.Second

// expiriesTold is of how many that expire together operations events tell: a backlog would fill the
// topic with them.
const expiriesTold = 100

// mortals are the deliveries of a lane that wait, and that end by themselves, the first in front.
type mortals []*pendingDelivery

func (h mortals) Len() int           { return len(h) }
func (h mortals) Less(i, j int) bool { return h[i].ends() < h[j].ends() }
func (h mortals) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].mortal, h[j].mortal = int32(i)+1, int32(j)+1
}
func (h *mortals) Push(x any) {
	d := x.(*pendingDelivery)
	d.mortal = int32(len(*h)) + 1
	*h = append(*h, d)
}
func (h *mortals) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	d.mortal = 0
	return d
}

// drop takes out a delivery that does not wait any more.
func (h *mortals) drop(d *pendingDelivery) {
	if d.mortal != 0 {
		heap.Remove(h, int(d.mortal)-1)
	}
}

// ends is when the delivery ends by itself, in Unix nanoseconds; 0 is never.
func (d *pendingDelivery) ends() int64 {
	at, _ := d.Ends(d.lane.ep.MaxAge)
	return at
}

// wait puts a delivery among those that wait for their due time. One that is cancelled ends.
func (l *lane) wait(d *pendingDelivery) {
	if d.cancelled {
		l.abort(d)
		return
	}
	l.lineOf(d).waiting.wait(d)
	l.bound(d)
}

// bound has a delivery that waits end when its event's life does.
func (l *lane) bound(d *pendingDelivery) {
	if d.mortal != 0 || d.ends() == 0 {
		return
	}
	heap.Push(&l.mortals, d)
	l.watch(time.Now())
}

// rebound goes by another age.
func (l *lane) rebound() {
	for _, d := range l.mortals {
		d.mortal = 0
	}
	clear(l.mortals)
	l.mortals = l.mortals[:0]
	for _, d := range l.waiting {
		l.bound(d)
	}
	for _, d := range l.queue.all() {
		if d.status == queued {
			l.bound(d)
		}
	}
	for _, o := range l.order {
		for _, d := range o.behind {
			l.bound(d)
		}
	}
}

// watch wakes the lane when the first of the mortals ends.
func (l *lane) watch(now time.Time) {
	if len(l.mortals) == 0 || !l.shard.awake {
		return
	}
	at := time.Unix(0, l.mortals[0].ends())
	if !l.watched.IsZero() && !at.Before(l.watched) {
		return
	}
	l.watchAt(at, now)
}

func (l *lane) watchAt(at, now time.Time) {
	l.watched = at
	if l.watcher == nil {
		l.watcher = time.AfterFunc(at.Sub(now), func() {
			l.shard.mu.Lock()
			defer l.shard.mu.Unlock()
			l.watched = time.Time{}
			l.pump(time.Now())
		})
		return
	}
	l.watcher.Reset(at.Sub(now))
}

// expire ends what has no time left. It takes the right to begin an attempt: an owner that is not
// sure to be one ends nothing.
func (l *lane) expire(now time.Time) {
	if len(l.mortals) == 0 {
		return
	}
	s := l.shard
	var over []*pendingDelivery
	held := false
	for len(l.mortals) > 0 && l.mortals[0].ends() <= now.UnixNano() {
		if held = !s.mayBegin(); held {
			break
		}
		d := l.mortals[0]
		l.mortals.drop(d)
		switch d.status {
		case waiting:
			l.lineOf(d).waiting.take(d)
		case queued:
			l.unqueue(d)
		case ordered:
			l.unhold(d)
		}
		l.run(d, now)
		d.status = expiring
		over = append(over, d)
	}
	if len(over) > 0 {
		s.attempts.Add(1)
		go attempt{shard: s, lane: l, ep: l.ep, out: l.outbound}.expire(over)
	}
	if held {
		l.watchAt(now.Add(expiryRetry), now)
		return
	}
	l.watch(now)
}

// expire records the end of deliveries. It is told to operators afterwards: a bus that does not
// take that holds nothing up.
func (a attempt) expire(over []*pendingDelivery) {
	s := a.shard
	outcomes, told := make([]outcome, len(over)), []*event.Event{}
	for i, d := range over {
		_, why := d.Ends(a.ep.MaxAge)
		outcomes[i] = outcome{d, d.ended(delivery.EndedExpired, why)}
		s.d.metrics.ended(delivery.Discarded, delivery.EndedExpired, 1)
		if !s.d.conf.tells(d) {
			told = append(told, opsDelivery(delivery.EndedExpired, a.ep, d))
		}
	}
	defer s.attempts.Done()
	s.rec.add(outcomes...) // from here on the deliveries are the recorder's
	if n := len(told) - expiriesTold; n > 0 {
		s.d.log.Warn("more deliveries expired at once than operations events tell of", "endpoint", a.ep.Name, "events", n)
		told = told[:expiriesTold]
	}
	s.d.background.Go(func() {
		for _, e := range told {
			a.report(e)
		}
	})
}

// late reports why there is no attempt any more with an event that was read again, "" where there is
// one. What was not known of its life, because an earlier version kept the delivery, is kept now.
func (a attempt) late(d *pendingDelivery, life *delivery.Life, now time.Time) (why string) {
	a.shard.mu.Lock()
	defer a.shard.mu.Unlock()
	if d.Life == nil && life != nil {
		d.draft().Life = life
	}
	if at, why := d.Ends(a.ep.MaxAge); at != 0 && at <= now.UnixNano() {
		return why
	}
	return ""
}
