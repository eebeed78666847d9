package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
)

// ErrUnfinished: a restore onto the bus was cut off.
var ErrUnfinished = errors.New("a restore onto this bus was cut off, and what it wrote is not whole")

// Finished reads the log to its end and returns ErrUnfinished where a restore has begun and not
// ended. What a first start writes first, the number of shards, a restore writes last.
func (r *Registry) Finished(ctx context.Context) error {
	if _, err := r.Refresh(ctx); err != nil {
		return err
	}
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.release()
	if r.state.shards == 0 && len(r.state.starts) > 0 {
		return fmt.Errorf("%w: run hookspan restore again, which says what has to go before that", ErrUnfinished)
	}
	return nil
}

// Records are the endpoints as their records stand in the log, secrets sealed, as of the last
// reading, in the order of their ids. ReadRecord reads one anywhere; the places in it mean
// something on this bus only.
func (r *Registry) Records(ctx context.Context) ([]json.RawMessage, error) {
	if err := r.take(ctx); err != nil {
		return nil, err
	}
	defer r.release()
	all := make([]json.RawMessage, 0, len(r.state.endpoints))
	for _, id := range slices.Sorted(maps.Keys(r.state.endpoints)) {
		all = append(all, r.state.endpoints[id].raw)
	}
	return all, nil
}

// ReadRecord reads the record of an endpoint. Errors: bus.ErrNewerFormat, ErrSealed where no key
// of the sealer opens its secrets. A nil sealer leaves them closed and that is no error.
func ReadRecord(raw json.RawMessage, sealer *Sealer) (*Endpoint, error) {
	rec, err := decodeRecord(bus.Record{Data: raw})
	if err != nil {
		return nil, err
	}
	if rec.Kind != kindEndpoint {
		return nil, fmt.Errorf("a record of kind %q is no endpoint: %w", rec.Kind, bus.ErrNewerFormat)
	}
	e, locked, err := decodeEndpoint(rec.Endpoint, bus.NoPosition, sealer)
	if err == nil && sealer != nil {
		err = locked
	}
	return e, err
}

// Import writes an endpoint that ReadRecord has read, with its id, state and secrets, and with
// periods of this bus in place of its own. It is for a registry that no process uses yet.
func (r *Registry) Import(ctx context.Context, e *Endpoint, periods []Period) error {
	next := e.Clone()
	if !next.locked {
		next.sealed = nil // sealed with the newest key from the beginning
	}
	next.Periods = slices.Clone(periods)
	for i := range next.Periods {
		next.Periods[i].Revision = bus.NoPosition
	}
	return r.write(ctx, func(s *state) ([]byte, error) {
		if s.endpoints[next.ID] != nil || s.byName(next.Name) != nil {
			return nil, fmt.Errorf("endpoint %s: %w", next.Name, ErrNameTaken)
		}
		return encodeEndpoint(next, r.sealer.Load())
	})
}

// Matches reports whether an active period of this kind takes an event.
func (it Period) Matches(m *bus.Message) bool {
	it.Active = true
	r, err := newRule(it)
	if err != nil {
		return false
	}
	v, _ := r.judge(m)
	return v == Taken
}

// MayMatch is Matches for some event of the message's topic and type.
func (it Period) MayMatch(m *bus.Message) bool {
	it.Active = true
	r, err := newRule(it)
	return err == nil && r.takesKind(m)
}

// ByKindAlone reports whether nothing but topic and type decides what a period takes.
func (it Period) ByKindAlone() bool { return !it.ByTenant() && it.Filters.IsZero() }
