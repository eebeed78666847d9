package dispatch

import (
	"sync/atomic"
	"time"
)

// The headers of a success are twice its record, so they are kept of some: of all where there are few,
// and of a few where there are many.
const (
	wholeEach   = 10 * time.Second
	wholeOfLane = 10 // of an endpoint's attempts within each
	wholeOfAll  = 200
)

// A ration lets so many through within each stretch of time. The zero value is full.
type ration struct{ stretch, taken atomic.Int64 }

func (r *ration) take(now time.Time, most int64) bool {
	if at := now.Unix() / int64(wholeEach/time.Second); r.stretch.Load() != at {
		r.stretch.Store(at)
		r.taken.Store(0)
	}
	return r.taken.Load() < most && r.taken.Add(1) <= most
}

// whole reports whether the attempt's record has headers also if it succeeds.
func (a attempt) whole(now time.Time) bool {
	return a.lane.whole.take(now, wholeOfLane) && a.shard.d.whole.take(now, wholeOfAll)
}
