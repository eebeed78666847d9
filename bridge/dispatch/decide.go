package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A verdict is what follows from one attempt.
type verdict struct {
	Outcome Outcome // "": the delivery goes on
	Ended   Ended
	Next    time.Time // of the next attempt
	Hold    time.Time // the endpoint asked for no attempt of any delivery before it
	Disable bool      // the endpoint said that it is gone
}

// decide judges an attempt by the delivery rules. number is that of the attempt, ended when
// it did, and chance in [0, 1) spreads the next one evenly over the jitter.
//
// 2xx is success. 410 is final and disables the endpoint. Everything else is tried again
// until the schedule is used up; a Retry-After on 429 or 503 moves the next attempt back
// and holds the whole endpoint meanwhile.
func decide(ep *endpoint.Endpoint, number int, r *Response, ended time.Time, chance float64) verdict {
	switch {
	case r.Reason == "":
		return verdict{Outcome: Delivered}
	case r.Reason == Gone:
		return verdict{Outcome: Failed, Ended: EndedGone, Disable: true}
	}
	var v verdict
	if r.RetryAfter > 0 && (r.Status == 429 || r.Status == 503) {
		v.Hold = ended.Add(min(r.RetryAfter, maxHold))
	}
	if number > len(ep.Schedule) {
		v.Outcome, v.Ended = Failed, Exhausted
		return v
	}
	wait := ep.Schedule[number-1]
	wait += time.Duration(float64(wait) * ep.Jitter * chance)
	v.Next = ended.Add(wait)
	if v.Hold.After(v.Next) {
		v.Next = v.Hold
	}
	return v
}
