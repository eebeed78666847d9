package dispatch

import (
	"context"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Locate finds the newest followed events of an id: in all partitions among what was stored since
// then, and in those that from names among what lies after it; with no time only there. It reports
// false when ctx ended, or the bus failed, before it had seen all of that. One search runs at a time.
func (d *Dispatcher) Locate(ctx context.Context, id string, from bus.Positions, since time.Time) (found []bus.Message, whole bool) {
	if enter(ctx, d.locating) != nil {
		return nil, false
	}
	defer leave(d.locating)
	return d.partitions.Locate(ctx, id, from, since)
}
