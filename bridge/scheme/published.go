package scheme

import (
	"errors"
	"fmt"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/key"
	"github.com/hookspan/hookspan/bridge/scheme/published"
)

// A publishedSpec says where a sender publishes its public keys, for sources that pin none as a
// secret.
type publishedSpec struct {
	Place PlaceSpec        `yaml:",inline"`
	Form  string           `yaml:"form" words:"jwks certificate" doc:"What lies there: jwks, a set of keys (RFC 7517), unless it says otherwise, or certificate, PEM with the sender's own first." example:"url: 'https://keys.acme.example/own.pem', form: certificate"`
	ID    string           `yaml:"id" doc:"The value of the request that names the key; of a jws the token does." example:"url: 'https://keys.acme.example/jwks', id: 'header:X-Acme-Key'"`
	Names declaration.List `yaml:"names" doc:"Host names of which the certificate must be for one." example:"url: 'https://keys.acme.example/own.pem', form: certificate, names: hooks.acme.example"`
	Chain bool             `yaml:"chain" doc:"The certificate must be of a public authority; where it is not, the host that gives it is all there is to believe." example:"url: 'https://keys.acme.example/own.pem', form: certificate, chain: true"`
}

// A publishing is where the requests of one verifier say that such keys are.
type publishing struct {
	place *Place
	id    *Template
	keys  *published.Keys
}

func (c *Compiler) published(spec *publishedSpec, family string, take func(any) (key.Public, bool)) (*publishing, error) {
	p := &publishing{}
	var err error
	if p.place, err = c.Place(spec.Place); err != nil {
		return nil, fmt.Errorf("published: %w", err)
	}
	if p.id, err = c.Optional(spec.ID); err != nil {
		return nil, fmt.Errorf("published: id: %w", err)
	}
	switch spec.Form {
	case "", "jwks":
		if len(spec.Names) > 0 || spec.Chain {
			return nil, errors.New("published: names, chain: only a certificate has them")
		}
	case "certificate":
	default:
		return nil, fmt.Errorf("published: form: %q is unknown, use jwks or certificate", spec.Form)
	}
	p.keys = c.Senders.Keys(c.Source, family, published.Form{Certificate: spec.Form == "certificate", Names: spec.Names, Chain: spec.Chain}, take)
	return p, nil
}

// of are the keys that a request may be signed with. id names one; "" asks the request.
func (p *publishing) of(x *Exchange, id string) ([]key.Public, *Refusal) {
	at, refusal := p.place.Of(x)
	if refusal != nil {
		return nil, refusal
	}
	if p.id != nil && id == "" {
		var there bool
		if id, there = p.id.Value(x); !there {
			return nil, &Refusal{NoSignature, "the request does not name its key: " + p.id.String() + " is missing"}
		}
	}
	keys, err := p.keys.Find(at, id, p.place.fixed)
	switch {
	case err != nil:
		return nil, &Refusal{Unreachable, "the sender's keys could not be had: " + err.Error()}
	case len(keys) == 0:
		return nil, &Refusal{UnknownKey, fmt.Sprintf("the sender publishes no key %.100q of the kind that signs", id)}
	}
	return keys, nil
}
