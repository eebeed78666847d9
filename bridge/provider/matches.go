package provider

import (
	"errors"
	"slices"

	"github.com/hookspan/hookspan/bridge/scheme"
)

// A Match is a provider as whose request one is genuine.
type Match struct {
	Provider string `json:"provider"`
	Like     string `json:"like,omitempty"` // the provider that it builds on: others that do take the request too
	Type     string `json:"type,omitempty"` // of the first event, in a source with the provider's name
	ID       string `json:"id,omitempty"`   // of it
	Invalid  string `json:"invalid,omitempty"`
	URL      string `json:"url,omitempty"`  // that was signed, where that is not the request's
	Late     string `json:"late,omitempty"` // why a source refuses it all the same: it is too old, or dated ahead
}

// Matches returns the providers as whose request r is genuine with one of the secrets, whatever its
// age: of those that its headers tell, in the order of Detect; where none of them fits, of all others.
// Each is tried with the defaults of its options, and left out where no secret has the form of its
// secrets. Those that never send such a body are left out where another one does. No match holds a
// secret.
func (c *Catalog) Matches(r *Request, secrets []string) []Match {
	matches, tried := []Match{}, map[string]bool{}
	try := func(name string) {
		if tried[name] {
			return
		}
		tried[name] = true
		p, there := c.Provider(name)
		for _, secret := range secrets {
			if !there {
				return
			}
			if m, ok := p.match(r, secret); ok {
				matches = append(matches, m)
				return
			}
		}
	}
	for _, g := range c.Detect(r.Header) {
		try(g.Provider)
	}
	if len(matches) == 0 {
		for _, name := range c.Names() { // some sign in the body or the query
			try(name)
		}
	}
	invalid := func(m Match) bool { return m.Invalid != "" }
	if slices.ContainsFunc(matches, func(m Match) bool { return !invalid(m) }) {
		matches = slices.DeleteFunc(matches, invalid)
	}
	return matches
}

// match tries one secret.
func (p *Provider) match(r *Request, secret string) (Match, bool) {
	cfg := Config{Source: p.Name, Secrets: []string{secret}}
	v, err := p.Compile(cfg)
	if err != nil || !slices.Contains(v.Methods(), r.Method) || v.openly(r) {
		return Match{}, false
	}
	anyTime, err := v.anyTime(cfg)
	if err != nil {
		return Match{}, false
	}
	m := Match{Provider: p.Name, Like: p.Like}
	verdict, err := anyTime.Verify(r)
	if err != nil && !untimely(err) {
		if verdict, m.URL, err = anyTime.elsewhere(r); err != nil {
			return Match{}, false
		}
	}
	signed := *r
	if m.URL != "" {
		signed.URL = m.URL
	}
	if _, err := v.Verify(&signed); untimely(err) {
		m.Late = err.Error()
	}
	m.Invalid = verdict.Invalid
	if len(verdict.Events) > 0 {
		m.Type, m.ID = verdict.Events[0].Type, verdict.Events[0].ID
	}
	return m, true
}

// untimely reports a refusal of a request whose time alone is wrong.
func untimely(err error) bool {
	refusal, ok := errors.AsType[*Refusal](err)
	return ok && (refusal.Reason == Stale || refusal.Reason == Future)
}

// openly reports a handshake that is answered whoever asks: it proves nothing.
func (v *Verifier) openly(r *Request) bool {
	x := v.setup.Open(r)
	defer v.setup.Close(x)
	return slices.ContainsFunc(v.challenges, func(h *challenge) bool { return h.open && h.matches(x) })
}

// elsewhere verifies with the other URLs that the sender may have been told, where that matters.
func (v *Verifier) elsewhere(r *Request) (Verdict, string, error) {
	err := error(&Refusal{Reason: scheme.BadSignature})
	if !v.SignsURL() {
		return Verdict{}, "", err
	}
	for _, g := range guessURLs(r) {
		changed := *r
		changed.URL = g.url
		verdict, failed := v.Verify(&changed)
		if failed == nil {
			return verdict, g.url, nil
		}
	}
	return Verdict{}, "", err
}
