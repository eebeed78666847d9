package scheme

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// Signs says why what is looked for cannot be put into the headers of a request that somebody
// else has made, be it that its body is encrypted first; nil where it can.
func (p *Proof) Signs() error {
	switch {
	case len(p.checks) > 0:
		return errors.New("its bodies hold something that proves who sent them")
	case p.freshness != nil && p.freshness.time.ofEvent():
		return fmt.Errorf("its time of sending is %s, which not every event has", p.freshness.time.String())
	}
	for _, s := range p.steps {
		if s.each >= 0 {
			return errors.New("each member of its list at " + s.list + " proves who sent it")
		}
		if s.when != nil || s.unless != nil {
			return errors.New("it signs in several ways, by what a request holds")
		}
		if err := signs(s.schemes[0]); err != nil {
			return err
		}
	}
	return nil
}

func signs(one Scheme) error {
	var content *Template
	switch s := one.(type) {
	case *signed:
		if s.from != nil {
			return errors.New("its signature stands in " + s.from.String() + " and not in a header")
		}
		if k, ok := s.keys.(*publicKeys); ok && len(k.keys) == 0 {
			return errors.New("it takes the sender's private key as the secret")
		} else if ok && !k.keys[0].Signs() {
			return &key.SecretError{Index: 0, Err: errors.New("is a public key; signing needs the private one")}
		}
		content = &s.content
	case *token:
		if s.from != nil && s.from.Header() == "" {
			return errors.New("its token stands in " + s.from.String() + " and not in a header")
		}
		return nil
	case *jws:
		if s.header == "" {
			return errors.New("its body is a token, and nothing beside it is sent")
		}
		content = &s.content
	case *shape:
		return errors.New("its value " + s.in.String() + " has to look like something that not every event does")
	case *digest:
		if s.in.Header() == "" {
			return errors.New("its digest stands in " + s.in.String() + " and not in a header")
		}
		return nil
	}
	if content.ofEvent() {
		return fmt.Errorf("its signature covers %s, which not every event has", content.String())
	}
	return nil
}

// ofEvent reports values that a request has or lacks by what its event is.
func (t Template) ofEvent() bool {
	return t.hasAny("json", "form", "sorted-form", "sorted-fields", "query", "headers")
}

// Header is the header that the template is, "" for any other template.
func (t Template) Header() string {
	if len(t.parts) == 1 && t.parts[0].kind == "header" && t.parts[0].filter == "" {
		return t.parts[0].arg
	}
	return ""
}

// TimeHeader is the header that holds the time of sending, "" for none.
func (p *Proof) TimeHeader() string {
	if p.timed == nil {
		return ""
	}
	return p.timed.Header()
}

// Covered lists the headers that signatures cover.
func (p *Proof) Covered() (names []string) {
	for _, s := range p.steps {
		for _, one := range s.schemes {
			if content := one.signs(); content != nil {
				names = content.AppendHeaders(names)
			}
		}
	}
	return slices.Compact(names)
}
