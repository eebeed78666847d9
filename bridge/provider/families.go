package provider

import (
	"bytes"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// A scheme is one compiled way to tell that a request is genuine. It is safe for concurrent
// use.
type scheme interface {
	// verify returns nil for a genuine request. It tries every secret and every signature.
	verify(x *exchange) *Refusal
	// sign puts into x.req what verify looks for, with the first secret.
	sign(x *exchange) error
	// signs is what a signature of this scheme covers; nil where nothing is signed.
	signs() *template
	// describe says in words what is compared with what.
	describe() string
}

// A schemeSpec is a scheme as a provider's file declares it. compile returns nil without an
// error where the scheme does not apply, such as one whose option was left empty.
type schemeSpec interface {
	compile(c *compiler) (scheme, error)
}

// families is the list of ways to verify; the key is the word in a provider's file.
var families = map[string]func() schemeSpec{
	"hmac":    func() schemeSpec { return &hmacSpec{} },
	"hash":    func() schemeSpec { return &hashSpec{} },
	"ed25519": func() schemeSpec { return &ed25519Spec{} },
	"ecdsa":   func() schemeSpec { return &ecdsaSpec{} },
	"rsa":     func() schemeSpec { return &rsaSpec{} },
	"jws":     func() schemeSpec { return &jwsSpec{} },
	"token":   func() schemeSpec { return &tokenSpec{} },
	"digest":  func() schemeSpec { return &digestSpec{} },
}

// A stepSpec is one thing that must hold: a scheme, or any one of several. With when or
// unless it applies only to requests that have the value, or lack it.
type stepSpec struct {
	when, unless string
	schemes      []schemeSpec
}

// UnmarshalYAML reads {when: …, unless: …} and either one family's block or any: [blocks].
func (s *stepSpec) UnmarshalYAML(node ast.Node) error {
	block, err := mapping(node)
	if err != nil {
		return err
	}
	for _, member := range block {
		name := keyOf(member)
		switch name {
		case "when":
			err = decodeNode(member.Value, &s.when)
		case "unless":
			err = decodeNode(member.Value, &s.unless)
		case "any":
			var list []stepSpec
			err = decodeNode(member.Value, &list)
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
	return decodeNode(member.Value, spec)
}

// mapping returns the members of a YAML map.
func mapping(node ast.Node) ([]*ast.MappingValueNode, error) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	default:
		at := node.GetToken().Position
		return nil, fmt.Errorf("[%d:%d] a map is needed here", at.Line, at.Column)
	}
}

// keyOf is a member's name without the quotes that JSON, for one, puts around it.
func keyOf(member *ast.MappingValueNode) string { return member.Key.GetToken().Value }

func decodeNode(node ast.Node, to any) error {
	return yaml.NewDecoder(&bytes.Buffer{}, yaml.Strict()).DecodeFromNode(node, to)
}

// A step is a compiled stepSpec.
type step struct {
	when, unless *template
	schemes      []scheme
	proves       bool // holding it takes a secret
}

// step returns nil where no scheme of it applies.
func (c *compiler) step(spec stepSpec) (*step, error) {
	s := &step{}
	for _, one := range spec.schemes {
		scheme, err := one.compile(c)
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
	if s.when, err = c.optional(spec.when); err != nil {
		return nil, err
	}
	s.unless, err = c.optional(spec.unless)
	return s, err
}

// optional compiles a selector that may be left out.
func (c *compiler) optional(text string) (*template, error) {
	if text == "" {
		return nil, nil
	}
	t, err := c.selector(text)
	return &t, err
}

func (s *step) applies(x *exchange) bool {
	if s.when != nil {
		if _, ok := s.when.value(x); !ok {
			return false
		}
	}
	if s.unless != nil {
		if _, ok := s.unless.value(x); ok {
			return false
		}
	}
	return true
}

// verify returns nil when one of the schemes holds, else the most telling refusal.
func (s *step) verify(x *exchange) *Refusal {
	var worst *Refusal
	for _, scheme := range s.schemes {
		refusal := scheme.verify(x)
		if refusal == nil {
			x.held = append(x.held, held{scheme, x.url})
			x.url = x.req.URL
			return nil
		}
		if worst == nil || (worst.Reason == NoSignature && refusal.Reason != NoSignature) {
			worst = refusal
		}
	}
	return worst
}
