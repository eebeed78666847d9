package receiver

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A SharedHistory tells what every process that uses the bus publishes, while it does.
// bus.Shared is one.
type SharedHistory interface {
	// FollowPublished tells of every event that intake publishes, whichever process wrote it,
	// beginning with those stored at since or later, until ctx ends.
	FollowPublished(ctx context.Context, since time.Time, each func(bus.Publication) error) error
}

const (
	// followOverlap is read again wherever following begins: clocks differ, and of several
	// partitions one may be behind the others.
	followOverlap = 5 * time.Minute
	followRetry   = 100 * time.Millisecond // at first; twice as long after each failure
	followMost    = 30 * time.Second
)

// Run writes refusals to their log and, on a bus that others use too, takes in what they
// publish, until ctx ends. It returns nil: neither is worth stopping for.
func (r *Receiver) Run(ctx context.Context) error {
	var working sync.WaitGroup
	working.Go(func() { r.keepRefusals(ctx) })
	if r.shared != nil {
		working.Go(func() { r.follow(ctx) })
	}
	working.Wait()
	return nil
}

// follow remembers what every process publishes, so that a repeat is recognised wherever it
// arrives. While the bus does not tell, repeats of other processes' events may pass: each break
// is logged once, shown by the metric, and made up for afterwards.
func (r *Receiver) follow(ctx context.Context) {
	select {
	case <-r.ready:
	case <-ctx.Done():
		return
	}
	newest, wait, broken := r.readFrom, followRetry, false
	for {
		began := time.Now()
		err := r.followFrom(ctx, newest.Add(-followOverlap), func(at time.Time) {
			if broken {
				broken = false
				r.log.Info("what other processes publish is followed again")
			}
			if at.After(newest) && at.Before(time.Now()) {
				newest = at
			}
		})
		if ctx.Err() != nil {
			return
		}
		if !broken {
			broken = true
			r.log.Warn("what other processes publish is not followed, their repeats may pass; trying again", slog.Any("error", err))
		}
		if time.Since(began) > followMost {
			wait = followRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			wait = min(2*wait, followMost)
		}
	}
}

// followFrom follows from a time until the bus stops telling, and calls progress with the time
// of each event.
func (r *Receiver) followFrom(ctx context.Context, since time.Time, progress func(at time.Time)) error {
	r.following.Store(true)
	defer r.following.Store(false)
	err := r.shared.FollowPublished(ctx, since, func(p bus.Publication) error {
		progress(p.At)
		return r.recall(p)
	})
	if err == nil {
		err = errors.New("the bus ended the report")
	}
	return err
}
