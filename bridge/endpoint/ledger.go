package endpoint

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/shared"
)

// A ledger is the registry's log, read into memory: the Set is what it says, and whoever has read
// all of it may write.
type ledger struct {
	store  Store
	sealer atomic.Pointer[Sealer] // nil: it has no keys; see UseKeys
	o      Options

	turn       chan struct{} // holds one token: whoever has it reads or writes the log
	refreshed  *shared.Answer[*Set]
	chain      *bus.Chain
	state      *state
	configured map[string]*Endpoint // by name: endpoints of our environment and file

	set     atomic.Pointer[Set]
	mu      sync.Mutex
	changed chan struct{} // closed when set is replaced
}

// follow reads what is new and reports whether a snapshot is due.
func (r *ledger) follow(ctx context.Context) (bool, error) {
	if err := r.take(ctx); err != nil {
		return false, err
	}
	defer r.release()
	if err := r.read(ctx); err != nil {
		return false, err
	}
	return r.snapshotDue(), nil
}

// Set is the registry as last read.
func (r *ledger) Set() *Set { return r.set.Load() }

// Changed returns a channel that is closed at the next change. Take it before Set, so that
// no change falls between the two.
func (r *ledger) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// Refresh reads the log to its end and returns what it holds then. One reading serves all who
// asked before it began.
func (r *ledger) Refresh(ctx context.Context) (*Set, error) {
	return r.refreshed.Get(ctx, func(ctx context.Context) (*Set, error) {
		if err := r.take(ctx); err != nil {
			return nil, err
		}
		defer r.release()
		if err := r.read(ctx); err != nil {
			return nil, err
		}
		return r.Set(), nil
	})
}

func (r *ledger) take(ctx context.Context) error {
	select {
	case <-r.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the registry: %w", context.Cause(ctx))
	}
}

func (r *ledger) release() { r.turn <- struct{}{} }

// read brings the state to the end of the log and publishes it when something is new. The
// caller has the turn. Until it has succeeded nothing may be written.
func (r *ledger) read(ctx context.Context) error {
	had := r.Set().Revision
	err := r.chain.ReadAll(ctx, func() { r.state = newState(r.sealer.Load()) }, func(rec bus.Record) error { return r.state.apply(rec) })
	if err != nil {
		return err
	}
	if err := r.state.whole(); err != nil {
		return err
	}
	if r.state.snapshots.Empty() && had != bus.NoPosition {
		return fmt.Errorf("%w: it is empty and was read up to record %d before", ErrDamaged, had)
	}
	if r.chain.Last() != had {
		r.publish()
	}
	return nil
}

// publish makes what was read the Set. The caller has the turn.
func (r *ledger) publish() {
	all := make([]*Endpoint, 0, len(r.state.endpoints))
	for _, k := range r.state.endpoints {
		if k.view == nil {
			k.view = r.view(k)
		}
		all = append(all, k.view)
	}
	set := newSet(r.chain.Last(), all)
	for _, k := range r.state.starts {
		set.followed = append(set.followed, k.patterns...)
	}
	r.set.Store(set)
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

// view is how a Set shows an endpoint: its record joined with what is configured here. What
// cannot be sent to from here is shown as paused or removed, so its events are kept.
func (r *ledger) view(k *kept) *Endpoint {
	e := k.endpoint.Clone()
	if !e.Managed() {
		if k.locked != nil {
			e.State, e.Reason = Paused, k.locked.Error()
		}
		return r.waiting(e)
	}
	c := r.configured[e.Name]
	if c == nil {
		e.State, e.Reason = Removed, "it is no longer in the environment or the file"
		return e
	}
	v := c.Clone()
	v.ID, v.Start, v.State, v.Reason, v.Created, v.Updated = e.ID, e.Start, e.State, e.Reason, e.Created, e.Updated
	v.Periods, v.rules, v.Revision, v.unknown, v.Consent = e.Periods, e.rules, e.Revision, e.unknown, e.Consent
	return r.waiting(v)
}
