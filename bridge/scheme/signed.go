package scheme

import (
	"crypto/rand"
	"fmt"
)

// A contentSpec says what a signature covers, and where and how it is written.
type contentSpec struct {
	Signature signatureSpec `yaml:",inline"`
	Content   string        `yaml:"content" doc:"What is signed, a template; {body} unless it says otherwise. It has to cover the body, or a digest of it, or the URL where a delivery has no body." example:"header: X-Acme-Signature, content: '{header:X-Acme-Timestamp}.{body}'"`
}

// A signed scheme is a signature over content. Families differ in their keys alone.
type signed struct {
	*signature
	content Template
	method  string // in words
	keys    signingKeys
	partial bool // nothing of the body is enough
	whole   bool // nothing less than the body will do
	bare    bool // nothing ties a body to the signature, so there must be none
}

// signingKeys are the keys of one family, the newest first.
type signingKeys interface {
	// match holds the signatures in x against the content, under every key.
	match(x *Exchange, content *Template) (fits bool, missing *part)
	// sign makes a signature of the content with one of the count keys.
	sign(x *Exchange, content *Template, key int) (signature []byte, missing *part, err error)
	count() int
}

func (c *Compiler) signed(spec contentSpec, method string) (*signed, error) {
	s := &signed{method: method}
	var err error
	if s.signature, err = c.signature(spec.Signature); err != nil {
		return nil, err
	}
	content := spec.Content
	if content == "" {
		content = "{body}"
	}
	s.content, err = c.Template(content)
	if s.content.Has("lines") {
		s.quote = `"`
	}
	return s, err
}

func (s *signed) Verify(x *Exchange) *Refusal {
	if s.bare && len(x.Request.Body) > 0 {
		return &Refusal{BadSignature, "the signature covers " + s.content.String() + ", so there must be no body"}
	}
	var first *Refusal
	for x.group = 0; ; x.group++ {
		refusal := s.hold(x)
		switch {
		case refusal == nil:
			return nil
		case first == nil:
			first = refusal
		}
		if x.group+1 >= min(x.groups, mostGroups) {
			x.group = 0
			return first
		}
	}
}

// hold holds the signatures of one list against what they cover.
func (s *signed) hold(x *Exchange) *Refusal {
	if refusal := s.read(x); refusal != nil {
		return refusal
	}
	x.unkeyed = nil
	match := false
	missing := x.eachURL(s.content, func() (fits bool, missing *part) {
		fits, missing = s.keys.match(x, &s.content)
		match = match || fits
		return fits, missing
	})
	if missing != nil {
		return &Refusal{NoSignature, "the signature covers the " + missing.String() + ", which is missing"}
	}
	if !match && x.unkeyed != nil {
		return x.unkeyed
	}
	if !match {
		return s.unmatched(x, s.method, s.content)
	}
	return nil
}

func (s *signed) signs() *Template { return &s.content }

func (s *signed) Describe() string {
	return s.method + " over " + s.content.String() + ", written " + s.signature.Describe()
}

// NewUUID is a random one (RFC 9562, version 4).
func NewUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
