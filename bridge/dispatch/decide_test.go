package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	ep := endpoint.Default()
	ep.Schedule, ep.Jitter = endpoint.Waits(time.Minute, time.Hour), 0.1
	ended := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	in := func(d time.Duration) time.Time { return ended.Add(d) }
	failed := func(status int) delivery.Response {
		return delivery.Response{Status: status, Reason: delivery.ReasonStatus}
	}
	limited := func(status int, after time.Duration) delivery.Response {
		return delivery.Response{Status: status, Reason: delivery.ReasonLimited, RetryAfter: after}
	}
	for name, c := range map[string]struct {
		number int
		res    delivery.Response
		chance float64
		want   verdict
	}{
		"2xx":                             {1, delivery.Response{Status: 204}, 0, verdict{Outcome: delivery.Delivered}},
		"2xx at the last attempt":         {3, delivery.Response{Status: 200}, 0, verdict{Outcome: delivery.Delivered}},
		"first failure":                   {1, failed(500), 0, verdict{Next: in(time.Minute)}},
		"first failure, jitter":           {1, failed(500), 0.5, verdict{Next: in(63 * time.Second)}},
		"second failure":                  {2, failed(404), 0, verdict{Next: in(time.Hour)}},
		"redirect":                        {1, delivery.Response{Status: 302, Reason: delivery.ReasonRedirect}, 0, verdict{Next: in(time.Minute)}},
		"no answer":                       {1, delivery.Response{Reason: delivery.ReasonTimeout}, 0, verdict{Next: in(time.Minute)}},
		"the proxy failed":                {1, delivery.Response{Reason: delivery.ReasonProxy}, 0, verdict{Next: in(time.Minute), Elsewhere: true}},
		"the schedule is used up":         {3, failed(500), 0, verdict{Outcome: delivery.Failed, Ended: delivery.EndedExhausted}},
		"beyond the schedule":             {9, failed(500), 0, verdict{Outcome: delivery.Failed, Ended: delivery.EndedExhausted}},
		"410":                             {1, delivery.Response{Status: 410, Reason: delivery.ReasonGone}, 0, verdict{Outcome: delivery.Failed, Ended: delivery.EndedGone, Disable: true}},
		"429, soon":                       {1, limited(429, 10*time.Second), 0, verdict{Next: in(time.Minute), Hold: in(10 * time.Second)}},
		"429, late":                       {1, limited(429, 5*time.Minute), 0, verdict{Next: in(time.Minute), Hold: in(5 * time.Minute)}},
		"503, far too late":               {1, limited(503, 48*time.Hour), 0, verdict{Next: in(time.Minute), Hold: in(maxHold)}},
		"429 at the last attempt":         {3, limited(429, time.Minute), 0, verdict{Outcome: delivery.Failed, Ended: delivery.EndedExhausted, Hold: in(time.Minute)}},
		"Retry-After on something else":   {1, delivery.Response{Status: 500, Reason: delivery.ReasonStatus, RetryAfter: time.Hour}, 0, verdict{Next: in(time.Minute)}},
		"429 without a Retry-After":       {1, limited(429, 0), 0, verdict{Next: in(time.Minute), Slow: true}},
		"503 without a Retry-After":       {1, failed(503), 0, verdict{Next: in(time.Minute), Slow: true}},
		"502, whatever it asks for":       {1, delivery.Response{Status: 502, Reason: delivery.ReasonStatus, RetryAfter: time.Hour}, 0, verdict{Next: in(time.Minute), Slow: true}},
		"504":                             {1, failed(504), 0, verdict{Next: in(time.Minute), Slow: true}},
		"jitter does not touch the limit": {1, limited(429, 5*time.Minute), 0.5, verdict{Next: in(63 * time.Second), Hold: in(5 * time.Minute)}},
	} {
		if got := decide(ep, c.number, &c.res, ended, c.chance); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	own := ep.Clone()
	own.Proxy = "http://proxy.example"
	if got := decide(own, 1, &delivery.Response{Reason: delivery.ReasonProxy}, ended, 0); got.Elsewhere {
		t.Errorf("a proxy of the endpoint's own: %+v", got)
	}
	if err := ep.Schedule.Parse("exponential(10s, 3, 1m, 4)"); err != nil {
		t.Fatal(err)
	}
	for number, wait := range map[int]time.Duration{1: 10 * time.Second, 2: 30 * time.Second, 3: time.Minute} {
		if got := decide(ep, number, &delivery.Response{Status: 500, Reason: delivery.ReasonStatus}, ended, 0); got != (verdict{Next: in(wait)}) {
			t.Errorf("after attempt %d by the rule: %+v, want a wait of %v", number, got, wait)
		}
	}
	if got := decide(ep, 4, &delivery.Response{Status: 500, Reason: delivery.ReasonStatus}, ended, 0); got.Ended != delivery.EndedExhausted {
		t.Errorf("after the last attempt of the rule: %+v", got)
	}
	ep.Schedule = endpoint.Schedule{}
	if got := decide(ep, 1, &delivery.Response{Status: 500, Reason: delivery.ReasonStatus}, ended, 0); got.Ended != delivery.EndedExhausted {
		t.Errorf("without a schedule there is one attempt, got %+v", got)
	}
}

func TestDecideByTheStatusesOfTheEndpoint(t *testing.T) {
	t.Parallel()
	ep := endpoint.Default()
	ep.Schedule, ep.Jitter = endpoint.Waits(time.Minute), 0
	ep.SuccessOn, ep.GiveUpOn = setting.Statuses{{200, 200}, {504, 504}}, setting.Statuses{{202, 202}, {400, 429}}
	ended := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	again := verdict{Next: ended.Add(time.Minute)}
	refused := verdict{Outcome: delivery.Failed, Ended: delivery.EndedRefused}
	slow, held := refused, refused
	slow.Slow, held.Hold = true, ended.Add(time.Second)
	for name, c := range map[string]struct {
		number int
		res    delivery.Response
		want   verdict
	}{
		"success":                      {1, delivery.Response{Status: 504}, verdict{Outcome: delivery.Delivered}},
		"success that was cut off":     {1, delivery.Response{Status: 504, Reason: delivery.ReasonClosed}, again},
		"2xx that is no success":       {1, delivery.Response{Status: 204, Reason: delivery.ReasonStatus}, again},
		"2xx that is given up":         {1, delivery.Response{Status: 202, Reason: delivery.ReasonStatus}, refused},
		"given up":                     {1, delivery.Response{Status: 422, Reason: delivery.ReasonStatus}, refused},
		"given up at the last attempt": {2, delivery.Response{Status: 422, Reason: delivery.ReasonStatus}, refused},
		"given up and slowed":          {1, delivery.Response{Status: 429, Reason: delivery.ReasonLimited}, slow},
		"given up and held":            {1, delivery.Response{Status: 429, Reason: delivery.ReasonLimited, RetryAfter: time.Second}, held},
		"410 as ever":                  {1, delivery.Response{Status: 410, Reason: delivery.ReasonGone}, verdict{Outcome: delivery.Failed, Ended: delivery.EndedGone, Disable: true}},
		"no answer":                    {1, delivery.Response{Reason: delivery.ReasonTimeout}, again},
		"no token after a refusal":     {1, delivery.Response{Status: 401, Reason: delivery.ReasonAuth}, again},
	} {
		if got := decide(ep, c.number, &c.res, ended, 0); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	began := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for name, c := range map[string]struct {
		rate  endpoint.Rate
		asked []time.Duration // when attempts wait, since the begin
		want  []time.Duration // when they begin
	}{
		"none":                 {endpoint.Rate{}, []time.Duration{0, 0, 0}, []time.Duration{0, 0, 0}},
		"begins empty, spaced": {endpoint.Rate{PerSecond: 10, Burst: 1}, ms(0, 0, 0), ms(100, 200, 300)},
		"no credit for pauses": {endpoint.Rate{PerSecond: 10, Burst: 1}, ms(1000, 1000, 1000), ms(1000, 1100, 1200)},
		"burst, begins empty":  {endpoint.Rate{PerSecond: 10, Burst: 3}, ms(0, 0, 0), ms(100, 200, 300)},
		"burst after a pause":  {endpoint.Rate{PerSecond: 10, Burst: 3}, ms(1000, 1000, 1000, 1000), ms(1000, 1000, 1000, 1100)},
		"burst of none is one": {endpoint.Rate{PerSecond: 10}, ms(1000, 1000), ms(1000, 1100)},
		"less than one":        {endpoint.Rate{PerSecond: 0.5, Burst: 1}, ms(0, 0), ms(2000, 4000)},
	} {
		l := newLimiter(c.rate, began)
		for i, at := range c.asked {
			now := began.Add(at)
			if ready := l.ready(); ready.After(now) {
				now = ready
			}
			l.take(now)
			if got := now.Sub(began); got != c.want[i] {
				t.Errorf("%s: attempt %d begins after %v, want %v", name, i, got, c.want[i])
			}
		}
	}
}

func ms(n ...int) (all []time.Duration) {
	for _, x := range n {
		all = append(all, time.Duration(x)*time.Millisecond)
	}
	return all
}
