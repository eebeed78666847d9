package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A limiter spaces attempts exactly (the generic cell rate algorithm): never more than Burst
// at once, and PerSecond over any longer time. It begins without a token, so that a takeover
// does not allow what the owner before has already used. The zero value limits nothing.
type limiter struct {
	interval time.Duration
	burst    time.Duration // how far the schedule may lie ahead: (Burst-1) intervals
	next     time.Time     // when the next attempt is due if they were spaced evenly
}

func newLimiter(r endpoint.Rate, now time.Time) limiter {
	if r.PerSecond <= 0 {
		return limiter{}
	}
	i := time.Duration(float64(time.Second) / r.PerSecond)
	burst := time.Duration(max(r.Burst, 1)-1) * i
	return limiter{interval: i, burst: burst, next: now.Add(i + burst)}
}

// ready returns when the next attempt may begin; not after now means at once.
func (l *limiter) ready() time.Time { return l.next.Add(-l.burst) }

// take counts an attempt that begins now.
func (l *limiter) take(now time.Time) {
	if l.interval == 0 {
		return
	}
	if l.next.Before(now) {
		l.next = now
	}
	l.next = l.next.Add(l.interval)
}
