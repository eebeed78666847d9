package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A turn is the time between having nothing and having nothing again. Its loop never waits
// for the brokers.
type turn struct {
	*leases
	seat   *seat
	holder *bus.Holder
	shards int

	term       *bus.Term // nil before the first round
	generation int32     // of the last round
	leaves     bool
	wanted     bool // another round

	joining bool            // a round is on the way
	doubt   bool            // it is not known what became of the last one
	joined  chan outcome    // rounds send, run receives
	unrest  chan int32      // heartbeats send the generation that should join anew, run receives
	stop    <-chan struct{} // closed when the member is to leave
	running sync.WaitGroup
}

// outcome is what came of a round.
type outcome struct {
	generation int32
	said       []int     // the shards that the member said it had
	share      []int     // those that it should have
	again      bool      // the plan is to be made once more
	term       *bus.Term // the turn's; the first round begins it
	err        error
}

func newTurn(l *leases, s *seat, h *bus.Holder, shards int) *turn {
	return &turn{
		leases: l, seat: s, holder: h, shards: shards, wanted: true,
		joined: make(chan outcome), unrest: make(chan int32, 1),
	}
}

// run takes part until the leases have run out or, after ctx ended, everything was given.
// Then nothing is held any more.
func (t *turn) run(ctx context.Context) error {
	t.stop = ctx.Done()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	err := t.share(run)
	if t.term != nil {
		t.term.End()
	}
	t.holder.Lose()
	stop()
	t.running.Wait()
	if t.doubt || t.joining {
		t.seat.leave(ctx) // the group must not hear later what we said then
	}
	return err
}

func (t *turn) share(ctx context.Context) error {
	gather := time.NewTimer(0)
	defer gather.Stop()
	<-gather.C
	for {
		if t.leaves && len(t.holder.Shards()) == 0 {
			return nil
		}
		if t.wanted && !t.joining {
			t.begin(ctx)
		}
		select {
		case o := <-t.joined:
			t.joining = false
			if err := t.settle(ctx, o); err != nil {
				return err
			}
		case generation := <-t.unrest:
			t.wanted = t.wanted || generation == t.generation
		case <-t.holder.Changed():
			gather.Reset(t.times.gather)
		case <-gather.C:
			t.wanted = true // others wait to hear what was given
		case <-t.stop:
			t.stop, t.leaves = nil, true
			t.holder.GiveAll(ctx)
			gather.Reset(t.times.gather)
		case <-t.over():
			return errLapsed
		}
	}
}

// over is closed when the term is over.
func (t *turn) over() <-chan struct{} {
	if t.term == nil {
		return nil
	}
	return t.term.Over()
}

// begin joins a round, beside the loop.
func (t *turn) begin(ctx context.Context) {
	t.wanted, t.joining = false, true
	said, term, leaves := t.holder.Shards(), t.term, t.leaves
	t.running.Go(func() {
		o := t.join(ctx, said, leaves)
		o.term = term
		if o.err == nil && term == nil {
			o.term, o.err = t.seat.begin(ctx)
		}
		if o.err != nil && !rejoin(o.err) {
			select {
			case <-time.After(t.times.pause):
			case <-ctx.Done():
			}
		}
		select {
		case t.joined <- o:
		case <-ctx.Done():
			if o.term != nil {
				o.term.End()
			}
		}
	})
}

func (t *turn) join(ctx context.Context, said []int, leaves bool) outcome {
	o := outcome{said: said}
	describe := func(generation int32) []byte { return describeMember(t.topic, said, generation, leaves) }
	generation, share, err := t.seat.join(ctx, describe, func(r *kmsg.JoinGroupResponse) []kmsg.SyncGroupRequestGroupAssignment {
		p := planLeases(t.topic, t.shards, r.Generation, r.Members)
		o.again = p.again
		return p.shares
	})
	if err != nil {
		o.err = err
		return o
	}
	o.generation = generation
	if o.share, err = readShare(t.topic, t.shards, share); err != nil {
		o.err = fmt.Errorf("read the share that group %s gave: %w", t.group, err)
	}
	return o
}

// rejoin reports whether the error says to join again at once.
func rejoin(err error) bool {
	return errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.IllegalGeneration)
}

// settle takes what the round brought, and gives what it took away.
func (t *turn) settle(ctx context.Context, o outcome) error {
	var answer *kerr.Error
	t.doubt = o.err != nil && !errors.As(o.err, &answer)
	switch {
	case errors.Is(o.err, errLapsed) || t.hopeless(o.err) != nil:
		return o.err
	case o.err != nil:
		if t.term == nil && !rejoin(o.err) {
			return o.err // to be told
		}
		t.wanted = true
		return nil
	}
	t.generation = o.generation
	if t.term == nil {
		t.term = o.term
		t.running.Go(func() { t.beat(ctx, o.term) })
		t.log.Info("takes part in the sharing of the shards", "group", t.group, "generation", o.generation)
	}
	for _, shard := range t.holder.Shards() {
		if !slices.Contains(o.share, shard) {
			t.holder.Give(ctx, shard)
		}
	}
	for _, shard := range o.share {
		if !t.leaves && t.term.Holds() && !t.holder.Has(shard) {
			t.holder.Take(shard, t.term)
		}
	}
	// What was given meanwhile is still kept for us.
	given := slices.ContainsFunc(o.said, func(shard int) bool { return !t.holder.Has(shard) })
	t.wanted = t.wanted || given || o.again
	return nil
}

// beat renews the term by heartbeats until it is over or ctx ends.
func (t *turn) beat(ctx context.Context, term *bus.Term) {
	next := time.NewTimer(t.times.beat)
	defer next.Stop()
	var restless time.Time // since when the group has wanted everybody to join
	for {
		select {
		case <-next.C:
		case <-term.Over():
			return
		case <-ctx.Done():
			return
		}
		sent := time.Now()
		generation, err := t.seat.beat(ctx)
		switch {
		case err == nil:
			restless = time.Time{}
			term.Renew(sent)
		case errors.Is(err, kerr.RebalanceInProgress):
			if restless.IsZero() {
				restless = sent
			}
			if sent.Sub(restless) < t.times.round/2 { // who does not join a round in time is dropped
				term.Renew(sent)
			}
			t.rouse(generation)
		case errors.Is(err, kerr.IllegalGeneration):
			t.rouse(generation)
		case errors.Is(err, errLapsed):
			term.End()
		}
		next.Reset(t.times.beat)
	}
}

// rouse asks for another round. Whoever does not hear it now will at the next heartbeat.
func (t *turn) rouse(generation int32) {
	select {
	case t.unrest <- generation:
	default:
	}
}
