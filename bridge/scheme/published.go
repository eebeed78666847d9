package scheme

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/key"
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

// published are the keys of a sender as its host gives them.
type published struct {
	senders *Senders
	source  string
	spec    publishedSpec
	take    func(any) (key.Public, bool) // picks those of one family

	asking singleflight.Group
	mu     sync.Mutex
	known  map[string]*document // by URL
}

// A document is what a URL was answered last. It is never changed.
type document struct {
	keys  []publicKey
	asked time.Time
	fresh time.Time // until then it is not asked for again
	stale time.Time // until then its keys count while the host does not answer
	err   error     // why the last answer brought no keys
}

type publicKey struct {
	id string
	key.Public
}

const (
	maxDocument  = 256 << 10
	maxDocuments = 32

	keysFresh = time.Hour // where the host does not say
	keysLeast = 5 * time.Minute
	keysMost  = 24 * time.Hour
	keysStale = 24 * time.Hour
	keysAgain = time.Minute     // between two looks for a key that is not there
	keysRetry = 5 * time.Second // after a failure
)

// A publishing is where the requests of one verifier say that such keys are.
type publishing struct {
	place *Place
	id    *Template
	keys  *published
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
	p.keys = c.Senders.keysOf(&published{senders: c.Senders, source: c.Source, spec: *spec, take: take, known: map[string]*document{}}, family)
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
	keys, err := p.keys.find(at, id, p.place.fixed)
	switch {
	case err != nil:
		return nil, &Refusal{Unreachable, "the sender's keys could not be had: " + err.Error()}
	case len(keys) == 0:
		return nil, &Refusal{UnknownKey, fmt.Sprintf("the sender publishes no key %.100q of the kind that signs", id)}
	}
	return keys, nil
}

// find looks among what is known first, and asks the host where that is not enough. What is known and
// counts is not waited for: it is made new beside.
func (p *published) find(at, id string, fixed bool) ([]key.Public, error) {
	p.mu.Lock()
	d := p.known[at]
	p.mu.Unlock()
	now := time.Now()
	if d != nil && d.counts(id, now) {
		if d.due(id, now) {
			go p.ask(at, fixed)
		}
		return d.named(id), nil
	}
	if d == nil || d.due(id, now) {
		d = p.ask(at, fixed)
	}
	if d.counts(id, time.Now()) {
		return d.named(id), nil
	}
	return nil, d.err
}

// counts reports whether keys of that id are there and may still be believed.
func (d *document) counts(id string, now time.Time) bool {
	return now.Before(d.stale) && len(d.named(id)) > 0
}

// due reports whether the host is to be asked again.
func (d *document) due(id string, now time.Time) bool {
	switch {
	case d.err != nil:
		return now.Sub(d.asked) >= keysRetry
	case now.After(d.fresh):
		return true
	}
	return len(d.named(id)) == 0 && now.Sub(d.asked) >= keysAgain
}

// named are the keys of that id. Keys without one may be any.
func (d *document) named(id string) (keys []key.Public) {
	for _, k := range d.keys {
		if id == "" || k.id == "" || k.id == id {
			keys = append(keys, k.Public)
		}
	}
	return keys
}

// ask fetches a document, once for all who want it at the moment.
func (p *published) ask(at string, fixed bool) *document {
	d, _, _ := p.asking.Do(at, func() (any, error) {
		p.mu.Lock()
		was := p.known[at]
		p.mu.Unlock()
		text, fresh, err := p.senders.fetch(p.source, at, fixed || was != nil && len(was.keys) > 0, maxDocument)
		d := &document{asked: time.Now()}
		if err == nil {
			d.fresh = d.asked.Add(min(max(cmp.Or(fresh, keysFresh), keysLeast), keysMost))
			d.stale = d.fresh.Add(keysStale)
			err = p.read(d, text)
		}
		return p.keep(at, d, err), nil
	})
	return d.(*document)
}

// keep remembers what came. After a failure what was there before goes on, for its time.
func (p *published) keep(at string, d *document, err error) *document {
	p.mu.Lock()
	defer p.mu.Unlock()
	if was := p.known[at]; err != nil {
		d.err = err
		if was != nil {
			d.keys, d.stale = was.keys, was.stale
		}
	}
	if p.known[at] == nil && len(p.known) >= maxDocuments {
		delete(p.known, p.least())
	}
	p.known[at] = d
	return d
}

// least is the URL that can best be forgotten: one that brought no keys, whose URL a stranger may
// have made up, before one that did, and the oldest of those. The caller holds the lock.
func (p *published) least() (least string) {
	for at, d := range p.known {
		was := p.known[least]
		if was == nil || len(d.keys) == 0 && len(was.keys) > 0 || (len(d.keys) == 0) == (len(was.keys) == 0) && d.asked.Before(was.asked) {
			least = at
		}
	}
	return least
}

// read takes the keys out of an answer.
func (p *published) read(d *document, text []byte) error {
	if p.spec.Form == "certificate" {
		return p.readCertificate(d, text)
	}
	set, err := key.Set(text)
	if err != nil {
		return err
	}
	for _, one := range set {
		if k, ok := p.take(one.Key); ok {
			d.keys = append(d.keys, publicKey{one.ID, k})
		}
	}
	if len(d.keys) == 0 {
		return errors.New("the answer holds no key of the kind that signs")
	}
	return nil
}

func (p *published) readCertificate(d *document, text []byte) error {
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return errors.New("the answer is not PEM of certificates")
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return errors.New("the answer is not PEM of certificates")
	}
	own := certificates[0]
	if d.asked.Before(own.NotBefore) || d.asked.After(own.NotAfter) {
		return fmt.Errorf("its certificate is valid from %s to %s", own.NotBefore.Format(time.DateOnly), own.NotAfter.Format(time.DateOnly))
	}
	if len(p.spec.Names) > 0 && !slices.ContainsFunc(p.spec.Names, func(name string) bool { return own.VerifyHostname(name) == nil }) {
		return errors.New("its certificate is for none of " + strings.Join(p.spec.Names, ", "))
	}
	if p.spec.Chain {
		between := x509.NewCertPool()
		for _, one := range certificates[1:] {
			between.AddCert(one)
		}
		if _, err := own.Verify(x509.VerifyOptions{Roots: p.senders.roots, Intermediates: between, CurrentTime: d.asked, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			return errors.New("its certificate is of no authority that is known here")
		}
	}
	k, ok := p.take(own.PublicKey)
	if !ok {
		return errors.New("its certificate holds a key of another kind")
	}
	d.keys = []publicKey{{"", k}}
	if own.NotAfter.Before(d.stale) {
		d.stale = own.NotAfter
		if own.NotAfter.Before(d.fresh) {
			d.fresh = own.NotAfter
		}
	}
	return nil
}
