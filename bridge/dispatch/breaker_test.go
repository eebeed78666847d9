package dispatch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// times repeats a step.
func times(n int, s ...string) []string { return slices.Repeat(s, n) }

// A breaker's life, a step each: ok, fail, refused, limited for the end of an attempt that began a
// moment before (retry-fail for that of a retry, late-… for one that began a minute ago), probe for
// a probe's beginning, gone for its end without an attempt, asked and afresh for what operators do,
// and anything else is time that passes.
func TestBreaker(t *testing.T) {
	t.Parallel()
	rule := defaultBreakerRule()
	const (
		closed = delivery.BreakerClosed
		open   = delivery.BreakerOpen
		half   = delivery.BreakerHalfOpen
	)
	opened := times(10, "refused")
	for name, c := range map[string]struct {
		steps []string
		want  delivery.BreakerState
		next  time.Duration // open: to the next probe
	}{
		"19 failures":                            {times(19, "fail"), closed, 0},
		"20 failures":                            {times(20, "fail"), open, 5 * time.Second},
		"9 refused":                              {times(9, "refused"), closed, 0},
		"10 refused":                             {opened, open, 5 * time.Second},
		"10 refused, hours apart":                {times(10, "refused", "3h"), open, 5*time.Second - 3*time.Hour},
		"refused, but not in a row":              {append(times(9, "refused"), "ok", "refused"), closed, 0},
		"refused with other failures between":    {append(times(9, "refused"), "fail", "refused"), closed, 0},
		"half of them fail":                      {times(40, "ok", "fail"), closed, 0},
		"most of them fail":                      {times(40, "fail", "ok", "fail"), open, 5 * time.Second},
		"each hour one":                          {times(40, "fail", "1h"), closed, 0},
		"four a minute":                          {times(20, "fail", "14s"), open, 5*time.Second - 14*time.Second},
		"three a minute":                         {times(40, "fail", "20s"), closed, 0},
		"an outage behind a day of success":      {append(times(5000, "ok", "17s"), times(20, "100ms", "fail")...), open, 5*time.Second - 900*time.Millisecond}, // at the 11th of them
		"an outage in the midst of many":         {append(append(times(10_000, "ok", "1ms"), "20s"), times(20, "fail")...), open, 5 * time.Second},
		"a moment of failures in the midst":      {append(times(10_000, "ok", "1ms"), times(200, "fail")...), closed, 0},
		"429 says nothing":                       {times(50, "limited"), closed, 0},
		"events that it never takes":             {times(60, "ok", "ok", "ok", "fail", "retry-fail", "retry-fail", "retry-fail", "retry-fail", "retry-fail"), closed, 0},
		"retries alone":                          {times(20, "retry-fail"), open, 5 * time.Second},
		"what began before it opened":            {append(slices.Clone(opened), "late-ok", "late-fail"), open, 5 * time.Second},
		"the probe runs":                         {append(slices.Clone(opened), "5s", "probe"), half, 0},
		"the probe fails":                        {append(slices.Clone(opened), "5s", "probe", "fail"), open, 10 * time.Second},
		"four probes fail":                       {append(slices.Clone(opened), times(4, "probe", "fail")...), open, 80 * time.Second},
		"all probes fail":                        {append(slices.Clone(opened), times(50, "probe", "refused")...), open, 5 * time.Minute},
		"the probe is told to slow down":         {append(slices.Clone(opened), "probe", "fail", "probe", "limited"), open, 10 * time.Second},
		"nothing came of the probe":              {append(slices.Clone(opened), "5s", "probe", "gone"), open, 0},
		"the probe succeeds":                     {append(slices.Clone(opened), "probe", "ok"), closed, 0},
		"what began before it closed":            {append(append(slices.Clone(opened), "probe", "ok"), times(50, "late-refused")...), closed, 0},
		"it has to be as bad once more":          {append(append(slices.Clone(opened), "probe", "ok"), times(19, "fail")...), closed, 0},
		"once more":                              {append(append(slices.Clone(opened), "probe", "fail", "probe", "ok"), opened...), open, 5 * time.Second},
		"an operator wants a probe":              {append(slices.Clone(opened), "asked"), open, 0},
		"asked for, it fails":                    {append(slices.Clone(opened), "probe", "fail", "asked", "probe", "fail"), open, 20 * time.Second},
		"set going by an operator, it fails":     {append(append(slices.Clone(opened), times(6, "probe", "fail")...), "afresh", "probe", "fail"), open, 10 * time.Second},
		"set going while the probe runs":         {append(slices.Clone(opened), "probe", "afresh"), half, 0},
		"asked for while nothing is wrong":       {[]string{"asked", "afresh"}, closed, 0},
		"a probe of the breaker before it":       {append(slices.Clone(opened), "1m", "probe", "1s", "stale-ok"), half, 0},
		"nothing came of the probe before it":    {append(slices.Clone(opened), "1m", "probe", "1s", "stale-gone"), half, 0},
		"its first probe does not wait for time": {append(slices.Clone(opened), "1h"), open, 5*time.Second - time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
			now, b, probed := start, breaker{}, time.Time{}
			for _, step := range c.steps {
				b, now, probed = live(t, &rule, b, step, now, probed)
			}
			if b.closed() != (c.want == closed) || !b.closed() && b.state != c.want {
				t.Fatalf("it is %q, want %s", b.state, c.want)
			}
			if got := b.next.Sub(now); c.want == open && got != c.next {
				t.Errorf("the next probe is in %v, want %v", got, c.next)
			}
		})
	}
}

var healthByName = map[string]health{"ok": well, "fail": ill, "refused": refuses, "limited": unsaid}

// live makes one step of a breaker's life.
func live(t *testing.T, r *breakerRule, b breaker, step string, now, probed time.Time) (breaker, time.Time, time.Time) {
	s := sign{first: true, sent: now, probed: probed}
	switch step {
	case "probe":
		return b.probing(now), now, now
	case "gone":
		return b.unanswered(probed), now, time.Time{}
	case "stale-gone":
		return b.unanswered(now), now, probed
	case "asked":
		return b.asked(now), now, probed
	case "afresh":
		return r.afresh(b, now), now, probed
	case "retry-fail":
		s.first, s.health = false, ill
		return r.heed(b, now, s), now, time.Time{}
	case "stale-ok":
		s.health, s.probed = well, now
		return r.heed(b, now, s), now, probed
	case "late-ok", "late-fail", "late-refused":
		s.health, s.sent, s.probed = healthByName[step[len("late-"):]], now.Add(-time.Minute), time.Time{}
		return r.heed(b, now, s), now, probed
	}
	if h, ends := healthByName[step]; ends {
		s.health = h
		return r.heed(b, now, s), now, time.Time{}
	}
	d, err := time.ParseDuration(step)
	if err != nil {
		t.Fatal(err)
	}
	return b, now.Add(d), probed
}

// TestBreakerAgainstAList holds the rule against one that keeps a list of all attempts.
func TestBreakerAgainstAList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := breakerRule{least: rapid.IntRange(2, 8).Draw(t, "least"), refusals: rapid.IntRange(2, 6).Draw(t, "refusals"), slice: 10 * time.Second, first: 5 * time.Second, most: time.Minute}
		now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
		var b breaker
		ref := reference{rule: rule}
		var running []sign
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 900, 4000, 25_000, 70_000, 400_000}).Draw(t, "wait")) * time.Millisecond)
			switch rapid.IntRange(0, 9).Draw(t, "act") {
			case 0, 1, 2, 3: // an attempt begins, if it may
				s := sign{first: rapid.Bool().Draw(t, "first"), sent: now}
				if b.state == delivery.BreakerHalfOpen || b.state == delivery.BreakerOpen && b.next.After(now) {
					continue
				}
				if b.state == delivery.BreakerOpen {
					s.probed = now
				}
				b = b.probing(now)
				ref.begins(now)
				running = append(running, s)
			case 9:
				b, ref.next = b.asked(now), minTime(ref.next, now)
			default: // one of them ends
				if len(running) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(running)-1).Draw(t, "which")
				s := running[i]
				running = slices.Delete(running, i, i+1)
				s.health = health(rapid.SampledFrom([]int{0, 1, 1, 2, 2, 3, 3, 3}).Draw(t, "health"))
				b = rule.heed(b, now, s)
				ref.ends(now, s)
			}
			if got, want := describe(b.state, b.since, b.next, b.closed()), describe(ref.state, ref.since, ref.next, ref.state == ""); got != want {
				t.Fatalf("at %v: %s, want %s", now, got, want)
			}
		}
	})
}

func describe(state delivery.BreakerState, since, next time.Time, closed bool) string {
	if closed {
		return "closed"
	}
	return fmt.Sprint(state, " since ", since, ", probe ", next)
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// A reference keeps all that ended since it closed.
type reference struct {
	rule    breakerRule
	state   delivery.BreakerState // "": closed
	since   time.Time             // it opened
	renewed time.Time             // it opened or closed
	next    time.Time
	wait    time.Duration
	ended   []ending
}

type ending struct {
	slice int64
	sign
}

func (r *reference) begins(now time.Time) {
	if r.state == delivery.BreakerOpen {
		r.state = delivery.BreakerHalfOpen
	}
}

func (r *reference) ends(now time.Time, s sign) {
	if r.state != "" {
		if s.probed.Before(r.since) || r.state != delivery.BreakerHalfOpen || s.probed.IsZero() {
			return
		}
		switch {
		case s.health == well:
			*r = reference{rule: r.rule, renewed: now}
			return
		case s.health != unsaid:
			r.wait = min(2*r.wait, r.rule.most)
		}
		r.state, r.next = delivery.BreakerOpen, now.Add(r.wait)
		return
	}
	if s.health == unsaid || s.sent.Before(r.renewed) {
		return
	}
	r.ended = append(r.ended, ending{now.UnixNano() / int64(r.rule.slice), s})
	if s.health != well && (r.refused() || r.ill()) {
		*r = reference{rule: r.rule, state: delivery.BreakerOpen, since: now, renewed: now, next: now.Add(r.rule.first), wait: r.rule.first}
	}
}

func (r *reference) refused() bool {
	last := r.ended[max(len(r.ended)-r.rule.refusals, 0):]
	return len(last) == r.rule.refusals && !slices.ContainsFunc(last, func(e ending) bool { return e.health != refuses })
}

// ill: most of those in the newest slices fail, of as many slices as hold enough of them.
func (r *reference) ill() bool {
	newest := r.ended[len(r.ended)-1].slice
	for slices := int64(2); slices <= windowSlices; slices++ {
		var all, bad, first, firstBad int
		for _, e := range r.ended {
			if e.slice <= newest-slices {
				continue
			}
			failed := e.health != well
			all++
			if failed {
				bad++
			}
			if e.first {
				first++
			}
			if e.first && failed {
				firstBad++
			}
		}
		if all >= r.rule.least {
			return bad > all-bad && firstBad >= first-firstBad
		}
	}
	return false
}
