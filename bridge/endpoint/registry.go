package endpoint

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
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
	// Origin is by which name endpoints know this installation, and Handshake asks one whether it
	// takes webhooks from there: how many a minute, 0 for any number. The error says why not.
	Origin    string
	Handshake func(context.Context, *Endpoint) (perMinute int, err error)
	// Poll is how often Run looks for records of other replicas; 500 ms when 0.
	Poll time.Duration
	// SnapshotWait bounds the random wait before a snapshot, so that replicas seldom begin
	// one together; 5 s when 0.
	SnapshotWait time.Duration
	// SnapshotSlack is by how many bytes the log may exceed twice what counts in it; 1 MB
	// when 0.
	SnapshotSlack int
	// TenantRule is what says whose the events on topics are; the extension tenant when "".
	TenantRule string
	// Log; slog.Default() when nil.
	Log *slog.Logger
}

// forgetRetry is the pause before old secrets that could not be taken out are tried again.
const forgetRetry = 10 * time.Second

// A Registry follows the endpoints into memory and edits them. It is safe for concurrent
// use, and so are any number of registries over one bus.
type Registry struct{ *ledger }

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
	r := &Registry{&ledger{
		store: store, o: o,
		turn:       make(chan struct{}, 1),
		refreshed:  shared.New[*Set](),
		chain:      bus.NewChain(store, bus.LogName{Kind: bus.Registry}),
		state:      newState(sealer),
		configured: map[string]*Endpoint{},
		changed:    make(chan struct{}),
	}}
	r.sealer.Store(sealer)
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
	var snapshotAt, forgetAt time.Time
	failing := false
	var looked *Set
	lacks := "" // the seal keys that were told to be missing
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
		if set := r.Set(); set != looked {
			looked, lacks = set, r.tellMissing(lacks)
		}
		if now := time.Now(); !now.Before(forgetAt) {
			if err := r.forget(ctx, now); err != nil && ctx.Err() == nil {
				r.o.Log.Warn("old secrets are not out of the registry yet; trying again", "error", err)
				forgetAt = now.Add(forgetRetry)
			}
		}
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
