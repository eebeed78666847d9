package scheme

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
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

// families is the list of ways to verify; the key is the word in a provider's file.
var families = map[string]func() schemeSpec{
	"hmac":    func() schemeSpec { return &hmacSpec{} },
	"hash":    func() schemeSpec { return &hashSpec{} },
	"ed25519": func() schemeSpec { return &ed25519Spec{} },
	"ecdsa":   func() schemeSpec { return &ecdsaSpec{} },
	"rsa":     func() schemeSpec { return &rsaSpec{} },
	"jws":     func() schemeSpec { return &jwsSpec{} },
	"token":   func() schemeSpec { return &TokenSpec{} },
	"digest":  func() schemeSpec { return &digestSpec{} },
}

// A stepSpec is one thing that must hold: a scheme, or any one of several. With when or
// unless it applies only to requests that have the value, or lack it. With each it must hold for
// every member of a list in the body, and JSON pointers begin at the member.
type stepSpec struct {
	when, unless string
	each         string
	schemes      []schemeSpec
}

// UnmarshalYAML reads {when: …, unless: …, each: …} and either one family's block or any: [blocks].
func (s *stepSpec) UnmarshalYAML(node ast.Node) error {
	block, err := declaration.Mapping(node)
	if err != nil {
		return err
	}
	for _, member := range block {
		name := declaration.KeyOf(member)
		switch name {
		case "when":
			err = declaration.DecodeNode(member.Value, &s.when)
		case "unless":
			err = declaration.DecodeNode(member.Value, &s.unless)
		case "each":
			err = declaration.DecodeNode(member.Value, &s.each)
		case "any":
			var list []stepSpec
			err = declaration.DecodeNode(member.Value, &list)
			for _, inner := range list {
				s.schemes = append(s.schemes, inner.schemes...)
			}
		default:
			err = s.family(name, member)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stepSpec) family(name string, member *ast.MappingValueNode) error {
	make, known := families[name]
	if !known {
		at := member.Key.GetToken().Position
		return fmt.Errorf("[%d:%d] there is no verification family %q", at.Line, at.Column, name)
	}
	spec := make()
	s.schemes = append(s.schemes, spec)
	return declaration.DecodeNode(member.Value, spec)
}

// A step is a compiled stepSpec.
type step struct {
	when, unless *Template
	each         int // slot of a list's pointer, below 0 for none
	list         string
	schemes      []Scheme
	proves       bool // holding it takes a secret
}

// step returns nil where no scheme of it applies.
func (c *Compiler) step(spec stepSpec) (*step, error) {
	s := &step{each: -1, list: spec.each}
	for _, one := range spec.schemes {
		scheme, err := one.Compile(c)
		if err != nil {
			return nil, err
		}
		if scheme != nil {
			s.schemes = append(s.schemes, scheme)
			_, digest := scheme.(*digest)
			s.proves = s.proves || !digest
		}
	}
	if len(s.schemes) == 0 {
		return nil, nil
	}
	var err error
	if spec.each != "" {
		if s.each, err = c.Set.Add(spec.each); err != nil {
			return nil, fmt.Errorf("each: %w", err)
		}
	}
	if s.when, err = c.Optional(spec.when); err != nil {
		return nil, err
	}
	s.unless, err = c.Optional(spec.unless)
	return s, err
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
			x.Held = append(x.Held, held{scheme, x.url})
			x.url = x.Request.URL
			return nil
		}
		if worst == nil || worst.Reason == NoSignature && refusal.Reason != NoSignature || refusal.Reason == Unreachable {
			worst = refusal
		}
	}
	return worst
}
