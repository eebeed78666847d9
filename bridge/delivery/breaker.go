package delivery

import "time"

// A Breaker says what an endpoint's breaker does.
type Breaker struct {
	State BreakerState `json:"state"`
	Since time.Time    `json:"since,omitzero"` // it opened; zero while it is closed
	// NextProbe is when one attempt tries the endpoint. Where it has passed, the next event does.
	// Zero while that attempt runs, and while nothing is sent for another cause.
	NextProbe time.Time `json:"next_probe,omitzero"`
}

// BreakerState is a closed set.
type BreakerState string

const (
	BreakerClosed   BreakerState = "closed"    // attempts are made
	BreakerOpen     BreakerState = "open"      // none is, until the next probe
	BreakerHalfOpen BreakerState = "half_open" // a probe runs: the one attempt that decides
)
