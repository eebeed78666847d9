package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// Default is how long a silent member keeps its shards.
const Default = 10 * time.Second

// times are parts of the lease: what a killed member held must be with its heirs
// within the whole of it.
type times struct {
	term    time.Duration // own leases last from before a renewal was sent
	silence time.Duration // until a member is ended, from when its last renewal was seen; more than term
	renew   time.Duration // between renewals
	answer  time.Duration // to wait for one
	deaf    time.Duration // the watch is made anew when not even our own renewals came
	pause   time.Duration // before what failed is tried again
	keep    time.Duration // for the keys of members that ended
}

func timesOf(lease time.Duration) times {
	return times{
		term: lease * 76 / 100, silence: lease * 80 / 100,
		renew: lease / 20, answer: lease / 5, deaf: lease / 5, pause: lease / 100, keep: 6 * lease,
	}
}

// Leases are bus.Leases.
type Leases struct {
	bucket *bucket
	times  times
	log    *slog.Logger
}

// NewLeases shares shards by a bucket, which is made with as many copies as another stream has.
// lease is how long a silent member keeps its shards.
func New(l *link.Link, bucket, like string, lease time.Duration, log *slog.Logger) *Leases {
	return &Leases{bucket: newBucket(l, bucket, like), times: timesOf(lease), log: log}
}

// Join implements bus.Leases.
func (l *Leases) Join(ctx context.Context, shards int, m bus.Member) error {
	j := &member{
		bucket: l.bucket, times: l.times, log: l.log, id: rand.Text(),
		holder: bus.NewHolder(m), view: newView(shards),
	}
	defer j.holder.Wait()
	for told := false; ; {
		err := j.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if final := j.bucket.hopeless(err); final != nil {
			return fmt.Errorf("share the shards: %w", final)
		}
		lapsed := errors.Is(err, errLapsed)
		if lapsed || !told {
			j.log.Warn("this process has no shards: it will join again", "error", err)
		}
		told = !lapsed
		select {
		case <-time.After(j.times.pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// errLapsed ends a session: the leases ran out before they could be renewed.
var errLapsed = fmt.Errorf("%w: the leases ran out before they were renewed", bus.ErrUnavailable)
