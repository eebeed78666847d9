package scheme

import (
	"crypto/sha256"
	"hash"
	"slices"
)

// A held scheme is one that a request has satisfied.
type held struct {
	scheme Scheme
	url    string // the form of the URL with which it did
	group  int    // the list of the signature's header with which it did
}

// A Coverage says how much of a request its signatures cover.
type Coverage uint8

const (
	Nothing  Coverage = iota // a token, which proves the sender and not what was sent
	BodyOnly                 // the body, or what it was encrypted from
	More                     // also a time, headers, the URL
)

// Covered says what the schemes that held have signed.
func (x *Exchange) Covered() Coverage {
	c := Nothing
	if x.Decrypted {
		c = BodyOnly
	}
	for _, h := range x.Held {
		switch content := h.scheme.signs(); {
		case content == nil:
		case content.isBody():
			c = max(c, BodyOnly)
		default:
			c = More
		}
	}
	return c
}

// Signed reports whether what was delivered is proven, by a signature that held or by an
// authenticated cipher; else the sender alone is, by a secret that it has.
func (p *Proof) Signed(x *Exchange) bool {
	if x.Decrypted && p.decrypt != nil && p.decrypt.scheme.Authenticated() {
		return true
	}
	for _, h := range x.Held {
		if content := h.scheme.signs(); content != nil && (content.delivers(x.Request.Method) || x.digested()) {
			return true
		}
	}
	return false
}

// SignsDeliveries reports whether deliveries by one of these methods can be Signed.
func (p *Proof) SignsDeliveries(methods []string) bool {
	if p.decrypt != nil && p.decrypt.scheme.Authenticated() {
		return true
	}
	for _, s := range slices.Concat(p.steps, p.checks) {
		for _, one := range s.schemes {
			if content := one.signs(); content != nil && (digests(p.steps) || slices.ContainsFunc(methods, content.delivers)) {
				return true
			}
		}
	}
	return false
}

// delivers reports whether the template covers all that a delivery by that method says, and not only
// values of it.
func (t *Template) delivers(method string) bool {
	return t.covers(bodies...) || slices.Contains(Bodiless, method) && t.covers("url", "sorted-query", "query")
}

// isBody reports a content that is the body and, beside a secret, nothing else.
func (t Template) isBody() bool {
	bodies := 0
	for i := range t.parts {
		switch t.parts[i].kind {
		case "body", "unpacked":
			bodies++
		case "secret":
		default:
			return false
		}
	}
	return bodies == 1
}

// SignedSum is the SHA-256 of all that was signed, as it was signed but for secrets in it. Where
// a signature leaves the body to a digest, the body is added.
func (x *Exchange) SignedSum() (sum [sha256.Size]byte) {
	if x.Covered() != More {
		return sha256.Sum256(x.Request.Body)
	}
	h := sha256.New()
	withBody := false
	for _, one := range x.Held {
		content := one.scheme.signs()
		if content == nil {
			continue
		}
		withBody = withBody || content.covers(bodies...)
		x.url, x.group = one.url, one.group
		x.writeSigned(h, one.scheme, content)
	}
	x.url, x.group = x.Request.URL, 0
	if !withBody {
		h.Write(x.Request.Body)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// writeSigned writes one scheme's content. Its own list of items may have been read over.
func (x *Exchange) writeSigned(h hash.Hash, s Scheme, content *Template) {
	if content.hasAny("item", "lines") {
		if r, ok := s.(interface{ read(*Exchange) *Refusal }); ok {
			_ = r.read(x) // it held before
		}
	}
	_ = content.hash(h, x) // nothing was missing when it held
}

// Proves reports whether a value that was found by t is part of what was signed.
func (x *Exchange) Proves(t *Template) bool {
	for i := range t.parts {
		p := &t.parts[i]
		if p.inner != nil && !x.Proves(p.inner) {
			return false
		}
		switch p.kind {
		case "", "if", "unless", "maybe", "hmac", "hash", "crc32", "rate", "secret", "option":
		case "json", "form", "body", "unpacked", "sorted-form", "sorted-fields":
			if !x.signsAny(bodies...) && !(x.FromQuery && x.signsAny("url", "sorted-query", "query")) && !x.Decrypted && !x.digested() {
				return false
			}
		case "query":
			if !x.signsAny("url", "sorted-query") && !x.signsPart(p) {
				return false
			}
		default:
			if !x.signsPart(p) {
				return false
			}
		}
	}
	return true
}

func (x *Exchange) signsAny(kinds ...string) bool {
	for _, h := range x.Held {
		if content := h.scheme.signs(); content != nil && content.covers(kinds...) {
			return true
		}
	}
	return false
}

func (x *Exchange) signsPart(p *part) bool {
	for _, h := range x.Held {
		if content := h.scheme.signs(); content != nil && content.holds(Template{parts: []part{*p}}) {
			return true
		}
	}
	return false
}

// digested reports a body that was held against a digest, which a signature ties to the request.
func (x *Exchange) digested() bool {
	for _, h := range x.Held {
		if _, ok := h.scheme.(*digest); ok {
			return true
		}
	}
	return false
}
