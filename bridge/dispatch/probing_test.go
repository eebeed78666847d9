package dispatch

import (
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

// broken is an endpoint that answered so to six events while attempts of two more hang; one more
// was not begun.
func (r *rig) broken(code int, change func(*endpoint.Endpoint)) *lane {
	r.t.Helper()
	r.d.limits.laneEntries, r.d.limits.entries = 100, 1000
	l := r.register("crm", func(e *endpoint.Endpoint) {
		e.Concurrency, e.Timeout = 8, 10*second
		if change != nil {
			change(e)
		}
	})
	r.out.holds(true)
	r.publish(1, 8, "a")
	r.feed()
	r.answer(code, 1, 2, 3, 4, 5, 6)
	r.publish(9, 9, "a")
	r.feed()
	if n := r.posts(9); n != 0 {
		r.t.Fatalf("%d attempts of event 9 behind a breaker", n)
	}
	r.is(l, delivery.BreakerOpen)
	return l
}

func (r *rig) is(l *lane, want delivery.BreakerState) {
	r.t.Helper()
	b := delivery.Breaker{State: delivery.BreakerClosed}
	if n := r.d.Note(l.ep.ID); n.Breaker != nil {
		b = *n.Breaker
	}
	if b.State != want {
		r.t.Fatalf("the breaker is %+v, want %s", b, want)
	}
}

// A probe does not wait for what hung when the breaker opened, and nothing else decides.
func TestAProbeIsMadeBesideWhatHangs(t *testing.T) {
	for _, code := range []int{500, 503} { // which also slows the endpoint down
		t.Run(strconv.Itoa(code), func(t *testing.T) { aProbeBesideWhatHangs(t, code) })
	}
}

func aProbeBesideWhatHangs(t *testing.T, code int) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.broken(code, nil)
		r.catchUp()
		elapse(2 * second)
		if n := r.posts(9); n != 1 {
			t.Fatalf("%d probes", n)
		}
		r.is(l, delivery.BreakerHalfOpen)
		r.answer(200, 7)
		r.is(l, delivery.BreakerHalfOpen)
		r.publish(10, 12, "a")
		r.feed()
		r.catchUp()
		if n := r.posts(10) + r.posts(11) + r.posts(12); n != 0 {
			t.Errorf("%d attempts beside the probe", n)
		}
		probed := l.breaker.probed
		if st := r.standing(10); st.Waits != delivery.WaitsBreaker || !st.Until.Equal(probed.Add(10*second)) {
			t.Errorf("%+v, want breaker until the probe's end at the latest", st)
		}
		r.answer(200, 9)
		r.is(l, delivery.BreakerClosed)
		r.answer(500, 8) // it began before
		r.is(l, delivery.BreakerClosed)
		if l.breaker.recent.newest != 0 {
			t.Error("an attempt of before it closed was counted")
		}
		r.catchUp()
		r.answer(200, 10, 11, 12)
	})
}

// Probes are by turns of events that were not tried and of retries that are due, so that neither
// uses up the other's attempts nor hides that the endpoint is well.
func TestProbesTakeTurns(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.broken(500, func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(second, second) })
		r.answer(500, 7, 8)
		r.publish(10, 11, "a")
		r.feed()
		retries := func() (n int) {
			for i := 1; i <= 8; i++ {
				n += r.posts(i) - 1
			}
			return n
		}
		for probe, want := range []struct{ first, retries int }{{9, 0}, {9, 1}, {10, 1}, {10, 2}, {11, 2}} {
			r.catchUp()
			elapse(10 * second)
			if firsts := r.posts(9) + r.posts(10) + r.posts(11); firsts != want.first-8 || retries() != want.retries {
				t.Fatalf("probe %d: %d first attempts and %d retries, want %d and %d", probe, firsts, retries(), want.first-8, want.retries)
			}
			for i := 1; i <= 11; i++ {
				r.out.mu.Lock()
				runs := len(r.out.open[dispatchtest.Event(i, "").ID]) > 0
				r.out.mu.Unlock()
				if runs {
					r.answer(500, i)
				}
			}
		}
	})
}

// Where nothing but retries wait, the next probe is when the first of them is due.
func TestTheNextProbeIsWhenThereIsSomethingToSend(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency = 8 })
		r.out.holds(true)
		r.publish(1, 6, "a")
		r.feed()
		r.answer(500, 1, 2, 3, 4, 5, 6)
		b, due := r.d.Note(l.ep.ID).Breaker, r.s.known[r.entry(1)].Due
		if b == nil || !b.NextProbe.Equal(due) {
			t.Fatalf("%+v, want the next probe when the first retry is due, %v", b, due)
		}
		if st := r.standing(1); st.Waits != delivery.WaitsRetry || st.Until != due {
			t.Errorf("%+v", st)
		}
		elapse(time.Until(due) + settling)
		made := 0
		for n := 1; n <= 6; n++ {
			made += r.posts(n) - 1
		}
		if made != 1 {
			t.Errorf("%d attempts, want one", made)
		}
		if b := r.d.Note(l.ep.ID).Breaker; b.State != delivery.BreakerHalfOpen || !b.NextProbe.IsZero() {
			t.Errorf("while it runs it is %+v", b)
		}
	})
}

// A probe whose event is gone was no attempt: the next one is made at once.
func TestAProbeOfNothingDecidesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency, e.Schedule = 8, endpoint.Waits(second, second) })
		r.out.holds(true)
		r.publish(1, 6, "a")
		r.feed()
		r.answer(500, 1, 2, 3, 4, 5, 6)
		r.store.Expire(part, r.read.Seq+1)
		elapse(3 * second)
		r.is(l, delivery.BreakerOpen)
		r.publish(7, 8, "a")
		r.feed()
		r.catchUp()
		if n := r.posts(7) + r.posts(8); n != 1 {
			t.Errorf("%d attempts, want the probe", n)
		}
	})
}

func TestWhatAnAttemptSaysOfHealth(t *testing.T) {
	t.Parallel()
	const last = 3
	for name, c := range map[string]struct {
		number int
		change func(*endpoint.Endpoint)
		res    delivery.Response
		want   health
	}{
		"delivered":            {1, nil, delivery.Response{Status: 204}, well},
		"an error":             {1, nil, delivery.Response{Status: 500, Reason: delivery.ReasonStatus}, ill},
		"an error, the last":   {last, nil, delivery.Response{Status: 404, Reason: delivery.ReasonStatus}, ill},
		"gone":                 {1, nil, delivery.Response{Status: 410, Reason: delivery.ReasonGone}, ill},
		"no answer":            {1, nil, delivery.Response{Reason: delivery.ReasonTimeout}, ill},
		"a request not made":   {1, nil, delivery.Response{Reason: delivery.ReasonProtocol}, ill},
		"no token":             {1, nil, delivery.Response{Reason: delivery.ReasonAuth}, ill},
		"503 with Retry-After": {1, nil, delivery.Response{Status: 503, Reason: delivery.ReasonLimited, RetryAfter: time.Second}, ill},
		"429":                  {1, nil, delivery.Response{Status: 429, Reason: delivery.ReasonLimited}, unsaid},
		"429 at its last":      {last, nil, delivery.Response{Status: 429, Reason: delivery.ReasonLimited}, unsaid},
		"429 for good":         {1, func(e *endpoint.Endpoint) { e.GiveUpOn = setting.Statuses{{429, 429}} }, delivery.Response{Status: 429, Reason: delivery.ReasonLimited}, unsaid},
		"429 that is success":  {1, func(e *endpoint.Endpoint) { e.SuccessOn = setting.Statuses{{429, 429}} }, delivery.Response{Status: 429}, well},
		"of which a part came": {1, func(e *endpoint.Endpoint) { e.SuccessOn = setting.Statuses{{429, 429}} }, delivery.Response{Status: 429, Reason: delivery.ReasonClosed}, ill},
		"what it gives up on":  {1, func(e *endpoint.Endpoint) { e.GiveUpOn = setting.Statuses{{422, 422}} }, delivery.Response{Status: 422, Reason: delivery.ReasonStatus}, ill},
		"the process's proxy":  {1, nil, delivery.Response{Reason: delivery.ReasonProxy}, unsaid},
		"that proxy, the last": {last, nil, delivery.Response{Reason: delivery.ReasonProxy}, unsaid},
		"its own proxy":        {1, func(e *endpoint.Endpoint) { e.Proxy = "http://proxy.example" }, delivery.Response{Reason: delivery.ReasonProxy}, ill},
		"refused":              {1, nil, delivery.Response{Reason: delivery.ReasonConnect, Refused: true}, refuses},
		"connected in no time": {1, nil, delivery.Response{Reason: delivery.ReasonConnect}, ill},
	} {
		ep := endpoint.Default()
		ep.Schedule = endpoint.Waits(second, second)
		if c.change != nil {
			c.change(ep)
		}
		v := decide(ep, c.number, &c.res, time.Now(), 0)
		if got := healthOf(ep, &v, &c.res); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// A probe is an attempt under attempts_limit: it begins only once the state log counts it.
func TestAProbeNeedsTheQuota(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.broken(500, nil)
		r.answer(500, 7, 8)
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.AttemptsLimit = setting.Quota{Count: 1, Per: time.Minute} })
		r.apply()
		r.catchUp()
		elapse(3 * second)
		r.is(l, delivery.BreakerOpen)
		if n := r.posts(9); n != 0 {
			t.Fatalf("%d probes that the log does not count", n)
		}
		r.step()
		elapse(settling)
		if n := r.posts(9); n != 1 {
			t.Fatalf("%d probes once the log counts one", n)
		}
		began := time.Now()
		r.answer(500, 9)
		r.step()
		b := r.d.Note(l.ep.ID).Breaker
		if b == nil || b.State != delivery.BreakerOpen || b.NextProbe.Sub(began) < 59*second {
			t.Fatalf("%+v, want the next probe when the limit has room, a minute after the first", b)
		}
		if st := r.standing(1); st.Waits != delivery.WaitsRetry && st.Until.Before(b.NextProbe) {
			t.Errorf("what it holds is %+v, want until %v", st, b.NextProbe)
		}
	})
}

// A max_age ends what a breaker holds, and what an operator wanted to be the next probe.
func TestABreakerHoldsNothingBeyondItsAge(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.broken(500, func(e *endpoint.Endpoint) { e.MaxAge = 90 * second })
		r.answer(500, 7, 8)
		r.s.mu.Lock()
		l.breaker.next = time.Now().Add(time.Hour)
		r.s.mu.Unlock()
		r.catchUp()
		if st := r.standing(9); st.Waits != delivery.WaitsBreaker || time.Until(st.Until) > 90*second {
			t.Errorf("%+v, want breaker until its age ends it", st)
		}
		elapse(90 * second)
		r.s.mu.Lock()
		waits, fresh := len(l.waiting), l.fresh
		r.s.mu.Unlock()
		if waits+fresh != 0 {
			t.Errorf("%d retries and %d events wait beyond their age", waits, fresh)
		}
		r.is(l, delivery.BreakerOpen)
	})
}

// What an endpoint needs of the topics gives way, when they are full, once its breaker has been open
// for an hour.
func TestABreakerThatIsOpenForLongGivesWay(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.broken(500, nil)
		opened := l.breaker.since
		for after, want := range map[time.Duration]bool{time.Minute: false, time.Hour - 1: false, time.Hour: true} {
			if got := l.givenUp(opened.Add(after)); got != want {
				t.Errorf("%v after it opened: %v, want %v", after, got, want)
			}
		}
		if l.breaker = (breaker{since: opened}); l.givenUp(opened.Add(100 * time.Hour)) {
			t.Error("one that is closed gives way")
		}
	})
}

func TestMetricsOfBreakers(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.broken(500, nil)
		r.register("erp", nil)
		registry := prometheus.NewRegistry()
		registry.MustRegister(&census{d: r.d}, r.d.metrics.opened)
		b := r.d.Note(l.ep.ID).Breaker
		for name, want := range map[string]map[string]float64{
			"hookspan_breakers":                                      {"closed": 1, "open": 1, "half_open": 0},
			"hookspan_breakers_opened_total":                         {"": 1},
			"hookspan_endpoint_breakers":                             {"crm open": 1},
			"hookspan_endpoint_breaker_since_timestamp_seconds":      {"crm": seconds(b.Since)},
			"hookspan_endpoint_breaker_next_probe_timestamp_seconds": {"crm": seconds(b.NextProbe)},
		} {
			got := series(t, registry, name)
			for labels, v := range want {
				if got[labels] != v {
					t.Errorf("%s{%s} is %v, want %v", name, labels, got[labels], v)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}
