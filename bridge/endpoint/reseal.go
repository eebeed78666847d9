package endpoint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/bus"
)

// resealPasses bounds how often Reseal looks again for what was sealed meanwhile by a replica that
// has other keys.
const resealPasses = 3

// A Resealing is what came of sealing anew what is sealed of all endpoints.
type Resealing struct {
	Key     string // id of the newest key, which seals
	Sealed  int    // endpoints, anew
	Already int    // endpoints that it had sealed before
	Failed  []Unsealed
}

// An Unsealed endpoint is still sealed with another key.
type Unsealed struct {
	ID, Name string
	Err      error
}

// Reseal seals with the newest key whatever another one has sealed, so that the others can be
// taken away. Each endpoint is one record, written only where nothing else has changed it
// meanwhile: it may be called on any number of replicas, be cut off anywhere, and be called
// again. What it returns without an error is durable. ErrNoSealKey where no key is given; an
// error of the bus leaves the rest as it was, and the Resealing says what was done before.
func (r *Registry) Reseal(ctx context.Context) (Resealing, error) {
	if r.sealer.Load().Newest() == "" {
		return Resealing{}, ErrNoSealKey
	}
	by := map[string]sealing{} // by id
	var err error
	for pass, more := 0, true; more && err == nil && pass < resealPasses; pass++ {
		more, err = r.resealPass(ctx, by)
	}
	done := Resealing{Key: r.sealer.Load().Newest()}
	for id, s := range by {
		switch {
		case s.err != nil:
			done.Failed = append(done.Failed, Unsealed{id, s.name, s.err})
		case s.anew:
			done.Sealed++
		default:
			done.Already++
		}
	}
	slices.SortFunc(done.Failed, func(a, b Unsealed) int { return strings.Compare(a.Name, b.Name) })
	if done.Sealed > 0 {
		if synced := r.store.Sync(ctx); synced != nil {
			err = errors.Join(err, fmt.Errorf("sync the registry: %w", synced))
		}
	}
	return done, err
}

// A sealing is what became of one endpoint.
type sealing struct {
	name string
	anew bool
	err  error
}

// resealPass goes once over the endpoints as they are now and reports whether it wrote any.
func (r *Registry) resealPass(ctx context.Context, by map[string]sealing) (wrote bool, err error) {
	set, err := r.Refresh(ctx)
	if err != nil {
		return false, err
	}
	for _, e := range set.All() {
		was := by[e.ID]
		switch {
		case e.sealed == nil || was.err != nil:
			continue
		case !e.locked && e.sealed.Key == r.sealer.Load().Newest():
			by[e.ID] = sealing{name: e.Name, anew: was.anew}
			continue
		}
		anew, fault, err := r.resealOne(ctx, e.ID)
		if err != nil {
			return wrote, fmt.Errorf("seal endpoint %s anew: %w", e.Name, err)
		}
		by[e.ID] = sealing{e.Name, anew || was.anew, fault}
		wrote = wrote || anew
	}
	return wrote, nil
}

// resealOne returns as fault what is wrong with this endpoint alone.
func (r *Registry) resealOne(ctx context.Context, id string) (anew bool, fault, err error) {
	if err := r.take(ctx); err != nil {
		return false, nil, err
	}
	defer r.release()
	anew, err = r.append(ctx, func(s *state) (record []byte, _ error) {
		k, sealer := s.endpoints[id], r.sealer.Load()
		record, fault = nil, nil
		switch {
		case k == nil || k.endpoint.sealed == nil: // deleted meanwhile, or without secrets now
		case k.endpoint.locked:
			fault = r.lockedError(k.endpoint)
		case k.endpoint.sealed.Key != sealer.Newest():
			next := k.endpoint.Clone()
			next.sealed, next.sealKey = nil, ""
			record, fault = encodeEndpoint(next, sealer)
		}
		return record, nil
	})
	return anew, fault, err
}

// UseKeys gives the registry other seal keys. What none has opened so far is tried with them at
// once; what was opened stays so.
func (r *Registry) UseKeys(ctx context.Context, sealer *Sealer) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.release()
	r.sealer.Store(sealer)
	r.state.sealer = sealer
	for id, k := range r.state.endpoints {
		if !k.endpoint.locked {
			continue
		}
		rec, err := decodeRecord(bus.Record{Pos: k.revision, Data: k.raw})
		if err != nil {
			return err
		}
		e, locked, err := decodeEndpoint(rec.Endpoint, k.revision, sealer)
		if err != nil {
			return err
		}
		if locked == nil {
			r.state.endpoints[id] = &kept{revision: k.revision, raw: k.raw, endpoint: e}
		}
	}
	r.publish()
	return nil
}

// A KeyUse is a seal key and what it seals.
type KeyUse struct {
	ID        string
	Given     bool // to this process
	Endpoints int
}

// Keys lists the seal keys of this process, newest first, and behind them those that seal an
// endpoint and are not given here, as of the last reading.
func (r *Registry) Keys() []KeyUse {
	sealer, endpoints := r.sealer.Load(), r.Set().sealedBy()
	var all []KeyUse
	for _, id := range sealer.IDs() {
		all = append(all, KeyUse{id, true, endpoints[id]})
		delete(endpoints, id)
	}
	for _, id := range slices.Sorted(maps.Keys(endpoints)) {
		all = append(all, KeyUse{id, false, endpoints[id]})
	}
	return all
}

// sealedBy counts the endpoints by the key that seals them.
func (s *Set) sealedBy() map[string]int {
	by := map[string]int{}
	for _, e := range s.all {
		if e.sealed != nil {
			by[e.sealed.Key]++
		}
	}
	return by
}

// missing lists the ids of the keys that are not given here, and counts what they seal.
func (r *Registry) missing() (keys string, endpoints int) {
	var ids []string
	for _, k := range r.Keys() {
		if !k.Given {
			ids, endpoints = append(ids, k.ID), endpoints+k.Endpoints
		}
	}
	return strings.Join(ids, " "), endpoints
}

// tellMissing logs the keys that this process lacks, unless they are those that it told of before,
// which it returns.
func (r *Registry) tellMissing(before string) string {
	keys, endpoints := r.missing()
	if keys != "" && keys != before {
		r.o.Log.Warn("endpoints are sealed with a key that this process lacks: add it to HOOKSPAN_SEAL_KEY; those that it has not opened before are paused here, and it cannot start anew",
			"seal_key", keys, "endpoints", endpoints)
	}
	return keys
}
