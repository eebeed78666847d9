package scheme

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// A Scheme is one compiled way to tell that a request is genuine. It is safe for concurrent
// use.
type Scheme interface {
	// Verify returns nil for a genuine request. It tries every secret and every signature.
	Verify(x *Exchange) *Refusal
	// Sign puts into x.req what verify looks for, with the first secret.
	Sign(x *Exchange) error
	// signs is what a signature of this scheme covers; nil where nothing is signed.
	signs() *Template
	// Describe says in words what is compared with what.
	Describe() string
}

// A schemeSpec is a scheme as a provider's file declares it. compile returns nil without an
// error where the scheme does not apply, such as one whose option was left empty.
type schemeSpec interface {
	Compile(c *Compiler) (Scheme, error)
}

// A familySpec is the list of ways to verify: each field is a schemeSpec.
type familySpec struct {
	HMAC    *hmacSpec    `yaml:"hmac" doc:"A signature made with a shared secret." example:"hmac: {header: X-Acme-Signature}"`
	Hash    *hashSpec    `yaml:"hash" doc:"A plain hash over content that holds {secret}, as older systems make it; it is weaker than an HMAC." example:"hash: {header: X-Acme-Signature, hash: sha1, content: '{secret}{body}{secret}'}"`
	Ed25519 *ed25519Spec `yaml:"ed25519" doc:"A signature of Ed25519 over the content itself. The secret is the vendor's public key of 32 bytes; for samples the private one, its seed and the public key." example:"ed25519: {header: X-Acme-Signature, key: hex, content: '{header:X-Acme-Timestamp}{body}'}"`
	ECDSA   *ecdsaSpec   `yaml:"ecdsa" doc:"A signature of ECDSA over a hash of the content, written as ASN.1. The secret is the vendor's public key, in PEM or the base64 of its DER form; for samples the private one." example:"ecdsa: {header: X-Acme-Signature, encoding: base64, content: '{header:X-Acme-Timestamp}{body}'}"`
	RSA     *rsaSpec     `yaml:"rsa" doc:"A signature of RSA, PKCS #1 v1.5, over a hash of the content. Keys are as with ecdsa." example:"rsa: {header: X-Acme-Signature, encoding: base64}"`
	JWS     *jwsSpec     `yaml:"jws" doc:"A token in compact form (RFC 7515, RFC 7519) under a shared secret, by HS256. Its times exp and nbf hold, five minutes either way." example:"jws: {header: Authorization, prefix: 'Bearer ', claims: {iss: acme}}"`
	Token   *TokenSpec   `yaml:"token" doc:"A secret that the request shows as it is. It proves who sent the request, not what was sent." example:"token: {in: bearer}"`
	Shape   *shapeSpec   `yaml:"shape" doc:"What a value has to look like. It proves nothing; it keeps apart what a secret signs for two purposes." example:"shape: {in: 'form:payload', pattern: '^[^:]+$'}"`
	Digest  *digestSpec  `yaml:"digest" doc:"A plain hash of the body, in hex, that the request names. It proves nothing alone; beside a signature over the place where it stands it ties the body to that." example:"digest: {in: 'query:bodySHA256'}"`
}

// declared lists the families that are there, in the order of the fields.
func (s familySpec) declared() (specs []schemeSpec) {
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if spec, ok := v.Field(i).Interface().(schemeSpec); ok && !v.Field(i).IsNil() {
			specs = append(specs, spec)
		}
	}
	return specs
}

// A stepSpec is one thing that must hold: a scheme, or any one of several. With when or
// unless it applies only to requests that have the value, or lack it. With each it must hold for
// every member of a list in the body, and JSON pointers begin at the member.
type stepSpec struct {
	When   string       `yaml:"when" doc:"A value: the step is only for requests that have it." example:"when: 'header:X-Acme-Signature', hmac: {header: X-Acme-Signature}"`
	Unless string       `yaml:"unless" doc:"A value: the step is only for requests that lack it." example:"unless: 'header:X-Acme-Signature', token: {in: 'header:X-Acme-Token'}"`
	Each   string       `yaml:"each" doc:"The JSON pointer of a list in the body: the step must hold for each of its members, where other pointers begin." example:"each: /events, token: {in: /token}"`
	One    familySpec   `yaml:",inline" part:"family" doc:"A way to verify: one of these words, and behind it what that way needs."`
	Any    []familySpec `yaml:"any" doc:"Several ways, of which one is enough." example:"any: [{hmac: {header: X-Acme-Signature}}, {token: {in: bearer}}]"`
}

// schemes lists all that are enough.
func (s stepSpec) schemes() []schemeSpec {
	specs := s.One.declared()
	for _, one := range s.Any {
		specs = append(specs, one.declared()...)
	}
	return specs
}

// A step is a compiled stepSpec.
type step struct {
	when, unless *Template
	each         int // slot of a list's pointer, below 0 for none
	list         string
	schemes      []Scheme
	proves       bool // holding it takes a secret
}

var errNoFamily = errors.New("it names no way to verify, such as hmac or token; take the step out")

// step returns nil where no scheme of it applies.
func (c *Compiler) step(spec stepSpec) (*step, error) {
	declared := spec.schemes()
	if len(declared) == 0 {
		return nil, errNoFamily
	}
	s := &step{each: -1, list: spec.Each}
	for _, one := range declared {
		scheme, err := one.Compile(c)
		if err != nil {
			return nil, err
		}
		if scheme != nil {
			s.schemes = append(s.schemes, scheme)
			s.proves = s.proves || proves(scheme)
		}
	}
	if len(s.schemes) == 0 {
		return nil, nil
	}
	if len(declared) > 1 && slices.ContainsFunc(s.schemes, idle) {
		return nil, errors.New("any: a digest or a shape proves nothing, so it is never enough; make it a step of its own")
	}
	var err error
	if spec.Each != "" {
		if s.each, err = c.Set.Add(spec.Each); err != nil {
			return nil, fmt.Errorf("each: %w", err)
		}
	}
	if s.when, err = c.Optional(spec.When); err != nil {
		return nil, err
	}
	s.unless, err = c.Optional(spec.Unless)
	return s, err
}

// optional reports a step that a source may do without: its token is an option.
func (s stepSpec) optional() bool {
	return !slices.ContainsFunc(s.schemes(), func(one schemeSpec) bool {
		t, ok := one.(*TokenSpec)
		return !ok || t.Option == ""
	})
}

// proves reports whether holding a scheme takes a secret. A digest takes none, and an option may be
// what everybody knows.
func proves(one Scheme) bool {
	t, token := one.(*token)
	return !idle(one) && (!token || !t.option)
}

// idle reports what takes no secret to hold.
func idle(one Scheme) bool {
	switch one.(type) {
	case *digest, *shape:
		return true
	}
	return false
}

// Optional compiles a selector that may be left out.
func (c *Compiler) Optional(text string) (*Template, error) {
	if text == "" {
		return nil, nil
	}
	t, err := c.Selector(text)
	return &t, err
}

func (s *step) applies(x *Exchange) bool {
	if s.when != nil {
		if _, ok := s.when.Value(x); !ok {
			return false
		}
	}
	if s.unless != nil {
		if _, ok := s.unless.Value(x); ok {
			return false
		}
	}
	return true
}

// Verify returns nil when one of the schemes holds, else the most telling refusal.
func (s *step) Verify(x *Exchange) *Refusal {
	if s.each < 0 {
		return s.hold(x)
	}
	var refusal *Refusal
	members := 0
	s.members(x, func(one *Exchange) bool {
		members++
		refusal = s.hold(one)
		if x.Held = one.Held; refusal != nil {
			refusal = &Refusal{refusal.Reason, fmt.Sprintf("member %d of %s: %s", members, s.list, refusal.Detail)}
		}
		return refusal == nil
	})
	if members == 0 {
		return &Refusal{NoSignature, "the body has no list at " + s.list + " with a member"}
	}
	return refusal
}

// members hands over each member of the step's list as a request of its own, until one is enough.
func (s *step) members(x *Exchange, yield func(*Exchange) bool) {
	x.Scan()
	list := x.Values[s.each]
	if list.Kind != pointer.Array {
		return
	}
	one, more := &Exchange{Values: make([]pointer.Value, len(x.Values))}, true
	pointer.Elements(list, func(v pointer.Value) {
		if !more {
			return
		}
		held := x.Held
		one.Reset(x.Setup, x.Request)
		one.Held = held
		one.DecryptedTo(v.Raw)
		more = yield(one)
		x.Short = x.Short || one.Short
	})
}

// sign makes what Verify looks for; of a list only its first member gets any.
func (s *step) sign(x *Exchange) (err error) {
	if s.each < 0 {
		return s.schemes[0].Sign(x)
	}
	s.members(x, func(one *Exchange) bool {
		err = s.schemes[0].Sign(one)
		return false
	})
	return err
}

func (s *step) hold(x *Exchange) *Refusal {
	var worst *Refusal
	for _, scheme := range s.schemes {
		refusal := scheme.Verify(x)
		if refusal == nil {
			x.Held = append(x.Held, held{scheme, x.url, x.group})
			x.url, x.group = x.Request.URL, 0
			return nil
		}
		if worst == nil || worst.Reason == NoSignature && refusal.Reason != NoSignature || refusal.Reason == Unreachable {
			worst = refusal
		}
	}
	return worst
}
