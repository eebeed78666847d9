package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/shared"
)

// Store is what the registry needs of the bus.
type Store interface {
	bus.Logs
	bus.Topics
	bus.Durability
}

// Options of a registry; the zero value works.
type Options struct {
	// Check adds to Validate what other rooms know: whether egress lets the URL through, and
	// whether the signature scheme takes the options and secrets. It may ask the network.
	Check func(context.Context, *Endpoint) []FieldError
	// Poll is how often Run looks for records of other replicas; 500 ms when 0.
	Poll time.Duration
	// SnapshotWait bounds the random wait before a snapshot, so that replicas seldom begin
	// one together; 5 s when 0.
	SnapshotWait time.Duration
	// SnapshotSlack is by how many bytes the log may exceed twice what counts in it; 1 MB
	// when 0.
	SnapshotSlack int
	// Log; slog.Default() when nil.
	Log *slog.Logger
}

// A Registry follows the endpoints into memory and edits them. It is safe for concurrent
// use, and so are any number of registries over one bus.
type Registry struct {
	store  Store
	sealer *Sealer
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

// NewRegistry returns a registry that has read nothing yet: Load comes first. A nil sealer
// has no keys.
func NewRegistry(store Store, sealer *Sealer, o Options) *Registry {
	if o.Poll <= 0 {
		o.Poll = 500 * time.Millisecond
	}
	if o.SnapshotWait <= 0 {
		o.SnapshotWait = 5 * time.Second
	}
	if o.SnapshotSlack <= 0 {
		o.SnapshotSlack = 1 << 20
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Registry{
		store: store, sealer: sealer, o: o,
		turn:       make(chan struct{}, 1),
		refreshed:  shared.New[*Set](),
		chain:      bus.NewChain(store, bus.LogName{Kind: bus.Registry}),
		state:      newState(sealer),
		configured: map[string]*Endpoint{},
		changed:    make(chan struct{}),
	}
	r.turn <- struct{}{}
	r.set.Store(newSet(bus.NoPosition, nil))
	return r
}

// Load reads the log to its end. An endpoint whose secrets no given key opens is an error
// (ErrSealed): nothing could be sent to it. So is a log of a newer version
// (bus.ErrNewerFormat) and one that lost its front (ErrDamaged).
func (r *Registry) Load(ctx context.Context) error {
	if _, err := r.Refresh(ctx); err != nil {
		return err
	}
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.release()
	var locked []error
	for _, k := range r.state.endpoints {
		locked = append(locked, k.locked)
	}
	return errors.Join(locked...)
}

// Run follows the log until ctx ends, and keeps it short. It returns nil then, and an error
// only for a log that this version must not go on with.
func (r *Registry) Run(ctx context.Context) error {
	tick := time.NewTicker(r.o.Poll)
	defer tick.Stop()
	var snapshotAt time.Time
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		due, err := r.follow(ctx)
		switch {
		case errors.Is(err, bus.ErrNewerFormat) || errors.Is(err, ErrDamaged):
			return err
		case err != nil && ctx.Err() == nil:
			if !failing {
				r.o.Log.Warn("registry cannot be read; trying again", "error", err)
			}
			failing = true
			continue
		}
		failing = false
		switch now := time.Now(); {
		case !due:
			snapshotAt = time.Time{}
		case snapshotAt.IsZero():
			snapshotAt = now.Add(rand.N(r.o.SnapshotWait))
		case now.After(snapshotAt):
			snapshotAt = time.Time{}
			if err := r.Snapshot(ctx); err != nil && ctx.Err() == nil {
				r.o.Log.Warn("registry snapshot was not finished", "error", err)
			}
		}
	}
}

// follow reads what is new and reports whether a snapshot is due.
func (r *Registry) follow(ctx context.Context) (bool, error) {
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
func (r *Registry) Set() *Set { return r.set.Load() }

// Changed returns a channel that is closed at the next change. Take it before Set, so that
// no change falls between the two.
func (r *Registry) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// Refresh reads the log to its end and returns what it holds then. One reading serves all who
// asked before it began.
func (r *Registry) Refresh(ctx context.Context) (*Set, error) {
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

func (r *Registry) take(ctx context.Context) error {
	select {
	case <-r.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the registry: %w", context.Cause(ctx))
	}
}

func (r *Registry) release() { r.turn <- struct{}{} }

// read brings the state to the end of the log and publishes it when something is new. The
// caller has the turn. Until it has succeeded nothing may be written.
func (r *Registry) read(ctx context.Context) error {
	had := r.Set().Revision
	err := r.chain.ReadAll(ctx, func() { r.state = newState(r.sealer) }, func(rec bus.Record) error { return r.state.apply(rec) })
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
func (r *Registry) publish() {
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
func (r *Registry) view(k *kept) *Endpoint {
	e := k.endpoint.Clone()
	if !e.Managed() {
		if k.locked != nil {
			e.State, e.Reason = Paused, k.locked.Error()
		}
		return e
	}
	c := r.configured[e.Name]
	if c == nil {
		e.State, e.Reason = Removed, "it is no longer in the environment or the file"
		return e
	}
	v := c.Clone()
	v.ID, v.Start, v.State, v.Reason, v.Created, v.Updated = e.ID, e.Start, e.State, e.Reason, e.Created, e.Updated
	v.Items, v.filters, v.Revision, v.unknown = e.Items, e.filters, e.Revision, e.unknown
	return v
}
