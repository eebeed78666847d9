package receiver

import (
	"sync/atomic"

	"golang.org/x/time/rate"
)

// A valve lets through so many lines or records a second, and counts the others: what a
// stranger can cause must not fill a disk.
type valve struct {
	limit  *rate.Limiter
	missed atomic.Int64 // since the last that went through
}

func newValve(perSecond float64, burst int) *valve {
	return &valve{limit: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// admit reports whether one more may pass, and how many before it did not.
func (v *valve) admit() (missed int64, ok bool) {
	if !v.limit.Allow() {
		v.missed.Add(1)
		return 0, false
	}
	return v.missed.Swap(0), true
}
