package embedded

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// clientsFill is how much of the event stream clients may fill, in percent of its limit. Intake
// goes further, and dead letters and operations events to the end.
const clientsFill = 90

// An allowance is what clients may still publish until the next look.
type allowance struct{ left atomic.Int64 }

// take counts a message; false when it is too much.
func (a *allowance) take(size int) bool {
	if a.left.Add(-int64(size)) >= 0 {
		return true
	}
	a.left.Add(int64(size))
	return false
}

// allow looks at how full the event stream is.
func (d *desk) allow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, watchInterval)
	defer cancel()
	var info jetstream.StreamInfo
	answer, err := ask(ctx, d.events.nc, "STREAM.INFO."+d.s.o.Protect[0], struct{}{})
	if err != nil || json.Unmarshal(answer, &info) != nil || info.Config.Name == "" {
		return // it is not there yet, or not now
	}
	limit := info.Config.MaxBytes
	if limit <= 0 {
		limit = d.s.EventStore()
	}
	d.allowance.left.Store(limit/100*clientsFill - int64(info.State.Bytes))
}

// watchRoom keeps the allowance right until ctx ends.
func (d *desk) watchRoom(ctx context.Context) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		d.allow(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
