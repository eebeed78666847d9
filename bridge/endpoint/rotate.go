package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
)

// How long the secrets of before sign beside a new one.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 30 * 24 * time.Hour
)

// An OldSecret signs beside the newer ones until its time, and is forgotten then.
type OldSecret struct {
	Secret setting.Secret
	Until  time.Time
}

// Rotate makes a secret the one that signs. Those of before sign as well for the overlap, or
// until an earlier rotation ends them; with none they are forgotten at once. A secret that
// comes back is no old one any more.
func (e *Endpoint) Rotate(secret string, now time.Time, overlap time.Duration) {
	until := now.Add(overlap)
	var old []OldSecret
	keep := func(s setting.Secret, until time.Time) {
		known := slices.ContainsFunc(old, func(o OldSecret) bool { return o.Secret == s })
		if s != setting.Secret(secret) && until.After(now) && !known {
			old = append(old, OldSecret{s, until})
		}
	}
	for _, s := range e.Secrets {
		keep(setting.Secret(s), until)
	}
	for _, o := range e.OldSecrets {
		if o.Until.After(until) {
			o.Until = until
		}
		keep(o.Secret, o.Until)
	}
	e.Secrets, e.OldSecrets = setting.Secrets{secret}, old
}

// OverlapUntil is when the last of the old secrets is forgotten; zero when none signs any more.
func (e *Endpoint) OverlapUntil(now time.Time) (until time.Time) {
	for _, o := range e.OldSecrets {
		if o.Until.After(now) && o.Until.After(until) {
			until = o.Until
		}
	}
	return until
}

// remembers reports whether the record holds a secret whose time is over, and that can be taken
// out here.
func (e *Endpoint) remembers(now time.Time) bool {
	return !e.locked && slices.ContainsFunc(e.OldSecrets, func(o OldSecret) bool { return !o.Until.After(now) })
}

// errRemembered is the end of an edit that another replica has made.
var errRemembered = errors.New("forgotten already")

// forget writes the endpoints anew that hold secrets whose time is over. Nothing is signed with
// those whether or not it comes to that.
func (r *Registry) forget(ctx context.Context, now time.Time) error {
	for _, e := range r.Set().All() {
		if !e.remembers(now) {
			continue
		}
		_, err := r.change(ctx, edit{find: byID(e.ID), next: func(cur *Endpoint) (*Endpoint, error) {
			if cur == nil || !cur.remembers(now) {
				return nil, errRemembered
			}
			next := cur.Clone()
			next.OldSecrets = slices.DeleteFunc(slices.Clone(cur.OldSecrets), func(o OldSecret) bool { return !o.Until.After(now) })
			return next, nil
		}})
		switch {
		case errors.Is(err, errRemembered):
		case err != nil:
			return fmt.Errorf("forget the old secrets of endpoint %s: %w", e.Name, err)
		default:
			r.o.Log.Info("endpoint's old secrets forgotten", "endpoint", e.Name, "endpoint_id", e.ID)
		}
	}
	return nil
}

// oldSecretsMember is what a record calls them, among what is sealed.
const oldSecretsMember = "old_secrets"

// A keptSecret is an old secret as a record holds it.
type keptSecret struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until"`
}

func (e *Endpoint) encodeOldSecrets(members map[string]json.RawMessage) error {
	if len(e.OldSecrets) == 0 {
		return nil
	}
	list := make([]keptSecret, 0, len(e.OldSecrets))
	for _, o := range e.OldSecrets {
		list = append(list, keptSecret{o.Secret.Open(), o.Until})
	}
	raw, err := json.Marshal(list)
	members[oldSecretsMember] = raw
	return err
}

func (e *Endpoint) decodeOldSecrets(members map[string]json.RawMessage) error {
	raw, kept := members[oldSecretsMember]
	if !kept {
		return nil
	}
	delete(members, oldSecretsMember)
	var list []keptSecret
	if err := json.Unmarshal(raw, &list); err != nil {
		return errors.New("decode the old secrets") // without the cause, which may repeat one
	}
	for _, k := range list {
		e.OldSecrets = append(e.OldSecrets, OldSecret{setting.Secret(k.Secret), k.Until})
	}
	return nil
}
