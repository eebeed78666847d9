package lease

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

// A groupSession is the time between having nothing and having nothing again. Its loop never
// waits for the brokers.
type groupSession struct {
	*Leases
	member *groupMember
	holder *bus.Holder
	shards int

	term       *bus.Term // nil before the first round
	generation int32     // of the last round
	leaves     bool
	wanted     bool // another round

	joining bool             // a round is on the way
	doubt   bool             // it is not known what became of the last one
	joined  chan roundResult // rounds send, run receives
	rejoins chan int32       // heartbeats send the generation that should join anew, run receives
	stop    <-chan struct{}  // closed when the member is to leave
	running sync.WaitGroup
}

// A roundResult is what came of a round.
type roundResult struct {
	generation int32
	said       []int     // the shards that the member said it had
	share      []int     // those that it should have
	again      bool      // the plan is to be made once more
	term       *bus.Term // the session's; the first round begins it
	err        error
}

func newGroupSession(l *Leases, m *groupMember, h *bus.Holder, shards int) *groupSession {
	return &groupSession{
		Leases: l, member: m, holder: h, shards: shards, wanted: true,
		joined: make(chan roundResult), rejoins: make(chan int32, 1),
	}
}

// run takes part until the leases have run out or, after ctx ended, everything was given.
// Then nothing is held any more.
func (s *groupSession) run(ctx context.Context) error {
	s.stop = ctx.Done()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	err := s.share(run)
	if s.term != nil {
		s.term.End()
	}
	s.holder.Lose()
	stop()
	s.running.Wait()
	if s.doubt || s.joining {
		s.member.leave(ctx) // the group must not hear later what we said then
	}
	return err
}

func (s *groupSession) share(ctx context.Context) error {
	gather := time.NewTimer(0)
	defer gather.Stop()
	<-gather.C
	for {
		if s.leaves && len(s.holder.Shards()) == 0 {
			return nil
		}
		if s.wanted && !s.joining {
			s.beginRound(ctx)
		}
		select {
		case o := <-s.joined:
			s.joining = false
			if err := s.apply(ctx, o); err != nil {
				return err
			}
		case generation := <-s.rejoins:
			s.wanted = s.wanted || generation == s.generation
		case <-s.holder.Changed():
			gather.Reset(s.times.gather)
		case <-gather.C:
			s.wanted = true // others wait to hear what was given
		case <-s.stop:
			s.stop, s.leaves = nil, true
			s.holder.GiveAll(ctx)
			gather.Reset(s.times.gather)
		case <-s.over():
			return errLapsed
		}
	}
}

// over is closed when the term is over.
func (s *groupSession) over() <-chan struct{} {
	if s.term == nil {
		return nil
	}
	return s.term.Over()
}

// beginRound joins a round, beside the loop.
func (s *groupSession) beginRound(ctx context.Context) {
	s.wanted, s.joining = false, true
	said, term, leaves := s.holder.Shards(), s.term, s.leaves
	s.running.Go(func() {
		o := s.join(ctx, said, leaves)
		o.term = term
		if o.err == nil && term == nil {
			o.term, o.err = s.member.beginTerm(ctx)
		}
		if o.err != nil && !rejoin(o.err) {
			select {
			case <-time.After(s.times.pause):
			case <-ctx.Done():
			}
		}
		select {
		case s.joined <- o:
		case <-ctx.Done():
			if o.term != nil {
				o.term.End()
			}
		}
	})
}

func (s *groupSession) join(ctx context.Context, said []int, leaves bool) roundResult {
	o := roundResult{said: said}
	describe := func(generation int32) []byte { return describeMember(s.topic, said, generation, leaves) }
	generation, share, err := s.member.join(ctx, describe, func(r *kmsg.JoinGroupResponse) []kmsg.SyncGroupRequestGroupAssignment {
		p := planShares(s.topic, s.shards, r.Generation, r.Members)
		o.again = p.again
		return p.shares
	})
	if err != nil {
		o.err = err
		return o
	}
	o.generation = generation
	if o.share, err = readShare(s.topic, s.shards, share); err != nil {
		o.err = fmt.Errorf("read the share that group %s gave: %w", s.group, err)
	}
	return o
}

// rejoin reports whether the error says to join again at once.
func rejoin(err error) bool {
	return errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.IllegalGeneration)
}

// apply takes what the round brought, and gives what it took away.
func (s *groupSession) apply(ctx context.Context, o roundResult) error {
	var answer *kerr.Error
	s.doubt = o.err != nil && !errors.As(o.err, &answer)
	switch {
	case errors.Is(o.err, errLapsed) || s.hopeless(o.err) != nil:
		return o.err
	case o.err != nil:
		if s.term == nil && !rejoin(o.err) {
			return o.err // to be told
		}
		s.wanted = true
		return nil
	}
	s.generation = o.generation
	if s.term == nil {
		s.term = o.term
		s.running.Go(func() { s.beat(ctx, o.term) })
		s.log.Info("takes part in the sharing of the shards", "group", s.group, "generation", o.generation)
	}
	for _, shard := range s.holder.Shards() {
		if !slices.Contains(o.share, shard) {
			s.holder.Give(ctx, shard)
		}
	}
	for _, shard := range o.share {
		if !s.leaves && s.term.Holds() && !s.holder.Has(shard) {
			s.holder.Take(shard, s.term)
		}
	}
	// What was given meanwhile is still kept for us.
	given := slices.ContainsFunc(o.said, func(shard int) bool { return !s.holder.Has(shard) })
	s.wanted = s.wanted || given || o.again
	return nil
}

// beat renews the term by heartbeats until it is over or ctx ends.
func (s *groupSession) beat(ctx context.Context, term *bus.Term) {
	next := time.NewTimer(s.times.beat)
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
		generation, err := s.member.heartbeat(ctx)
		switch {
		case err == nil:
			restless = time.Time{}
			term.Renew(sent)
		case errors.Is(err, kerr.RebalanceInProgress):
			if restless.IsZero() {
				restless = sent
			}
			if sent.Sub(restless) < s.times.round/2 { // who does not join a round in time is dropped
				term.Renew(sent)
			}
			s.askForRound(generation)
		case errors.Is(err, kerr.IllegalGeneration):
			s.askForRound(generation)
		case errors.Is(err, errLapsed):
			term.End()
		}
		next.Reset(s.times.beat)
	}
}

// askForRound asks for another round. Whoever does not hear it now will at the next heartbeat.
func (s *groupSession) askForRound(generation int32) {
	select {
	case s.rejoins <- generation:
	default:
	}
}
