package endpoint

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
	"time"
)

// Create registers an endpoint of the API. Its id, state and times are set here. Errors:
// InvalidError, ErrNameTaken, ErrNoSealKey, those of the bus.
func (r *Registry) Create(ctx context.Context, e *Endpoint) (*Endpoint, error) {
	id := newID()
	_, err := r.change(ctx, edit{
		find:  func(s *state) *kept { return s.byName(e.Name) },
		check: true,
		next: func(cur *Endpoint) (*Endpoint, error) {
			if cur != nil {
				return nil, fmt.Errorf("endpoint %s: %w", e.Name, ErrNameTaken)
			}
			next := e.Clone()
			next.ID, next.ManagedBy, next.State, next.Reason, next.Periods, next.Consent = id, ByAPI, Enabled, "", nil, nil
			next.Created = time.Now().UTC().Truncate(time.Millisecond)
			next.Updated = next.Created
			if err := pastStart(next); err != nil {
				return nil, err
			}
			return next, nil
		},
	})
	return r.answer(id, err)
}

// Update edits an endpoint of the API: fn gets a copy and returns it changed, maybe more than
// once. What fn returns as an error comes back as it is. ErrSealed: something sealed would
// change that no key given here opens.
func (r *Registry) Update(ctx context.Context, id string, fn func(*Endpoint) (*Endpoint, error)) (*Endpoint, error) {
	_, err := r.change(ctx, edit{
		find:  byID(id),
		check: true,
		next: func(cur *Endpoint) (*Endpoint, error) {
			if cur == nil {
				return nil, ErrNotFound
			}
			if r.isRemoved(id) {
				return nil, fmt.Errorf("endpoint %s: %w", cur.Name, ErrRemoved)
			}
			if cur.Managed() {
				return nil, fmt.Errorf("endpoint %s: %w", cur.Name, ErrManaged)
			}
			if cur.unread { // and so cannot be judged
				return nil, r.lockedError(cur)
			}
			next, err := fn(cur.Clone())
			if err != nil {
				return nil, err
			}
			next = next.Clone()
			next.ID, next.ManagedBy, next.Start, next.Created = cur.ID, cur.ManagedBy, cur.Start, cur.Created
			next.State, next.Reason, next.Consent = cur.State, cur.Reason, cur.Consent
			next.Periods, next.unknown, next.unknownSealed = cur.Periods, cur.unknown, cur.unknownSealed
			next.Updated = after(cur.Updated)
			return next, nil
		},
	})
	return r.answer(id, err)
}

// Delete removes an endpoint of the API, or one that nothing defines any more. may refuses it as it
// is then; nil refuses none.
func (r *Registry) Delete(ctx context.Context, id string, may func(*Endpoint) error) error {
	return r.write(ctx, func(s *state) ([]byte, error) {
		k := s.endpoints[id]
		if k == nil {
			return nil, ErrNotFound
		}
		if k.endpoint.Managed() && r.configured[k.endpoint.Name] != nil {
			return nil, fmt.Errorf("endpoint %s: %w", k.endpoint.Name, ErrManaged)
		}
		if may != nil {
			if err := may(k.endpoint); err != nil {
				return nil, err
			}
		}
		return removal(id)
	})
}

// SetState enables, disables or pauses an endpoint, wherever it is defined. Events are kept
// meanwhile, so no period is added. Reason says why in words; it is dropped for Enabled.
func (r *Registry) SetState(ctx context.Context, id string, to State, reason string) (*Endpoint, error) {
	if to == Enabled {
		reason = ""
	}
	if to == Removed {
		return nil, fmt.Errorf("set the state of endpoint %s: an endpoint becomes removed by itself", id)
	}
	_, err := r.change(ctx, edit{find: byID(id), next: func(cur *Endpoint) (*Endpoint, error) {
		switch {
		case cur == nil:
			return nil, ErrNotFound
		case r.isRemoved(id):
			return nil, fmt.Errorf("endpoint %s: %w", cur.Name, ErrRemoved)
		case cur.State == to && cur.Reason == reason:
			return nil, nil
		}
		next := cur.Clone()
		next.State, next.Reason = to, reason
		next.Updated = after(cur.Updated)
		return next, nil
	}})
	return r.answer(id, err)
}

func (r *Registry) isRemoved(id string) bool {
	e := r.Set().ByID(id)
	return e != nil && e.State == Removed
}

// Fold drops the oldest periods of an endpoint that nobody asks any more. safe says whether
// every feed of the endpoint is past the From of the period after, and knows of it.
func (r *Registry) Fold(ctx context.Context, id string, safe func(period, next Period) bool) error {
	_, err := r.change(ctx, edit{find: byID(id), next: func(cur *Endpoint) (*Endpoint, error) {
		if cur == nil {
			return nil, ErrNotFound
		}
		periods := cur.Periods
		for len(periods) > 1 && safe(periods[0], periods[1]) {
			periods = periods[1:]
		}
		if len(periods) == len(cur.Periods) {
			return nil, nil
		}
		next := cur.Clone()
		next.Periods = periods
		return next, nil
	}})
	return err
}

// after is now, and never the time before: by it a replica tells what was changed from what was
// only written anew.
func after(before time.Time) time.Time {
	now := time.Now().UTC().Truncate(time.Millisecond)
	if !now.After(before) {
		return before.Add(time.Millisecond)
	}
	return now
}

func byID(id string) func(*state) *kept {
	return func(s *state) *kept { return s.endpoints[id] }
}

// answer returns the endpoint as the Set shows it, which a later edit of somebody else may
// have changed or removed already.
func (r *Registry) answer(id string, err error) (*Endpoint, error) {
	if err != nil {
		return nil, err
	}
	e := r.Set().ByID(id)
	if e == nil {
		return nil, ErrNotFound
	}
	return e, nil
}

const idPrefix = "ep_"

// IsID reports whether a text has the form of an endpoint's id, of one that is gone too.
func IsID(text string) bool { return strings.HasPrefix(text, idPrefix) }

func newID() string {
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	return idPrefix + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random[:]))
}
