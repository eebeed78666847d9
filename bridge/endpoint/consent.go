package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"
)

// A Consent is what an endpoint has answered to the handshake (CloudEvents HTTP webhooks, 4): that
// it takes webhooks from this origin, and how many. It is kept for the address and the origin that
// were asked for; for others it says nothing.
type Consent struct {
	Of        string    `json:"of"`                  // which address and origin
	Given     time.Time `json:"given,omitzero"`      // zero: it was refused
	PerMinute int       `json:"per_minute,omitzero"` // requests that it allows; 0: any number
	Refused   string    `json:"refused,omitzero"`    // why it was not given, in words
}

// ErrNoConsent: the endpoint has not been asked yet whether it takes webhooks, or says no.
var ErrNoConsent = errors.New("the endpoint has not consented to the handshake yet")

// ConsentOf tells what a consent is of without showing it: a URL may hold a credential.
func ConsentOf(e *Endpoint, origin string) string {
	sum := sha256.Sum256([]byte(e.URL + "\x00" + origin))
	return hex.EncodeToString(sum[:12])
}

// AllowedRate is the limit that came with the consent; zero: none.
func (c *Consent) AllowedRate() Rate {
	if c == nil || c.PerMinute == 0 {
		return Rate{}
	}
	return Rate{PerSecond: float64(c.PerMinute) / 60}
}

// Awaits reports that the endpoint must give its consent before anything is sent to it.
func (e *Endpoint) Awaits(origin string) bool {
	return e.Handshake && (e.Consent == nil || e.Consent.Given.IsZero() || e.Consent.Of != ConsentOf(e, origin))
}

// Locked reports that no key given here opens the endpoint's secrets.
func (e *Endpoint) Locked() bool { return e.locked }

// Limit is the rate that holds: the smaller one of the setting and the consent. A burst is cut to
// what a minute has room for.
func (e *Endpoint) Limit() Rate {
	allowed := Rate{}
	if e.Handshake {
		allowed = e.Consent.AllowedRate()
	}
	switch {
	case allowed.PerSecond == 0:
		return e.Rate
	case e.Rate.PerSecond == 0 || e.Rate.PerSecond >= allowed.PerSecond:
		return allowed
	}
	limit := e.Rate
	if room := e.Consent.PerMinute - int(math.Ceil(e.Rate.PerSecond*60-1e-9)); limit.Burst > room {
		limit.Burst = max(room, 1)
	}
	return limit
}

// waiting shows an endpoint without its consent as one that nothing is sent to.
func (r *ledger) waiting(e *Endpoint) *Endpoint {
	if e.State != Enabled || !e.Awaits(r.o.Origin) {
		return e
	}
	e.State, e.Reason = Paused, "waits for the endpoint's consent (handshake)"
	if c := e.Consent; c != nil && c.Refused != "" && c.Of == ConsentOf(e, r.o.Origin) {
		e.Reason += ": " + c.Refused
	}
	return e
}

// ask gets the consent that an edit of the API needs: of an endpoint that is new, elsewhere now, or
// asks for a handshake from now on. One that waits already goes on waiting. An edit that is made
// again asks once: given is what the endpoint has answered before.
func (r *Registry) ask(ctx context.Context, cur, next *Endpoint, given *Consent) (*Consent, error) {
	if !next.Handshake {
		next.Consent = nil
		return given, nil
	}
	of := ConsentOf(next, r.o.Origin)
	known := cur != nil && cur.Handshake && ConsentOf(cur, r.o.Origin) == of
	if known || next.Locked() || !next.Awaits(r.o.Origin) {
		return given, nil
	}
	if given == nil || given.Of != of {
		var err error
		if given, err = r.consent(ctx, next); err != nil {
			return nil, &InvalidError{Name: next.Name, Fields: []FieldError{{Field: "handshake", Message: err.Error()}}}
		}
	}
	next.Consent = given
	return given, nil
}

func (r *Registry) consent(ctx context.Context, e *Endpoint) (*Consent, error) {
	if r.o.Handshake == nil {
		return nil, errors.New("cannot be made by this process")
	}
	perMinute, err := r.o.Handshake(ctx, e)
	if err != nil {
		return nil, err
	}
	return &Consent{Of: ConsentOf(e, r.o.Origin), Given: time.Now().UTC().Truncate(time.Millisecond), PerMinute: perMinute}, nil
}

// Origin is by which name endpoints know this installation.
func (r *Registry) Origin() string { return r.o.Origin }

// SetConsent writes what an endpoint has answered, wherever it is defined. ErrNotFound where there
// is no such endpoint any more.
func (r *Registry) SetConsent(ctx context.Context, id string, c Consent) error {
	_, err := r.change(ctx, edit{find: byID(id), next: func(cur *Endpoint) (*Endpoint, error) {
		if cur == nil {
			return nil, ErrNotFound
		}
		if cur.Consent != nil && *cur.Consent == c {
			return nil, nil
		}
		if e := r.Set().ByID(id); e != nil && (c.Of != ConsentOf(e, r.o.Origin) || c.Given.IsZero() && !e.Awaits(r.o.Origin)) {
			return nil, nil // it was asked for an address that is no more, or has consented to somebody else meanwhile
		}
		next := cur.Clone()
		next.Consent = &c
		next.Updated = after(cur.Updated)
		return next, nil
	}})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("write the consent: %w", err)
	}
	return err
}
