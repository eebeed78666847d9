package signature

import (
	"crypto/hmac"
	"hash"
	"net/http"
	"sync"
)

// A digest is a keyed hash over a template, prepared for one secret: the key schedule is
// done once, not per message.
type digest struct {
	content template
	idle    sync.Pool // of *work
}

// work is what computing one digest needs.
type work struct {
	hash    hash.Hash
	scratch []byte
}

// newHMAC prepares an HMAC with the key over the content.
func newHMAC(algorithm func() hash.Hash, key []byte, content template) *digest {
	d := &digest{content: content}
	d.idle.New = func() any { return &work{hash: hmac.New(algorithm, key)} }
	return d
}

// newHash prepares a plain hash; the secret is part of the content.
func newHash(algorithm func() hash.Hash, content template) *digest {
	d := &digest{content: content}
	d.idle.New = func() any { return &work{hash: algorithm()} }
	return d
}

// appendSum appends the raw digest of a message; at is its timestamp as it is sent.
func (d *digest) appendSum(dst []byte, h http.Header, m *Message, at string) []byte {
	w := d.idle.Get().(*work)
	w.hash.Reset()
	w.scratch = w.scratch[:0]
	for i := range d.content {
		p := &d.content[i]
		if p.value != "body" {
			w.scratch = p.appendTo(w.scratch, h, m, at)
			continue
		}
		w.hash.Write(w.scratch)
		w.scratch = w.scratch[:0]
		w.hash.Write(m.Body)
	}
	w.hash.Write(w.scratch)
	w.scratch = w.hash.Sum(w.scratch[:0]) // not into dst: that would move the caller's to the heap
	dst = append(dst, w.scratch...)
	d.idle.Put(w)
	return dst
}
