package provider

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/cipher"
)

// An Outgoing is a request that is about to be sent as a provider would send it.
type Outgoing struct {
	ID, Type    string // of the event
	Time        time.Time
	Method, URL string
	Body        []byte
}

// A Signer signs requests as a provider does, and says what it encrypts them with. It is safe for concurrent use.
type Signer struct {
	proof   *scheme.Proof
	headers []sentHeader
	options map[string]string
	zone    *time.Location
}

// A sentHeader is one that the provider sends beside its signature.
type sentHeader struct {
	name string // canonical
	is   string // id, type, time, or ""
	text string // as in a sample, where that says how it is written
}

// ErrNoSecret says that a provider needs a secret.
var ErrNoSecret = errors.New("is missing")

// Signer makes what signs with the newest of the secrets. It is an error where requests cannot
// have what the provider's verification wants: see scheme.Proof.Signs.
func (p *Provider) Signer(options map[string]string, secrets []string) (*Signer, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%w: %s signs with %s", ErrNoSecret, p.Name, p.Secrets)
	}
	values, err := resolve(p.Options, options)
	if err != nil {
		return nil, err
	}
	f, err := p.file(values, p.Options, "endpoint")
	if err != nil {
		return nil, err
	}
	v, err := p.Compile(Config{Source: "endpoint", Secrets: secrets, Options: options})
	if err != nil {
		return nil, err
	}
	if err := v.proof.Signs(); err != nil {
		return nil, fmt.Errorf("nobody else can sign as %s: %w", p.Name, err)
	}
	s := &Signer{proof: v.proof, zone: v.setup.Zone, options: values}
	s.collect(v, f)
	return s, nil
}

// collect finds the headers of id, type and time, and those that the signature covers; the first
// sample shows how they are written.
func (s *Signer) collect(v *Verifier, f *file) {
	sampled := map[string]string{}
	maker := &sampleMaker{options: s.options}
	if len(f.Samples) > 0 {
		for name, text := range f.Samples[0].Headers {
			sampled[http.CanonicalHeaderKey(maker.fill(name))] = text
		}
	}
	seen := map[string]bool{"": true, "Content-Type": true}
	add := func(name, is string) {
		if !seen[name] {
			seen[name] = true
			s.headers = append(s.headers, sentHeader{name, is, sampled[name]})
		}
	}
	id, kind, at := v.builder.Headers()
	add(id, "id")
	add(kind, "type")
	add(v.proof.TimeHeader(), "time")
	add(at, "time")
	for _, name := range v.proof.Covered() {
		if sampled[name] != "" {
			add(name, "")
		}
	}
}

// Encryption is what the provider encrypts bodies with, before it signs; nil where it does not.
func (s *Signer) Encryption() (*cipher.Scheme, *cipher.Key) { return s.proof.Encryption() }

// Sign sets the provider's headers, the signature among them.
func (s *Signer) Sign(h http.Header, o Outgoing) error {
	maker := &sampleMaker{request: SampleRequest{Now: o.Time}, options: s.options, zone: s.zone, body: o.Body}
	for _, one := range s.headers {
		value := o.ID
		switch one.is {
		case "type":
			value = o.Type
		case "time":
			if value = strconv.FormatInt(o.Time.Unix(), 10); strings.Contains(one.text, "${") {
				value = maker.fill(one.text)
			}
		case "":
			value = maker.fill(one.text)
		}
		h[one.name] = []string{value}
	}
	return s.proof.SignEncrypted(&Request{Method: o.Method, URL: o.URL, Header: h, Body: o.Body, Received: o.Time})
}
