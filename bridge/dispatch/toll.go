package dispatch

import "time"

const (
	tollFree  = 100 * time.Microsecond // a look at an event that takes no longer is nobody's burden
	tollMost  = 50 * time.Millisecond  // with more, the endpoint leaves the live feed
	tollLimit = 200 * time.Millisecond // what an endpoint is reckoned at the most
	tollShare = 100                    // of so much time, a part is forgiven
)

// A toll is how long an endpoint's filters have lately kept whoever reads the topics for all. It
// decides who feeds the endpoint, never which events are for it.
type toll struct {
	owed time.Duration
	at   time.Time
}

// pay reckons a look at an event.
func (t *toll) pay(took time.Duration, now time.Time) {
	if took <= tollFree && t.owed == 0 {
		return
	}
	t.owed, t.at = t.left(now), now
	if took > tollFree {
		t.owed = min(t.owed+took, tollLimit)
	}
}

func (t *toll) left(now time.Time) time.Duration { return max(t.owed-now.Sub(t.at)/tollShare, 0) }

// high reports whether more than so much is owed.
func (t *toll) high(most time.Duration) bool { return t.owed > most && t.left(time.Now()) > most }
