package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A verdict is what follows from one attempt.
type verdict struct {
	Outcome delivery.Outcome // "": the delivery goes on
	Ended   delivery.Ended
	Next    time.Time // of the next attempt, by the schedule
	Hold    time.Time // the endpoint asked for no attempt of any delivery before it
	Slow    bool      // it asked for fewer, and named no time that counts
	// Elsewhere: what failed is not the endpoint, of which the attempt says nothing.
	Elsewhere bool
	Disable   bool // the endpoint said that it is gone

	Sign  sign      // what it says about the endpoint's health
	Probe time.Time // the endpoint's breaker is open: no attempt before it
}

// decide judges an attempt by the delivery rules. number is that of the attempt, ended when
// it did, and chance in [0, 1) spreads the next one evenly over the jitter.
//
// What counts as success the sender has seen (success_on). 410 is final and disables the endpoint,
// what is in give_up_on is final. Everything else is tried again until the schedule is used up. What
// the status asks for holds or slows the whole endpoint (delivery.MeaningOf), also where the rest of
// the answer was lost.
func decide(ep *endpoint.Endpoint, number int, r *delivery.Response, ended time.Time, chance float64) verdict {
	switch {
	case r.Reason == "":
		return verdict{Outcome: delivery.Delivered}
	case r.Reason == delivery.ReasonGone:
		return verdict{Outcome: delivery.Failed, Ended: delivery.EndedGone, Disable: true}
	}
	// An endpoint that names its own proxy has to see to it; the process's is not its business.
	// Of one whose transform failed nobody has asked anything.
	v := verdict{Elsewhere: r.Reason == delivery.ReasonProxy && ep.Proxy == "" || r.Reason == delivery.ReasonTransform}
	switch m := delivery.MeaningOf(r.Status, r.RetryAfter > 0); {
	case ep.SuccessOn.Has(r.Status): // which did not arrive whole
	case m.Delayable && r.RetryAfter > 0:
		v.Hold = ended.Add(min(r.RetryAfter, maxHold))
	default:
		v.Slow = m.Slow
	}
	// Without a token, or behind a proxy that fails, the status is not the endpoint's last word.
	if r.Reason != delivery.ReasonAuth && r.Reason != delivery.ReasonProxy && ep.GiveUpOn.Has(r.Status) {
		v.Outcome, v.Ended = delivery.Failed, delivery.EndedRefused
		return v
	}
	wait, ok := ep.Schedule.Wait(number)
	if !ok {
		v.Outcome, v.Ended = delivery.Failed, delivery.EndedExhausted
		return v
	}
	wait += time.Duration(float64(wait) * float64(ep.Jitter) * chance)
	v.Next = ended.Add(wait)
	return v
}

// due is when the next attempt is made, if nothing ends the hold before and the breaker's probe succeeds.
func (v *verdict) due() time.Time {
	at := v.Next
	for _, held := range []time.Time{v.Hold, v.Probe} {
		if held.After(at) {
			at = held
		}
	}
	return at
}
