package dispatch

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// unrecordedAge is how long a journal may take before attempts are held back.
	unrecordedAge = 5 * time.Second
	capacityPoll  = 5 * time.Millisecond
)

// A throttle holds attempts and readers back while the journal does not take the records of what
// was attempted.
type throttle struct {
	most   int64  // attempts without an acknowledged record
	resume func() // begins what was held back

	unacked   atomic.Int64 // attempts without an acknowledged record
	stalls    atomic.Int64 // shards whose journal has not acknowledged for too long
	throttled atomic.Bool  // some lane was held back
}

// unrecorded counts attempts whose record is not acknowledged.
func (t *throttle) unrecorded(n int) {
	t.unacked.Add(int64(n))
	if n < 0 {
		t.release()
	}
}

// stalled counts the shards whose journal has not acknowledged for too long.
func (t *throttle) stalled(n int64) {
	t.stalls.Add(n)
	if n < 0 {
		t.release()
	}
}

// release lets lanes go on that were held back, when there is capacity again.
func (t *throttle) release() {
	if t.throttled.Load() && t.hasCapacity() && t.throttled.Swap(false) {
		t.resume()
	}
}

// hasCapacity: attempts may begin, their records are being acknowledged.
func (t *throttle) hasCapacity() bool {
	return t.unacked.Load() < t.most && t.stalls.Load() <= 0
}

// allow is hasCapacity for a lane, which goes on by itself once there is capacity again.
func (t *throttle) allow() bool {
	if t.hasCapacity() {
		return true
	}
	t.throttled.Store(true)
	return t.hasCapacity() // it may have come back before anybody could see that we wait
}

// wait holds readers back with the attempts.
func (t *throttle) wait(ctx context.Context) error {
	for !t.hasCapacity() {
		if !pause(ctx, capacityPoll) {
			break
		}
	}
	return ctx.Err()
}
