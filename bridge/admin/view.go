package admin

import (
	"reflect"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/signature"
)

// A view is an endpoint as the API shows it: what names it, its settings as they are declared, and
// what it is doing.
type view struct {
	front    front
	settings []setting.Member
	state    state
	tag      string // its ETag
}

// MarshalJSON writes one object.
func (v view) MarshalJSON() ([]byte, error) {
	return setting.Object{v.front, v.settings, v.state}.MarshalJSON()
}

// front names an endpoint. Secrets are there once, in the answer to the request that made the
// server generate one.
type front struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Secrets   []string `json:"secrets,omitempty"`
	PublicKey string   `json:"public_key,omitempty"`
}

// state is what the server says of an endpoint.
type state struct {
	ManagedBy string           `json:"managed_by"`
	State     endpoint.State   `json:"state"`
	Reason    string           `json:"reason,omitempty"`
	Behind    *behind          `json:"behind,omitempty"`
	Overlap   time.Time        `json:"overlap_until,omitzero"` // until then old secrets sign too
	Consent   *consent         `json:"consent,omitempty"`
	HeldUntil time.Time        `json:"held_until,omitzero"`
	HeldBy    delivery.HeldBy  `json:"held_by,omitempty"`
	Breaker   delivery.Breaker `json:"breaker"`
	Warnings  []string         `json:"warnings,omitempty"`
	Created   time.Time        `json:"created"`
	Updated   time.Time        `json:"updated"`
}

// consent is what the endpoint has answered to the handshake.
type consent struct {
	State       string    `json:"state"`
	Given       time.Time `json:"given,omitzero"`
	AllowedRate string    `json:"allowed_rate,omitempty"`
	Refused     string    `json:"refused,omitempty"`
}

// consentOf is nil for an endpoint that asks for no handshake.
func consentOf(e *endpoint.Endpoint, origin string) *consent {
	c := e.Consent
	switch {
	case !e.Handshake:
		return nil
	case !e.Awaits(origin):
		return &consent{State: "given", Given: c.Given, AllowedRate: c.AllowedRate().String()}
	case c != nil && c.Refused != "" && c.Of == endpoint.ConsentOf(e, origin):
		return &consent{State: "refused", Refused: c.Refused}
	}
	return &consent{State: "awaited"}
}

// told are fields that say who an endpoint is and how it is. No request sets them here; as they
// are, they may come back.
func told(e *endpoint.Endpoint) map[string]string {
	key := ""
	if len(e.Secrets) > 0 {
		key, _ = signature.PublicKey(e.Signature, e.Secrets[0]) // none of what is no key
	}
	return map[string]string{"id": e.ID, "public_key": key, "managed_by": e.ManagedBy, "state": string(e.State)}
}

// readOnly are the fields that no request may set.
func readOnly() []string {
	names := []string{"id", "public_key"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[state]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func (l *look) endpoint(e *endpoint.Endpoint) view {
	n := l.note(e.ID)
	v := view{
		front: front{ID: e.ID, Name: e.Name}, tag: tagOf(e),
		settings: endpoint.Fields().Shown(&e.Settings),
		state:    state{ManagedBy: e.ManagedBy, State: e.State, Reason: e.Reason, Behind: l.behind(n), Created: e.Created, Updated: e.Updated},
	}
	v.state.HeldUntil, v.state.HeldBy = l.held(n)
	v.state.Overlap = e.OverlapUntil(l.now)
	v.state.Consent = consentOf(e, l.Registry.Origin())
	v.state.Breaker = l.breaker(n)
	if l.Warnings != nil {
		v.state.Warnings = l.Warnings(e)
	}
	if len(e.Secrets) > 0 {
		v.front.PublicKey, _ = signature.PublicKey(e.Signature, e.Secrets[0]) // none of what is no key
	}
	return v
}
