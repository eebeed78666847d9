package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
)

// A held scheme is one that a request has satisfied.
type held struct {
	scheme scheme
	url    string // the form of the URL with which it did
}

// A coverage says how much of a request its signatures cover.
type coverage uint8

const (
	nothing  coverage = iota // a token, which proves the sender and not what was sent
	bodyOnly                 // the body, or what it was encrypted from
	more                     // also a time, headers, the URL
)

// covered says what the schemes that held have signed.
func (x *exchange) covered() coverage {
	c := nothing
	if x.decrypted {
		c = bodyOnly
	}
	for _, h := range x.held {
		switch content := h.scheme.signs(); {
		case content == nil:
		case content.isBody():
			c = max(c, bodyOnly)
		default:
			c = more
		}
	}
	return c
}

// isBody reports a content that is the body and, beside a secret, nothing else.
func (t template) isBody() bool {
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

// signedSum is the SHA-256 of all that was signed, as it was signed but for secrets in it. Where
// a signature leaves the body to a digest, the body is added.
func (x *exchange) signedSum() (sum [sha256.Size]byte) {
	if x.covered() != more {
		return sha256.Sum256(x.req.Body)
	}
	h := sha256.New()
	withBody := false
	for _, one := range x.held {
		content := one.scheme.signs()
		if content == nil {
			continue
		}
		withBody = withBody || content.covers("body", "unpacked", "sorted-form")
		x.url = one.url
		x.writeSigned(h, one.scheme, content)
	}
	x.url = x.req.URL
	if !withBody {
		h.Write(x.req.Body)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// writeSigned writes one scheme's content. Its own list of items may have been read over.
func (x *exchange) writeSigned(h hash.Hash, s scheme, content *template) {
	if content.has("item") {
		if r, ok := s.(interface{ read(*exchange) *Refusal }); ok {
			_ = r.read(x) // it held before
		}
	}
	_ = content.hash(h, x) // nothing was missing when it held
}

// proves reports whether a value that was found by t is part of what was signed.
func (x *exchange) proves(t *template) bool {
	for i := range t.parts {
		p := &t.parts[i]
		if p.inner != nil && !x.proves(p.inner) {
			return false
		}
		switch p.kind {
		case "", "if", "hmac", "hash", "rate", "secret":
		case "json", "form", "body", "unpacked", "sorted-form":
			if !x.signsAny("body", "unpacked", "sorted-form") && !(x.fromQuery && x.signsAny("url", "query")) && !x.decrypted && !x.digested() {
				return false
			}
		case "query":
			if !x.signsAny("url") && !x.signsPart(p) {
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

func (x *exchange) signsAny(kinds ...string) bool {
	for _, h := range x.held {
		if content := h.scheme.signs(); content != nil && content.covers(kinds...) {
			return true
		}
	}
	return false
}

func (x *exchange) signsPart(p *part) bool {
	for _, h := range x.held {
		if content := h.scheme.signs(); content != nil && content.holds(template{parts: []part{*p}}) {
			return true
		}
	}
	return false
}

// digested reports a body that was held against a digest, which a signature ties to the request.
func (x *exchange) digested() bool {
	for _, h := range x.held {
		if _, ok := h.scheme.(*digest); ok {
			return true
		}
	}
	return false
}

// identify settles the id of an event, which was found by named or, when that is nil, is derived
// from what was signed; and finds what a changed id would not change.
func (b *builder) identify(x *exchange, e *Event, named *template) {
	e.Sum = sha256.Sum256(e.Data)
	c := x.covered()
	if e.Named = named != nil; !e.Named {
		e.ID = b.derivedID(x, e, c)
		return
	}
	switch {
	case c == nothing || x.member || x.proves(named):
	case c == bodyOnly && !x.decrypted && len(e.Data) == len(x.req.Body):
		e.Signed = e.Sum // nothing was unpacked
	default:
		e.Signed = x.signedSum()
	}
}

// derivedID is the id of an event whose provider gives none: the hash of all that was signed,
// or of the data where nothing else was.
func (b *builder) derivedID(x *exchange, e *Event, c coverage) string {
	if c == more && !b.resigned {
		sum := x.signedSum()
		if x.member {
			return hashOf(sum[:], e.Data)
		}
		return hex.EncodeToString(sum[:])
	}
	if _, query, _ := strings.Cut(x.req.URL, "?"); len(e.Data) == 0 && query != "" {
		return hashOf([]byte(query)) // a delivery without a body says what it says there
	}
	return hex.EncodeToString(e.Sum[:])
}

// tellApart gives members of a batch that are equal and have no id of their own different ones:
// they are so many events, and the same ones when the batch comes again.
func tellApart(events []Event) {
	seen := make(map[string]int, len(events))
	for i := range events {
		e := &events[i]
		if e.Named {
			continue
		}
		id := e.ID
		if n := seen[id]; n > 0 {
			e.ID = hashOf([]byte(id), []byte(strconv.Itoa(n)))
		}
		seen[id]++
	}
}

func hashOf(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
