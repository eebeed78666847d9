package endpoint

import (
	"bytes"
	"fmt"
	"slices"
)

// What is sealed of an endpoint lies on the bus as one text. An edit leaves it there byte for byte
// as long as nothing in it changes, and else seals with the key that it was sealed with, where
// that is given. So no edit takes a newer key away, whatever keys the replica has that makes it,
// and a replica without the key can edit all the rest; only Reseal goes to another key.

// carrySealed decides what becomes of what is sealed in an edit of from, which is nil where there
// is no such endpoint yet. False: it would change, and no key given here opens it.
func (e *Endpoint) carrySealed(from *Endpoint) bool {
	e.sealed, e.sealKey, e.locked, e.unread = nil, "", false, false
	switch {
	case from == nil || from.sealed == nil:
		return true
	case e.sealsLike(from):
		e.sealed, e.locked, e.unread = from.sealed, from.locked, from.unread
		return true
	}
	e.sealKey = from.sealed.Key
	return !from.locked
}

// sealsLike reports whether both have the same settings and secrets to seal.
func (e *Endpoint) sealsLike(o *Endpoint) bool {
	for _, f := range Fields() {
		if f.Sealed() && !f.Same(&e.Settings, &o.Settings) {
			return false
		}
	}
	return slices.EqualFunc(e.OldSecrets, o.OldSecrets, func(a, b OldSecret) bool {
		return a.Secret == b.Secret && a.Until.Equal(b.Until)
	})
}

// holdsWhat reports that a later record of the endpoint, which cannot be opened, has nothing sealed
// that this one has not: it is the same text, or was only sealed anew, which is no change.
func (e *Endpoint) holdsWhat(later *Endpoint) bool {
	same := e.sealed != nil && e.sealed.Key == later.sealed.Key && bytes.Equal(e.sealed.Data, later.sealed.Data)
	return same || e.Updated.Equal(later.Updated)
}

// keepOpened takes over what was opened here before and cannot be now. It stays locked, so that
// an edit carries on what another replica has sealed.
func (e *Endpoint) keepOpened(before *Endpoint) {
	for _, f := range Fields() {
		if f.Sealed() {
			f.Copy(&e.Settings, &before.Settings)
		}
	}
	e.unknownSealed, e.OldSecrets, e.unread = before.unknownSealed, before.OldSecrets, false
}

// lockedError says why what is sealed of an endpoint cannot be changed here.
func (r *ledger) lockedError(e *Endpoint) error {
	if key := e.sealed.Key; !r.sealer.Load().has(key) {
		return fmt.Errorf("endpoint %s: what is sealed of it cannot be changed here, it is %w: add the key with id %s to this process's HOOKSPAN_SEAL_KEY first", e.Name, ErrSealed, key)
	}
	return fmt.Errorf("endpoint %s: what is sealed of it cannot be changed here, it is %w, of a later version of this program, or was changed on the bus", e.Name, ErrSealed)
}
