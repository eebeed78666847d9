package embedded

import (
	"context"
	"sync"
	"time"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// A group shares syncs among those who wait for one. Whoever calls Wait joins the next sync,
// never the one that runs: only a sync that began after the call covers what the caller wrote
// before it.
type group struct {
	flush  func() error
	synced func(took time.Duration, n int)

	// Wait sends and run receives; neither is ever closed.
	wake chan struct{} // a round got its first waiter
	full chan struct{} // a round got as many as run waits for

	mu     sync.Mutex
	next   *round
	enough int   // how many run waits for
	closed error // why nothing is synced any more

	spare []waiter // memory for those of a round; run alone uses it
}

// A round is who waits for one sync. err is set before done is closed, and told after that.
type round struct {
	n      int
	done   chan struct{}
	err    error
	joined []waiter
}

// A waiter is somebody who is told.
type waiter struct {
	link.Waiter
	turn uint64
}

func newGroup(flush func() error, synced func(time.Duration, int)) *group {
	return &group{
		flush: flush, synced: synced,
		wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
		next: &round{done: make(chan struct{})},
	}
}

// Wait returns after a sync that began after the call, with its error.
func (g *group) Wait(ctx context.Context) error {
	g.mu.Lock()
	if err := g.closed; err != nil {
		g.mu.Unlock()
		return err
	}
	r := g.next
	g.count(r)
	g.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// join has w told of the end of a sync that begins after the call; false once nothing is synced
// any more.
func (g *group) join(w link.Waiter, turn uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil {
		return false
	}
	r := g.next
	r.joined = append(r.joined, waiter{w, turn})
	g.count(r)
	return true
}

// count counts one more who waits for a round.
func (g *group) count(r *round) {
	if r.n++; r.n == 1 {
		g.wake <- struct{}{} // never blocks: one per round, and run takes it before the next
	}
	if r.n == g.enough {
		select {
		case g.full <- struct{}{}:
		default: // run has not looked at the one before yet
		}
	}
}

// run syncs as long as somebody waits, until ctx ends; who waits then gets the cause.
func (g *group) run(ctx context.Context) {
	defer g.close(ctx)
	p := pace{}
	for {
		select {
		case <-g.wake:
		case <-ctx.Done():
			return
		}
		g.gather(p.hold())
		r := g.take()
		began := time.Now()
		err := g.flush()
		took := time.Since(began)
		p.synced(r.n, took)
		g.synced(took, r.n)
		r.finish(err)
		clear(r.joined)
		g.spare = r.joined[:0]
	}
}

// gather waits until enough wait for the next sync.
func (g *group) gather(enough int, atMost time.Duration) {
	select {
	case <-g.full: // of an earlier round
	default:
	}
	g.mu.Lock()
	missing := g.next.n < enough
	g.enough = enough
	g.mu.Unlock()
	if !missing {
		return
	}
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-g.full:
	case <-timer.C:
	}
}

// take closes the next round to new waiters.
func (g *group) take() *round {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.next
	g.next = &round{done: make(chan struct{}), joined: g.spare}
	g.spare = nil
	return r
}

func (g *group) close(ctx context.Context) {
	g.mu.Lock()
	g.closed = context.Cause(ctx)
	g.mu.Unlock()
	g.take().finish(g.closed)
}

func (r *round) finish(err error) {
	r.err = err
	close(r.done)
	for _, w := range r.joined {
		w.Synced(w.turn, err)
	}
}
