package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// What an edit may answer besides errors of the bus.
var (
	ErrNotFound  = errors.New("there is no such endpoint")
	ErrNameTaken = errors.New("an endpoint of this name exists already")
	// ErrManaged: the environment or the file defines the endpoint; it is changed there.
	ErrManaged = errors.New("endpoint is defined in the environment or the file")
	// ErrRemoved: nothing defines the endpoint any more; it returns with its definition.
	ErrRemoved = errors.New("endpoint is no longer in the environment or the file: put it back there, or delete it")
)

// captureAge is how old captured ends may be when a period is written.
const captureAge = 10 * time.Second

// errAgain: the log moved on under the edit.
var errAgain = errors.New("edit again")

// write reads to the end of the log, appends what compose makes of that, and does so again
// when somebody was faster. compose does no I/O; nil data means that nothing is to be
// written. What write returned nil for is durable.
func (r *ledger) write(ctx context.Context, compose func(*state) ([]byte, error)) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	wrote, err := r.append(ctx, compose)
	r.release()
	if err != nil || !wrote {
		return err
	}
	if err := r.store.Sync(ctx); err != nil {
		return fmt.Errorf("sync the registry: %w", err)
	}
	return nil
}

// append is write for the one whose turn it is, without the sync.
func (r *ledger) append(ctx context.Context, compose func(*state) ([]byte, error)) (bool, error) {
	for {
		if err := r.read(ctx); err != nil {
			return false, err
		}
		data, err := compose(r.state)
		if err != nil || data == nil {
			return false, err
		}
		before := r.chain.Last()
		pos, err := r.chain.Append(ctx, data)
		if errors.Is(err, bus.ErrSuperseded) {
			continue
		}
		if err != nil {
			return false, err
		}
		if err := r.state.apply(bus.Record{Pos: pos, Prev: before, Data: data}); err != nil {
			return false, fmt.Errorf("read back what was written: %w", err)
		}
		r.publish()
		return true, nil
	}
}

// An edit makes the next value of an endpoint from the current one, which is nil when there
// is none. A nil next value leaves everything as it is.
type edit struct {
	find func(*state) *kept
	next func(cur *Endpoint) (*Endpoint, error)
	// check asks what Check knows; off for edits that touch no setting.
	check bool
	// retune has a new period judge tenants by this process's rule; else it goes on by the rule of
	// the one before, so that replicas with different settings do not take turns.
	retune bool
}

// change carries out an edit and returns the endpoint's id.
func (r *Registry) change(ctx context.Context, d edit) (string, error) {
	var given *Consent
	for {
		cur, err := r.current(ctx, d.find)
		if err != nil {
			return "", err
		}
		next, err := d.next(endpointOf(cur))
		if err != nil {
			return "", err
		}
		if next == nil {
			return endpointOf(cur).ID, nil
		}
		if !next.carrySealed(endpointOf(cur)) {
			return "", r.lockedError(endpointOf(cur))
		}
		if d.check {
			if err := r.validate(ctx, next); err != nil {
				return "", err
			}
			if given, err = r.ask(ctx, endpointOf(cur), next, given); err != nil {
				return "", err
			}
		}
		captured, err := r.join(ctx, next, d.retune)
		if err != nil {
			return "", err
		}
		err = r.write(ctx, func(s *state) ([]byte, error) {
			if d.find(s) != cur || !captured.IsZero() && time.Since(captured) > captureAge {
				return nil, errAgain
			}
			if other := s.byName(next.Name); other != nil && other.endpoint.ID != next.ID {
				return nil, fmt.Errorf("endpoint %s: %w", next.Name, ErrNameTaken)
			}
			return encodeEndpoint(next, r.sealer.Load())
		})
		if !errors.Is(err, errAgain) {
			return next.ID, err
		}
	}
}

func (r *ledger) current(ctx context.Context, find func(*state) *kept) (*kept, error) {
	if err := r.take(ctx); err != nil {
		return nil, err
	}
	defer r.release()
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	return find(r.state), nil
}

func endpointOf(k *kept) *Endpoint {
	if k == nil {
		return nil
	}
	return k.endpoint
}

// validate returns an InvalidError or nil.
func (r *Registry) validate(ctx context.Context, e *Endpoint) error { return judge(ctx, e, r.o.Check) }

func judge(ctx context.Context, e *Endpoint, check func(context.Context, *Endpoint) []FieldError) error {
	faults := e.Validate()
	if check != nil {
		known := slices.Clone(faults)
		for _, f := range check(ctx, e) {
			if !slices.ContainsFunc(known, func(k FieldError) bool { return k.Field == f.Field }) {
				faults = append(faults, f)
			}
		}
	}
	if len(faults) > 0 {
		return &InvalidError{Name: e.Name, Fields: faults}
	}
	return nil
}

// Adoptable is what Adopt would refuse of an endpoint by itself: an InvalidError or nil.
func Adoptable(ctx context.Context, e *Endpoint, check func(context.Context, *Endpoint) []FieldError) error {
	if err := judge(ctx, e, check); err != nil {
		return err
	}
	return pastStart(e)
}

// join adds a period when what the endpoint takes is no longer what its newest period says. Its
// From is captured before the period is written: what is published after the answer is behind
// it. It returns when it was captured, zero when no period was added.
func (r *Registry) join(ctx context.Context, next *Endpoint, retune bool) (captured time.Time, err error) {
	period, n := r.periodOf(next), len(next.Periods)
	if n > 0 && !retune && period.ByTenant() && next.Periods[n-1].ByTenant() {
		period.TenantRule = next.Periods[n-1].TenantRule
	}
	if n > 0 && next.Periods[n-1].says(period) {
		return time.Time{}, nil
	}
	start := StartNow
	if n == 0 {
		start = next.Start
	}
	at := time.Now()
	if period.From, err = r.capture(ctx, start); err != nil {
		return time.Time{}, err
	}
	next.Periods = append(slices.Clip(next.Periods), period)
	return at, nil
}

// capture returns the place behind which an endpoint's events begin.
func (r *Registry) capture(ctx context.Context, start Start) (bus.Positions, error) {
	from := bus.Positions{}
	if start == StartAll {
		return from, nil
	}
	spans, err := r.store.Spans(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the ends of the topics: %w", err)
	}
	for _, s := range spans {
		if s.Away {
			return nil, fmt.Errorf("ask for the end of %s: %w: nobody can be asked now", s.Partition, bus.ErrUnavailable)
		}
		if start == StartNow {
			from[s.Partition] = s.End
			continue
		}
		t, err := start.time()
		if err != nil {
			return nil, fmt.Errorf("start %q: %w", start, err)
		}
		if from[s.Partition], err = r.store.Before(ctx, s.Partition, t); err != nil {
			return nil, fmt.Errorf("find the place of %s in %s: %w", start, s.Partition, err)
		}
	}
	return from, nil
}

// removal makes the record of a removal.
func removal(id string) ([]byte, error) {
	return json.Marshal(record{V: format, Kind: kindRemoval, ID: id})
}
