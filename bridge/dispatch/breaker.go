package dispatch

import (
	"net/http"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// A breaker keeps attempts from an endpoint most of whose attempts fail, but for a probe now and
// then. It is a value: a breakerRule makes the next one of it. The zero value is closed.
type breaker struct {
	state delivery.BreakerState // "" is closed, too
	since time.Time             // it opened, or was closed again: what was sent before says nothing new

	next   time.Time     // open: of the probe
	wait   time.Duration // before the last probe, or the next one
	probed time.Time     // half open: when the probe began

	refused int // connections, one after the other, up to when it opened
	recent  window
}

func (b *breaker) closed() bool { return b.state == "" || b.state == delivery.BreakerClosed }

// A breakerRule says when a breaker opens and how often it lets a probe through.
type breakerRule struct {
	least       int           // attempts that it is judged by
	refusals    int           // connections refused one after the other that open it at once
	slice       time.Duration // of the window
	first, most time.Duration // before a probe
}

func defaultBreakerRule() breakerRule {
	return breakerRule{least: 20, refusals: 10, slice: 10 * time.Second, first: 5 * time.Second, most: 5 * time.Minute}
}

// A sign is what an attempt says about the endpoint's health.
type sign struct {
	health health
	first  bool      // it was a delivery's first attempt
	sent   time.Time // when it began
	probed time.Time // of a probe: when the breaker let it through
}

// health is a closed set.
type health uint8

const (
	unsaid  health = iota // nothing: a proxy failed that is not the endpoint's own, or the endpoint asked for fewer
	well                  // it succeeds
	ill                   // it fails
	refuses               // it fails, and nobody listens at its address
)

// healthOf judges an attempt. An endpoint that asks for fewer is not ill, nor is one that another
// party's fault keeps from being asked.
func healthOf(ep *endpoint.Endpoint, v *verdict, res *delivery.Response) health {
	switch {
	case v.Outcome == delivery.Delivered:
		return well
	case v.Elsewhere, res.Status == http.StatusTooManyRequests && !ep.SuccessOn.Has(res.Status):
		return unsaid
	case res.Refused:
		return refuses
	}
	return ill
}

// heed takes in an attempt that ended now. What was sent before the breaker opened or closed does
// not count; of a breaker that is not closed only its probe does.
func (r *breakerRule) heed(b breaker, now time.Time, s sign) breaker {
	switch {
	case !b.closed():
		if b.state != delivery.BreakerHalfOpen || !s.probed.Equal(b.probed) {
			return b
		}
		return r.answered(b, now, s.health)
	case s.health == unsaid, s.sent.Before(b.since):
		return b
	}
	if b.refused++; s.health != refuses {
		b.refused = 0
	}
	b.recent = b.recent.count(r.slice, now, s)
	if s.health != well && (b.refused >= r.refusals || b.recent.ill(r.least)) {
		return breaker{state: delivery.BreakerOpen, since: now, next: now.Add(r.first), wait: r.first, refused: b.refused}
	}
	return b
}

// answered takes in what came of the probe.
func (r *breakerRule) answered(b breaker, now time.Time, h health) breaker {
	switch h {
	case well:
		return breaker{state: delivery.BreakerClosed, since: now}
	case unsaid:
	default:
		b.wait = min(2*b.wait, r.most)
	}
	b.state, b.next = delivery.BreakerOpen, now.Add(b.wait)
	return b
}

// probing takes in that the probe begins now.
func (b breaker) probing(now time.Time) breaker {
	if b.state == delivery.BreakerOpen {
		b.state, b.probed = delivery.BreakerHalfOpen, now
	}
	return b
}

// unanswered takes in that nothing came of a probe: another attempt may be it at once.
func (b breaker) unanswered(probed time.Time) breaker {
	if b.state == delivery.BreakerHalfOpen && probed.Equal(b.probed) {
		b.state = delivery.BreakerOpen
	}
	return b
}

// asked takes in that an operator wants to know how the endpoint is now.
func (b breaker) asked(now time.Time) breaker {
	if b.state == delivery.BreakerOpen && b.next.After(now) {
		b.next = now
	}
	return b
}

// afresh is asked, for an operator who has set the endpoint going: a breaker that is not closed
// begins with short waits again.
func (r *breakerRule) afresh(b breaker, now time.Time) breaker {
	if !b.closed() {
		b.wait = r.first
	}
	return b.asked(now)
}

// durable is its form in the state log. A successor that finds a probe on its way makes one more.
func (b *breaker) durable(url string) statelog.Breaker {
	if b.closed() {
		return statelog.Breaker{}
	}
	return statelog.Breaker{Since: b.since.UnixNano(), Next: b.next.UnixNano(), Wait: int64(b.wait), At: statelog.HashOf(url)}
}

// restoreBreaker is the breaker as a successor finds it: open, with its next probe as it was, if it
// is of the server that the endpoint still is at.
func restoreBreaker(d statelog.Breaker, url string) breaker {
	if d.Since == 0 || d.At != statelog.HashOf(url) {
		return breaker{}
	}
	return breaker{state: delivery.BreakerOpen, since: time.Unix(0, d.Since), next: time.Unix(0, d.Next), wait: time.Duration(d.Wait)}
}
