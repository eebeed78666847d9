package feed

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	rangeReaders = 4 // of a process at a time
	rangesEvery  = 200 * time.Millisecond
	rangeIdle    = time.Second            // without a message, then a reader ends
	fullWait     = 100 * time.Millisecond // for a consumer that is full
	fullLook     = 2 * time.Millisecond   // between two looks at it
	fullWaits    = time.Second            // of a reader, all together
)

// A Range consumes what one endpoint has still to be brought of a partition.
type Range interface {
	Consumer
	// Seize says that a reader serves the range, Release that none does.
	Seize()
	Release()
	// Doubtful returns the place of a range that has to be checked before it is fed, Trust says
	// where it begins then.
	Doubtful() (at bus.Position, doubtful bool)
	Trust(at bus.Position)
	// Hungry reports whether it would take events now, Full whether it only waits for room.
	Hungry() bool
	Full() bool
}

// A Candidate is a range that could be fed now, and its place.
type Candidate struct {
	Range
	At bus.Position
}

// RangesOptions are what Ranges need. All are needed.
type RangesOptions struct {
	Partitions *Partitions
	Hungry     func() map[bus.Partition][]Candidate
	Admit      func(context.Context) error                // waits while nothing may be read
	Inspect    func(context.Context, *Batch) error        // is called with every batch before a range passes it
	Recheck    func(context.Context, bus.Partition) error // a reader found the partition cut back
	Reach      int64                                      // sequences within which ranges share a reader
	Complaints Complaints
}

// Ranges feeds ranges. One reader serves all that are at about the same place.
type Ranges struct {
	RangesOptions
	wake chan struct{} // one slot: Wake sends, Run receives
	free chan struct{} // a token for each reader that may run: begin takes, its reader gives back
}

// NewRanges reads nothing before Run.
func NewRanges(o RangesOptions) *Ranges {
	rs := &Ranges{RangesOptions: o, wake: make(chan struct{}, 1), free: make(chan struct{}, rangeReaders)}
	for range rangeReaders {
		rs.free <- struct{}{}
	}
	return rs
}

// Wake says that a range may have become hungry.
func (rs *Ranges) Wake() { signal(rs.wake) }

// Run starts readers until ctx ends and returns when the last has ended.
func (rs *Ranges) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	tick := time.NewTicker(rangesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-rs.wake:
		case <-tick.C:
		}
		for ctx.Err() == nil && rs.begin(ctx, &running) {
		}
	}
}

// begin starts one reader; false when there is none to start, or as many run as may.
func (rs *Ranges) begin(ctx context.Context, running *sync.WaitGroup) bool {
	select {
	case <-rs.free:
	default:
		return false
	}
	r := rs.gather()
	if r == nil {
		rs.free <- struct{}{}
		return false
	}
	running.Go(func() {
		r.serve(ctx)
		rs.free <- struct{}{}
		rs.Wake()
	})
	return true
}

// Once serves the ranges that are hungry now at about one place; false without any.
func (rs *Ranges) Once(ctx context.Context) bool {
	r := rs.gather()
	if r != nil {
		r.serve(ctx)
	}
	return r != nil
}

// gather takes the range of some partition that has been brought least, and all that are near it.
func (rs *Ranges) gather() *rangeReader {
	for p, candidates := range rs.Hungry() {
		first := candidates[0].At
		for _, c := range candidates {
			if c.At.Seq < first.Seq {
				first = c.At
			}
		}
		r := &rangeReader{RangesOptions: &rs.RangesOptions, reader: reader{topics: rs.Partitions.topics, partition: p, at: first, admit: rs.Admit}}
		for _, c := range candidates {
			if c.At.Same(first) && c.At.Seq-first.Seq <= rs.Reach {
				c.Seize()
				r.ranges = append(r.ranges, c.Range)
			}
		}
		return r
	}
	return nil
}

// A rangeReader serves ranges of one partition.
type rangeReader struct {
	*RangesOptions
	reader
	ranges []Range
	waited time.Duration // for consumers that were full
}

// serve reads from the place of the range that has been brought least until no range wants more.
func (r *rangeReader) serve(ctx context.Context) {
	err := r.check(ctx)
	if err == nil {
		err = r.read(ctx)
	}
	for _, x := range r.ranges {
		x.Release()
	}
	if errors.Is(err, bus.ErrCutBack) { // what is live need not have met it
		err = errors.Join(err, r.Recheck(ctx, r.partition))
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	r.Complaints.Warn("catch-up reader stopped, starting again", err, slog.String("partition", string(r.partition)))
	pause(ctx, rangeIdle) // not at once: the bus may be away
}

// check holds doubtful places against what the partition has now.
func (r *rangeReader) check(ctx context.Context) error {
	for _, x := range r.ranges {
		at, doubtful := x.Doubtful()
		if !doubtful {
			continue
		}
		spans, err := r.Partitions.Spans(ctx)
		if err != nil {
			return err
		}
		span, there, err := r.Partitions.Of(spans, r.partition)
		if err != nil {
			return err
		}
		if there && span.Identity == at.Identity {
			t, err := r.Partitions.Truncation(ctx, span, []bus.Position{at}, NoHistory)
			if err != nil {
				return err
			}
			at, _ = t.Remap(at)
		}
		x.Trust(at)
		if at.Same(r.at) && at.Seq < r.at.Seq {
			r.at = at
		}
	}
	return nil
}

func (r *rangeReader) read(ctx context.Context) error {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(rangeIdle, cancel) // nothing comes: look again at what is hungry
	defer idle.Stop()
	err := r.run(reading, func(b *Batch) error {
		idle.Reset(rangeIdle)
		return r.deliver(reading, b)
	})
	if reading.Err() != nil {
		return nil
	}
	return err
}

// deliver feeds every range. A reader of one range waits a moment for a consumer that is full:
// its endpoint may be quick, and a reader is dear to begin.
func (r *rangeReader) deliver(ctx context.Context, b *Batch) error {
	if err := r.Inspect(ctx, b); err != nil {
		return err
	}
	left := r.ranges[:0]
	for _, x := range r.ranges {
		more := x.Take(b)
		for !more && len(r.ranges) == 1 && r.waitFor(ctx, x) {
			more = x.Take(b)
		}
		if more {
			left = append(left, x)
		} else {
			x.Release()
		}
	}
	if r.ranges = left; len(left) == 0 {
		return errEnough
	}
	return nil
}

// waitFor waits until a consumer that is full has room, and reports whether it has. It waits not
// long for an endpoint that is slow, and not often for one that is quick: others want readers.
func (r *rangeReader) waitFor(ctx context.Context, x Range) bool {
	if !x.Full() {
		return false
	}
	for wait := fullWait; wait > 0 && r.waited < fullWaits && pause(ctx, fullLook); wait -= fullLook {
		r.waited += fullLook
		if x.Hungry() {
			return true
		}
	}
	return false
}
