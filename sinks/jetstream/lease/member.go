package lease

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A member takes part in the sharing. What it knows outlives its sessions.
type member struct {
	bucket *bucket
	times  times
	log    *slog.Logger

	id       string
	session  int // number of the session
	holder   *bus.Holder
	view     *view
	identity string    // of the bucket that the view is of
	met      time.Time // when this bucket was first met

	want    []string // whom each shard should go to
	wantFor []string // worked out for these members
}

// run takes part until the leases have run out or ctx ends. Then nothing is held any more.
func (m *member) run(ctx context.Context) error {
	identity, err := m.bucket.ensure(ctx)
	if err != nil {
		return err
	}
	m.meet(identity)
	r, err := m.begin(ctx)
	if err != nil {
		return err
	}
	m.log.Info("takes part in the sharing of the shards", "member", m.id, "session", m.session)
	m.view.met, m.view.need = false, r.rev
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &session{
		member: m, me: memberSession{m.id, m.session}, term: r.term, renewal: r,
		changes: make(chan change), wrote: make(chan written), busy: map[string]bool{},
		denied: make(chan error, 1),
	}
	s.running.Go(func() { r.keep(run) })
	s.running.Go(func() { s.watch(run) })
	err = s.run(run, ctx.Done())
	if err != nil {
		r.term.End()
		m.holder.Lose()
	}
	stop()
	s.running.Wait()
	if err == nil {
		r.end(ctx)
	}
	return err
}

// meet forgets what was seen of a bucket that is no longer there.
func (m *member) meet(identity string) {
	if m.identity == identity {
		return
	}
	if m.identity != "" {
		m.log.Warn("the bucket of the leases was made anew", "bucket", m.bucket.name)
	}
	m.identity, m.met = identity, time.Now()
	m.view = newView(len(m.view.shards))
}
