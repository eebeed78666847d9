package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/signature"
)

// hidden stands for a header's value that may be a credential.
const hidden = "***"

// A view is an endpoint as the API shows it. Secrets are there once, in the answer to the
// request that made the server generate one.
type view struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	URL          string            `json:"url"`
	Secrets      []string          `json:"secrets,omitempty"`
	PublicKey    string            `json:"public_key,omitempty"`
	Events       []string          `json:"events"`
	Topics       []string          `json:"topics"`
	Start        string            `json:"start"`
	Active       bool              `json:"active"`
	Signature    string            `json:"signature"`
	Content      string            `json:"content"`
	Options      map[string]string `json:"options"`
	Headers      map[string]string `json:"headers"`
	Schedule     []string          `json:"schedule"`
	Jitter       string            `json:"jitter"`
	Timeout      string            `json:"timeout"`
	Rate         *string           `json:"rate"`
	Concurrency  int               `json:"concurrency"`
	DisableAfter string            `json:"disable_after"`
	ManagedBy    string            `json:"managed_by"`
	State        endpoint.State    `json:"state"`
	Reason       string            `json:"reason,omitempty"`
	Behind       *behind           `json:"behind,omitempty"`
	HeldUntil    time.Time         `json:"held_until,omitzero"`
	HeldBy       delivery.HeldBy   `json:"held_by,omitempty"`
	Warnings     []string          `json:"warnings,omitempty"`
	Created      time.Time         `json:"created"`
	Updated      time.Time         `json:"updated"`
}

func (l *look) endpoint(e *endpoint.Endpoint) view {
	n := l.note(e.ID)
	v := view{
		ID: e.ID, Name: e.Name, URL: e.URL, Events: list(e.Events), Topics: list(e.Topics), Start: e.Start, Active: e.Active,
		Signature: e.Signature, Content: e.Content, Options: map[string]string{}, Headers: map[string]string{}, Schedule: []string{},
		Jitter: endpoint.FormatJitter(e.Jitter), Timeout: endpoint.FormatDuration(e.Timeout), Concurrency: e.Concurrency,
		DisableAfter: endpoint.FormatDuration(e.DisableAfter), ManagedBy: e.ManagedBy, State: e.State, Reason: e.Reason,
		Behind: l.behind(n), Created: e.Created, Updated: e.Updated,
	}
	v.HeldUntil, v.HeldBy = l.held(n)
	if l.Warnings != nil {
		v.Warnings = l.Warnings(e)
	}
	for k, text := range e.Options {
		v.Options[k] = text
	}
	for _, h := range e.Headers {
		v.Headers[h.Name] = h.Value
		if isCredential(h.Name) {
			v.Headers[h.Name] = hidden
		}
	}
	for _, d := range e.Schedule {
		v.Schedule = append(v.Schedule, endpoint.FormatDuration(d))
	}
	if rate := e.Rate.String(); rate != "" {
		v.Rate = &rate
	}
	if e.Signature == "standard-ed25519" && len(e.Secrets) > 0 {
		if key, err := signature.PublicKey(e.Secrets[0]); err == nil {
			v.PublicKey = key
		}
	}
	return v
}

// isCredential judges a header by its name: what may be one is never shown again.
func isCredential(name string) bool {
	name = strings.ToLower(http.CanonicalHeaderKey(name))
	for _, part := range []string{"auth", "cookie", "token", "secret", "key", "password", "credential", "signature"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func list(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}
