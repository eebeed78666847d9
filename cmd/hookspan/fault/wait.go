package fault

import (
	"context"
	"time"
)

// Await asks until done is true or ctx ends.
func Await(ctx context.Context, every time.Duration, done func() bool) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// Pause returns after d, or earlier when ctx ends.
func Pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Drain waits until nothing that was acknowledged is missing. It gives up when for the time of
// patience nothing has arrived at all.
func (o *Oracle) Drain(ctx context.Context, patience time.Duration) error {
	arrivals, moved := o.Arrivals(), time.Now()
	return Await(ctx, 50*time.Millisecond, func() bool { return o.Missing() == 0 || o.stuck(&arrivals, &moved, patience) })
}

func (o *Oracle) stuck(arrivals *int, moved *time.Time, patience time.Duration) bool {
	if n := o.Arrivals(); n != *arrivals {
		*arrivals, *moved = n, time.Now()
	}
	return time.Since(*moved) > patience
}
