package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Leases on JetStream: every member has a key that it writes again and again, and every shard
// has a key that names its holder. Each member watches all of it and works out alone which
// shards it should have. A member that has been silent for longer than its own leases can last
// is ended: somebody writes so over its key, which the server refuses if it was not silent
// after all. Only then is free what it held. No two clocks are ever compared.

// defaultLease is how long a silent member keeps its shards.
const defaultLease = 10 * time.Second

// leaseTimes are parts of Options.Lease: what a killed member held must be with its heirs
// within the whole of it.
type leaseTimes struct {
	term    time.Duration // own leases last from before a renewal was sent
	silence time.Duration // until a member is ended, from when its last renewal was seen; more than term
	renew   time.Duration // between renewals
	answer  time.Duration // to wait for one
	deaf    time.Duration // the watch is made anew when not even our own renewals came
	pause   time.Duration // before what failed is tried again
	keep    time.Duration // for the keys of members that ended
}

func timesOf(lease time.Duration) leaseTimes {
	return leaseTimes{
		term: lease * 76 / 100, silence: lease * 80 / 100,
		renew: lease / 20, answer: lease / 5, deaf: lease / 5, pause: lease / 100, keep: 6 * lease,
	}
}

// Join implements bus.Leases.
func (s *Store) Join(ctx context.Context, shards int, m bus.Member) error {
	j := &joined{
		bucket: s.leaseBucket(), times: timesOf(s.o.Lease), log: s.o.Log, id: rand.Text(),
		holder: bus.NewHolder(m), view: newLeaseView(shards),
	}
	defer j.holder.Wait()
	for told := false; ; {
		err := j.turn(ctx)
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

// joined is a member of the sharing. What it knows outlives its turns.
type joined struct {
	bucket *leaseBucket
	times  leaseTimes
	log    *slog.Logger

	id       string
	session  int // number of the turn
	holder   *bus.Holder
	view     *leaseView
	identity string    // of the bucket that the view is of
	met      time.Time // when this bucket was first met

	want    []string // whom each shard should go to
	wantFor []string // worked out for these members
}

// turn takes part until the leases have run out or ctx ends. Then nothing is held any more.
func (j *joined) turn(ctx context.Context) error {
	identity, err := j.bucket.ensure(ctx)
	if err != nil {
		return err
	}
	j.meet(identity)
	r, err := j.begin(ctx)
	if err != nil {
		return err
	}
	j.log.Info("takes part in the sharing of the shards", "member", j.id, "session", j.session)
	j.view.met, j.view.need = false, r.rev
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &sharing{
		joined: j, me: turn{j.id, j.session}, term: r.term, renewal: r,
		changes: make(chan change), wrote: make(chan written), busy: map[string]bool{},
		denied: make(chan error, 1),
	}
	s.running.Go(func() { r.keep(run) })
	s.running.Go(func() { s.watch(run) })
	err = s.share(run, ctx.Done())
	if err != nil {
		r.term.End()
		j.holder.Lose()
	}
	stop()
	s.running.Wait()
	if err == nil {
		r.end(ctx)
	}
	return err
}

// meet forgets what was seen of a bucket that is no longer there.
func (j *joined) meet(identity string) {
	if j.identity == identity {
		return
	}
	if j.identity != "" {
		j.log.Warn("the bucket of the leases was made anew", "bucket", j.bucket.name)
	}
	j.identity, j.met = identity, time.Now()
	j.view = newLeaseView(len(j.view.shards))
}

// errLapsed ends a turn: the leases ran out before they could be renewed.
var errLapsed = fmt.Errorf("%w: the leases ran out before they were renewed", bus.ErrUnavailable)
