package jetstream

import (
	"context"
	"errors"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// A renewal keeps one turn alive by writing the member's key. Nobody else writes that key but
// to end the turn.
type renewal struct {
	bucket  *leaseBucket
	times   leaseTimes
	key     string
	session int
	rev     uint64 // of the last write
	term    *bus.Term
	leave   chan struct{} // closed once it is to say that the member leaves
}

// begin writes the member's key for a new turn, which ends the one before.
func (j *joined) begin(ctx context.Context) (*renewal, error) {
	j.session++
	r := &renewal{
		bucket: j.bucket, times: j.times, key: memberKeys + j.id, session: j.session, leave: make(chan struct{}),
	}
	// Its fate must be known: others would keep shards for a member that is not there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.times.answer)
	defer cancel()
	last, err := r.bucket.get(ctx, r.key)
	if err != nil {
		return nil, err
	}
	sent := time.Now()
	value := presence{Session: j.session}.encode()
	if r.rev, err = r.bucket.put(ctx, r.key, value, last.rev); err != nil {
		return nil, err
	}
	r.term = bus.NewTerm(j.times.term, sent)
	j.view.see(entry{key: r.key, value: value, rev: r.rev}, time.Now())
	return r, nil
}

// keep renews the term until it is over or ctx ends.
func (r *renewal) keep(ctx context.Context) {
	next := time.NewTimer(r.times.renew)
	defer next.Stop()
	leave, leaving := r.leave, false
	for {
		select {
		case <-next.C:
		case <-leave:
			leave, leaving = nil, true
		case <-r.term.Over():
			return
		case <-ctx.Done():
			return
		}
		sent := time.Now()
		wait := r.times.renew
		if err := r.write(ctx, presence{Session: r.session, Leaving: leaving}); err != nil {
			wait = r.times.pause
		} else if !r.term.Renew(sent) {
			return
		}
		next.Reset(wait)
	}
}

// write sets the key. A refusal alone proves nothing: what the leader has now shows whether an
// earlier write of ours landed after all, or somebody ended the turn.
func (r *renewal) write(ctx context.Context, p presence) error {
	ctx, cancel := context.WithTimeout(ctx, r.times.answer)
	defer cancel()
	rev, err := r.bucket.put(ctx, r.key, p.encode(), r.rev)
	if err == nil {
		r.rev = rev
		return nil
	}
	if !errors.Is(err, bus.ErrRefused) && !errors.Is(err, link.ErrNoOwner) {
		return err
	}
	last, failed := r.bucket.get(ctx, r.key)
	switch {
	case errors.Is(failed, link.ErrNoStream): // the bucket was deleted, and the leases with it
		r.term.End()
	case failed != nil || last.rev > 0 && last.rev <= r.rev: // refused for no reason, or asked a leader of old
	case r.ours(last):
		r.rev = last.rev
	default:
		r.term.End()
	}
	return err
}

func (r *renewal) ours(last entry) bool {
	p := readPresence(last.value)
	return last.rev > 0 && p.Session == r.session && !p.Ended
}

// end says that the turn is over, so that nobody waits for it.
func (r *renewal) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.times.answer)
	defer cancel()
	_ = r.write(ctx, presence{Session: r.session, Ended: true}) // else its silence will
}
