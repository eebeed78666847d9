package lease

import (
	"context"
	"errors"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// A renewal keeps one session alive by writing the member's key. Nobody else writes that key but
// to end the session.
type renewal struct {
	bucket  *bucket
	times   times
	key     string
	session int
	rev     uint64 // of the last write
	term    *bus.Term
	leave   chan struct{} // closed once it is to say that the member leaves
}

// begin writes the member's key for a new session, which ends the one before.
func (m *member) begin(ctx context.Context) (*renewal, error) {
	m.session++
	r := &renewal{
		bucket: m.bucket, times: m.times, key: memberKeys + m.id, session: m.session, leave: make(chan struct{}),
	}
	// Its fate must be known: others would keep shards for a member that is not there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.times.answer)
	defer cancel()
	last, err := r.bucket.get(ctx, r.key)
	if err != nil {
		return nil, err
	}
	sent := time.Now()
	value := presence{Session: m.session}.encode()
	if r.rev, err = r.bucket.put(ctx, r.key, value, last.rev); err != nil {
		return nil, err
	}
	r.term = bus.NewTerm(m.times.term, sent)
	m.view.see(entry{key: r.key, value: value, rev: r.rev}, time.Now())
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
// earlier write of ours landed after all, or somebody ended the session.
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

// end says that the session is over, so that nobody waits for it.
func (r *renewal) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.times.answer)
	defer cancel()
	_ = r.write(ctx, presence{Session: r.session, Ended: true}) // else its silence will
}
