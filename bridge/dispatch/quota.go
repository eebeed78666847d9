package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
)

const (
	// quotaSlots is into how many slots the interval of a quota is divided. An attempt counts until
	// the interval has passed since the end of its slot, so a hundredth of the interval is lost.
	quotaSlots = 100
	// quotaAhead is for how long attempts are granted in advance, at the quota's mean rate: two
	// deltas, so that one may be late.
	quotaAhead = 2 * deltaEvery
)

// A quota is the most attempts that may begin within any interval of a length (attempts_limit). An
// attempt begins only once the state log counts it: a delta names those that were made, and how many
// may begin before the next one, which a successor takes for made. The zero value limits nothing.
type quota struct {
	limit endpoint.Quota
	slots []quotaSlot // oldest first
	used  int         // in all of them

	granted int  // attempts that may begin before the next delta is in the log
	changed bool // since the last delta was made

	flying bool // a delta that grants attempts is on its way
	asked  int  // how many
	since  int  // begun since it was made
}

// A quotaSlot ends at so many widths after the Unix epoch.
type quotaSlot struct {
	end   int64
	count int
}

func newQuota(limit endpoint.Quota) quota { return quota{limit: limit} }

func (q *quota) none() bool { return q.limit.Count == 0 }

func (q *quota) width() int64 { return int64(q.limit.Per) / quotaSlots }

// ahead is how many attempts a delta grants.
func (q *quota) ahead() int {
	most := int64(q.limit.Count)
	return int(min(max((most*int64(quotaAhead)+int64(q.limit.Per)-1)/int64(q.limit.Per), 1), most))
}

// open: the state log counts one more attempt.
func (q *quota) open() bool { return q.none() || q.granted > 0 }

// ready is when there is room for a further attempt behind so many others, as far as what is counted
// lets say; zero means at once.
func (q *quota) ready(before int) time.Time {
	if q.none() {
		return time.Time{}
	}
	most := q.limit.Count
	rounds := time.Duration(before / most)
	left := q.used + before%most + 1 - most // that have to be forgotten first
	for _, s := range q.slots {
		if left <= 0 {
			break
		}
		if left -= s.count; left <= 0 {
			return q.over(s).Add(rounds * q.limit.Per)
		}
	}
	switch {
	case rounds == 0:
		return time.Time{}
	case len(q.slots) == 0:
		return time.Now().Add(rounds * q.limit.Per)
	}
	return q.over(q.slots[len(q.slots)-1]).Add((rounds - 1) * q.limit.Per)
}

// over is when the attempts of a slot do not count any more.
func (q *quota) over(s quotaSlot) time.Time {
	return time.Unix(0, s.end*q.width()).Add(q.limit.Per)
}

// take counts an attempt that begins now.
func (q *quota) take(now time.Time) {
	if q.none() {
		return
	}
	q.forget(now)
	q.add(now, 1)
	q.granted--
	q.since++
	q.changed = true
}

// giveBack takes out an attempt that began at a time and was not made.
func (q *quota) giveBack(began time.Time) {
	if q.none() {
		return
	}
	end := began.UnixNano()/q.width() + 1
	for i := len(q.slots) - 1; i >= 0 && q.slots[i].end >= end; i-- {
		if s := &q.slots[i]; s.count > 0 && (i == 0 || q.slots[i-1].end < end) {
			s.count--
			q.used--
			q.changed = true
		}
	}
}

// add counts attempts that begin at a time.
func (q *quota) add(at time.Time, count int) {
	end := at.UnixNano()/q.width() + 1
	last := len(q.slots) - 1
	if last >= 0 && q.slots[last].end >= end { // one for later was counted already: this one with it
		q.slots[last].count += count
	} else {
		q.slots = append(q.slots, quotaSlot{end, count})
	}
	q.used += count
}

// forget drops what does not count any more.
func (q *quota) forget(now time.Time) {
	n := 0
	for n < len(q.slots) && !q.over(q.slots[n]).After(now) {
		q.used -= q.slots[n].count
		n++
	}
	q.slots = append(q.slots[:0], q.slots[n:]...)
}

// durable is what the next delta says; false where the log says it already. A shard that begins
// nothing any more takes back what it was granted.
func (q *quota) durable(now time.Time, closed bool) (statelog.Spent, bool) {
	ahead := q.ahead()
	if closed {
		q.changed = q.changed || q.granted > 0
		ahead, q.granted = 0, 0
	}
	if !q.changed && q.granted >= ahead {
		return statelog.Spent{}, false
	}
	q.forget(now)
	q.changed, q.flying, q.asked, q.since = false, true, ahead, 0
	s := statelog.Spent{Width: q.width(), Ahead: ahead}
	before := int64(0)
	for _, one := range q.slots {
		s.Slots = append(s.Slots, one.end-before, int64(one.count))
		before = one.end
	}
	return s, true
}

// landed takes in that the delta on its way is in the log.
func (q *quota) landed() {
	if q.flying {
		q.granted, q.flying = q.asked-q.since, false
	}
}

// restore counts what an earlier owner has made, and all that it could have made since. Another
// width may be that of another limit.
func (q *quota) restore(s statelog.Spent, now time.Time) {
	if q.none() {
		return
	}
	end := int64(0)
	for i := 0; i+1 < len(s.Slots); i += 2 {
		end += s.Slots[i]
		q.add(time.Unix(0, end*s.Width-1), int(s.Slots[i+1]))
	}
	if s.Ahead > 0 {
		q.add(now, s.Ahead)
	}
	q.forget(now)
	q.changed = true
}

// renew goes by another limit; what was made counts on.
func (q *quota) renew(limit endpoint.Quota, now time.Time) {
	was := *q
	if *q = newQuota(limit); was.none() || q.none() {
		return
	}
	for _, s := range was.slots {
		q.add(time.Unix(0, s.end*was.width()-1), s.count)
	}
	q.forget(now)
	q.changed = true
}
