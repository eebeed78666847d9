package dispatch

import (
	"context"
	"time"
)

const (
	// unrecordedAge is how long a journal may take before attempts are held back.
	unrecordedAge = 5 * time.Second
	roomPoll      = 5 * time.Millisecond
)

// unrecorded counts attempts whose record is not acknowledged. When there is room again,
// lanes that were held back go on.
func (d *Dispatcher) unrecorded(n int) {
	d.unacked.Add(int64(n))
	if n < 0 {
		d.feedStarving()
	}
}

// stalled counts the shards whose journal has not acknowledged for too long.
func (d *Dispatcher) stalled(n int64) {
	d.stalls.Add(n)
	if n < 0 {
		d.feedStarving()
	}
}

func (d *Dispatcher) feedStarving() {
	if d.starving.Load() && d.room() && d.starving.Swap(false) {
		for _, s := range d.shards() {
			s.wakeAll()
		}
	}
}

// room: attempts may begin, their records are being acknowledged.
func (d *Dispatcher) room() bool {
	return d.unacked.Load() < d.limits.unrecorded && d.stalls.Load() <= 0
}

// waitForRoom holds the follower back with the attempts.
func (d *Dispatcher) waitForRoom(ctx context.Context) error {
	for !d.room() {
		if !pause(ctx, roomPoll) {
			break
		}
	}
	return ctx.Err()
}
