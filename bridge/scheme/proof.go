package scheme

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/scheme/cipher"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
	"github.com/hookspan/hookspan/bridge/scheme/published"
)

// A Spec is how a request shows that it is genuine, as a file declares it.
type Spec struct {
	Verify    []stepSpec     `yaml:"verify" doc:"How a request proves itself: all of these steps must hold, over the body as it came." example:"verify: [{hmac: {header: X-Acme-Signature, prefix: sha256=, content: '{header:X-Acme-Timestamp}.{body}'}}]"`
	Decrypt   *decryptSpec   `yaml:"decrypt" doc:"How the body is encrypted, with a secret as the key phrase; it is opened after verify." example:"decrypt: {cipher: aes-256-cbc, key: sha256}"`
	Check     []stepSpec     `yaml:"check" doc:"More steps like those of verify, over the plaintext." example:"check: [{when: /type, token: {in: /clientKey, reason: client_key}}]"`
	Freshness *freshnessSpec `yaml:"freshness" doc:"Which value is the time of sending, and how old it may be." example:"freshness: {time: 'header:X-Acme-Timestamp', tolerance: 5m}"`
}

// A Setup is what all requests of one compilation have in common.
type Setup struct {
	Set           *pointer.Set // the JSON values that files name
	Secrets       []string
	key           []byte // what the first signature makes of the first of them; nil without one
	Rate          string // of a handshake's answer
	MaxBody       int64  // bounds what a gzip body unpacks to
	Zone          *time.Location
	DocumentField string             // of a form that holds the JSON
	Source        string             // its name
	Senders       *published.Senders // nil: no host is asked

	exchanges sync.Pool
}

// Open begins the judging of a request, close ends it.
func (s *Setup) Open(r *Request) *Exchange {
	x := s.spare()
	x.Reset(s, r)
	return x
}

func (s *Setup) spare() *Exchange {
	if x, ok := s.exchanges.Get().(*Exchange); ok {
		return x
	}
	return &Exchange{}
}

// Close ends what Open began; nothing of x may be used afterwards.
func (s *Setup) Close(x *Exchange) {
	clear(x.Values)
	if cap(x.scratch)+cap(x.sums) <= keptScratch {
		s.exchanges.Put(x)
	}
}

// keptScratch bounds what one request leaves in hand for the next one.
const keptScratch = 64 << 10

// A Compiler turns what a file declares into what judges requests.
type Compiler struct {
	*Setup
	Options   map[string]string
	Tolerance *time.Duration    // of the source; nil is the file's own rule
	Values    map[string]string // beside headers the only values of templates, and what they stand for; nil: all there are
	Dry       bool              // only the file is checked: there are no secrets yet
	Warnings  []string
}

// Warn notes once what an operator should know.
func (c *Compiler) Warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(c.Warnings, text) {
		c.Warnings = append(c.Warnings, text)
	}
}

// A Proof tells a genuine request from another, and makes what it looks for. It is safe for
// concurrent use.
type Proof struct {
	setup     *Setup
	steps     []*step
	decrypt   *decryption
	checks    []*step
	freshness *freshness
	timed     *Template // the time of sending, whether or not it is enforced; nil for none
}

// Publishes reports whether the sender's keys lie on a host of its own, so that a source needs none.
func (s *Spec) Publishes() bool {
	return slices.ContainsFunc(slices.Concat(s.Verify, s.Check), func(step stepSpec) bool {
		return slices.ContainsFunc(step.schemes(), func(one schemeSpec) bool {
			from, ok := one.(interface{ publishes() bool })
			return ok && from.publishes()
		})
	})
}

// Proof compiles a declaration. methods are those of deliveries; json says that a body holds an
// object once it is decrypted.
func (c *Compiler) Proof(spec Spec, methods []string, json bool) (*Proof, error) {
	p := &Proof{setup: c.Setup}
	var err error
	if p.steps, err = c.steps("verify", spec.Verify); err != nil {
		return nil, err
	}
	if p.decrypt, err = c.decryption(spec.Decrypt, json); err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	if !slices.ContainsFunc(p.steps, func(s *step) bool { return s.proves }) && p.decrypt == nil {
		if len(spec.Verify) > 0 && !c.Dry {
			return nil, errors.New("secrets: none of them is of a kind that this provider uses")
		}
		return nil, errors.New("verify: without a signature, a token or a cipher anybody could send; a digest alone proves nothing")
	}
	if err := c.checkCoverage(p.steps, methods); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if p.checks, err = c.steps("check", spec.Check); err != nil {
		return nil, err
	}
	if spec.Freshness != nil {
		if p.timed, err = c.Optional(spec.Freshness.Time); err != nil {
			return nil, fmt.Errorf("freshness: time: %w", err)
		}
	}
	if p.freshness, err = c.freshness(spec.Freshness, p.steps); err != nil {
		return nil, fmt.Errorf("freshness: %w", err)
	}
	return p, nil
}

func (c *Compiler) steps(name string, specs []stepSpec) ([]*step, error) {
	var steps []*step
	for i, spec := range specs {
		s, err := c.step(spec)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", name, i, err)
		}
		if s == nil && len(c.Secrets) == 0 && !spec.optional() {
			return nil, fmt.Errorf("%s[%d]: secrets: it needs one, whatever the sender publishes", name, i)
		}
		if s != nil {
			steps = append(steps, s)
		}
	}
	return steps, nil
}

// Verify runs every proof: the signature over the body as it came, then what can be told only
// of the body unpacked and decrypted, then the time.
func (p *Proof) Verify(x *Exchange) *Refusal {
	proven := p.decrypt != nil
	for _, s := range p.steps {
		if !s.applies(x) {
			continue
		}
		if refusal := s.Verify(x); refusal != nil {
			if x.failure != nil {
				return x.failure // the signature is over what could not be unpacked
			}
			return refusal
		}
		proven = proven || s.proves
	}
	if !proven {
		return &Refusal{NoSignature, "the request has no signature of a kind that this provider makes"}
	}
	if refusal := x.Unpack(); refusal != nil {
		return refusal
	}
	if p.decrypt != nil {
		if refusal := p.decrypt.Open(x); refusal != nil {
			return refusal
		}
	}
	for _, s := range p.checks {
		if s.applies(x) {
			if refusal := s.Verify(x); refusal != nil {
				return refusal
			}
		}
	}
	if p.freshness != nil {
		return p.freshness.Verify(x)
	}
	return nil
}

// Sign is Verify read backwards: it encrypts the request and puts into it what is looked for.
func (p *Proof) Sign(r *Request) error {
	x := p.setup.Open(r)
	defer p.setup.Close(x)
	if p.decrypt != nil {
		if err := p.decrypt.seal(x); err != nil {
			return err
		}
	}
	return p.sign(x)
}

// SignEncrypted is Sign of a request whose body was encrypted before, if it had to be.
func (p *Proof) SignEncrypted(r *Request) error {
	x := p.setup.Open(r)
	defer p.setup.Close(x)
	return p.sign(x)
}

// An Outgoing is a request that is about to be sent. Its headers are by their canonical names.
type Outgoing struct {
	Method, URL string
	Header      http.Header
	Body        []byte
	Time        time.Time
	Lines       []string // room for the values of headers
}

// SignHeader adds signatures to the headers of a request. What a template names and the request
// has not is an empty text.
func (p *Proof) SignHeader(o Outgoing) error {
	x := p.setup.spare()
	defer p.setup.Close(x)
	x.outgoing(p.setup, o)
	return p.sign(x)
}

// VerifyHeader is the other side of SignHeader.
func (p *Proof) VerifyHeader(o Outgoing) *Refusal {
	x := p.setup.spare()
	defer p.setup.Close(x)
	x.outgoing(p.setup, o)
	return p.Verify(x)
}

func (p *Proof) sign(x *Exchange) error {
	for i, s := range p.steps {
		if i > 0 || p.decrypt != nil {
			x.restart() // what was signed before is part of the request now
		}
		if !s.applies(x) {
			continue
		}
		if err := s.sign(x); err != nil {
			return err
		}
	}
	return nil
}

// Describe says in words what is compared with what, a sentence for each way.
func (p *Proof) Describe() (all []string) {
	for _, s := range slices.Concat(p.steps, p.checks) {
		for _, scheme := range s.schemes {
			all = append(all, scheme.Describe())
		}
	}
	if p.decrypt != nil {
		all = append(all, "a body encrypted with "+p.decrypt.scheme.String())
	}
	return all
}

// Cipher is how bodies are encrypted, "" where they are not.
func (p *Proof) Cipher() string {
	if p.decrypt == nil {
		return ""
	}
	return p.decrypt.scheme.String()
}

// Encryption is what bodies are encrypted with, the newest key of it; nil where they are not.
func (p *Proof) Encryption() (*cipher.Scheme, *cipher.Key) {
	if p.decrypt == nil {
		return nil, nil
	}
	return p.decrypt.scheme, p.decrypt.keys[0]
}

// Guarded reports whether nobody without the secret can alter a body unnoticed.
func (p *Proof) Guarded() bool {
	return p.decrypt == nil || p.decrypt.scheme.Authenticated() || len(p.steps) > 0
}

// SignsURL reports whether some signature covers the URL, which has to be the one that the
// sender was told then.
func (p *Proof) SignsURL() bool {
	return slices.ContainsFunc(p.steps, func(s *step) bool {
		return slices.ContainsFunc(s.schemes, func(one Scheme) bool {
			content := one.signs()
			return content != nil && content.hasAny(urls...)
		})
	})
}

// Tokens are the headers and the parameters of the query that show a secret as it is.
func (p *Proof) Tokens() (headers, parameters []string) {
	for _, s := range slices.Concat(p.steps, p.checks) {
		for _, one := range s.schemes {
			t, ok := one.(*token)
			if !ok || t.from == nil {
				continue
			}
			for i, part := range t.from.parts {
				if part.kind == "header" {
					headers = append(headers, part.arg)
				} else if part.kind == "query" && i == 0 {
					parameters = append(parameters, part.arg)
				}
			}
		}
	}
	return headers, parameters
}
