package delivery

import "time"

// A Cause says why a pending delivery is not attempted now, or that it is; a closed set.
type Cause string

const (
	WaitsRetry    Cause = "retry"   // for its time in the schedule
	WaitsOrder    Cause = "order"   // for another one of its key
	WaitsLimited  Cause = "limited" // for its turn: a hold, the rate, the attempts that run, the members of its batch
	WaitsBreaker  Cause = "breaker" // for the probe that finds its endpoint well
	WaitsPaused   Cause = "paused"
	WaitsDisabled Cause = "disabled"
	WaitsBehind   Cause = "behind" // its endpoint's reader has not come to it
	WaitsReplay   Cause = "replay"
	WaitsRunning  Cause = "running" // its attempt is being made, or recorded
)

// Causes lists the closed set.
func Causes() []Cause {
	return []Cause{
		WaitsRetry, WaitsOrder, WaitsLimited, WaitsBreaker, WaitsPaused, WaitsDisabled, WaitsBehind, WaitsReplay, WaitsRunning,
	}
}

// A Standing is where a pending delivery stands.
type Standing struct {
	Waits Cause
	Until time.Time // as far as it is known
	Due   time.Time // of its next attempt, zero when it waits for its first or runs
}

// Within is where a delivery stands that ends at a time (Unix nanoseconds) whatever it waits for; 0 is
// never.
func (s Standing) Within(ends int64) Standing {
	if ends == 0 || s.Waits == WaitsRunning {
		return s
	}
	end := time.Unix(0, ends).UTC()
	if s.Due.After(end) { // there is no attempt any more
		s.Due = time.Time{}
	}
	if s.Until.IsZero() || s.Until.After(end) {
		s.Until = end
	}
	return s
}

// At is what can be said at a time: an end that has passed was none.
func (s Standing) At(now time.Time) Standing {
	if !s.Until.After(now) {
		s.Until = time.Time{}
	}
	return s
}

// A Waiting is a pending delivery and where it stands.
type Waiting struct {
	Entry
	Standing
}

// Stats is what waits now.
type Stats struct {
	Pending map[string]int64 // by reason: retry, order, limited, breaker, paused, disabled, behind, replay
	Oldest  time.Duration    // age of the oldest delivery that waits
	Longest Cause            // what that one waits for; "" where none does
	Shards  int
	Lag     int64 // events stored that the live feed has not read

	// OldestOf is the age of the oldest by the reason. Of what is limited only first attempts
	// count: a retry that has its turn in a moment is as old as its event.
	OldestOf map[string]time.Duration
}
