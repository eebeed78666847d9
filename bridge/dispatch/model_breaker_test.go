package dispatch_test

import (
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch"
)

// failureSpan is in which failures alone must open a breaker of small size.
const failureSpan = 25 * time.Second

// answered is what came of a request.
type answered struct {
	began time.Time
	first bool // of its delivery
	res   delivery.Response
}

// An outageBook is what the model knows of an endpoint that does nothing but fail, by what one process
// was told: less than the breaker, which has to be at least as strict.
type outageBook struct {
	row      int       // connections refused one after the other
	failed   []verdict // since the last success
	well     []verdict // all there were
	opened   time.Time // the breaker must be open since; zero: it need not be
	wait     time.Duration
	next     time.Time // no attempt begins before
	probing  time.Time // when the probe began; zero: none runs
	renewed  time.Time // it opened or closed: what began before says nothing
	operator time.Time // who acted last on the endpoint
}

type verdict struct {
	at    time.Time
	first bool
}

// begins notes an attempt, and what is wrong with it.
func (o *outageBook) begins(now time.Time, x *party) (wrong []string) {
	if x.lifted.After(o.operator) { // nobody knows when the process hears of it
		*o = outageBook{well: o.well, operator: x.lifted}
	}
	if o.opened.IsZero() || !now.After(o.opened.Add(time.Millisecond)) {
		return nil
	}
	switch {
	case now.Sub(o.operator) < 30*time.Second:
	case !o.probing.IsZero():
		wrong = append(wrong, fmt.Sprintf("an attempt to %s beside the probe of its breaker", x.Name))
	case now.Before(o.next):
		wrong = append(wrong, fmt.Sprintf("an attempt to %s, %v before the probe of its breaker", x.Name, o.next.Sub(now)))
	}
	o.probing = now
	return wrong
}

// ended notes an answer.
func (m *model) ended(p *process, name string, a answered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.posts[p][name]; t != nil {
		t.outage.ends(time.Now(), a)
	}
}

// ends takes in an answer. The breaker may have opened before it must, so nothing is said of its first
// wait; and any success may have closed it.
func (o *outageBook) ends(now time.Time, a answered) {
	rule := dispatch.SmallBreaker()
	switch {
	case a.res.Reason == "":
		*o = outageBook{well: append(o.well, verdict{now, a.first}), renewed: now, operator: o.operator}
	case !o.opened.IsZero() && !a.began.Equal(o.probing): // of before it opened
	case !o.opened.IsZero():
		if a.res.Status != 429 {
			o.wait = min(2*o.wait, rule.Most)
		}
		o.next, o.probing = now.Add(o.wait), time.Time{}
	case a.began.Before(o.renewed):
		o.row = 0
	case a.res.Status == 429:
	default:
		if o.row++; !a.res.Refused {
			o.row = 0
		}
		o.failed = append(o.failed, verdict{now, a.first})
		if o.row == rule.Refusals || o.mostFail(now, &rule) {
			*o = outageBook{well: o.well, opened: now, renewed: now, wait: rule.First, next: now, operator: o.operator}
		}
	}
}

// mostFail: enough attempts failed, and most did in whichever slices of time the breaker judges by.
// It may not count all that succeeded before it closed, and no failure of the book is unknown to it.
func (o *outageBook) mostFail(now time.Time, rule *dispatch.BreakerRule) bool {
	n := len(o.failed) - rule.Least
	if n < 0 || now.Sub(o.failed[n].at) >= failureSpan {
		return false
	}
	slice := func(t time.Time) int64 { return t.UnixNano() / int64(rule.Slice) }
	for from := min(slice(o.failed[n].at), slice(now)-1); from < slice(now); from++ {
		count := func(all []verdict) (number, first int) {
			for _, v := range all {
				if slice(v.at) >= from {
					number++
					if v.first {
						first++
					}
				}
			}
			return number, first
		}
		ill, firstIll := count(o.failed)
		if well, firstWell := count(o.well); ill <= well || firstIll < firstWell {
			return false
		}
	}
	return true
}
