// Package draft writes a provider's file from one request that was saved, and says of each part
// whether it was proven with the secret, guessed from the request, or not found.
//
// New is all of it: place.go finds where a signature may stand, way.go what it may cover, event.go
// where the attributes are, secret.go what shows a secret, and file.go and vectors.go write. What it
// writes loads, and nothing of it holds the secret: the vectors are signed with an invented one.
// Nothing is kept between calls.
package draft

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme"
)

// A Draft is a provider's file, as far as one request tells.
type Draft struct {
	Provider string
	Text     []byte // NAME.yaml, with comments; it loads
	Vectors  []byte // vectors/NAME.json, which holds; nil where nothing is proven
	Proven   bool   // the request is genuine by the file, with a secret that was given
	Notes    []Note // advice, then what of the file rests on what, in its order
}

// A Note says what a part of the draft rests on; none holds a secret.
type Note struct {
	Rests Rest   `json:"rests"`
	Text  string `json:"text"`
}

// A Rest is what something rests on.
type Rest string

const (
	Proven   Rest = "proven"    // the secret says so
	Guessed  Rest = "guessed"   // it was read off one request
	NotFound Rest = "not_found" // it is to be filled in
)

// drafting is the making of one draft.
type drafting struct {
	Draft
	catalog *provider.Catalog
	request *provider.Request
	secrets []string
	doc     []byte // the body unpacked
	body    document
	way     way
	event   event
	found   bool // the request has something that looks like a signature or a token
}

var errName = errors.New("NAME: use a-z, 0-9 and - only")

// New drafts the file of the provider name from a request, whatever bytes it has. With secrets the
// usual ways to sign are tried with each, until one makes the request genuine. The only error of a
// name that is one is a fault of this package.
func New(c *provider.Catalog, name string, r *provider.Request, secrets []string) (*Draft, error) {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, errName
	}
	d := &drafting{Draft: Draft{Provider: name}, catalog: c, request: r, secrets: secrets, doc: r.Body}
	if data, refusal := scheme.Unpack(r, scheme.DefaultMaxBody); refusal == nil {
		d.doc = data
	}
	var advice []Note // of no part of the file
	if like := provider.LooksLike(c.Detect(r.Header)); like != "" {
		advice = append(advice, Note{Guessed, like + "; hookspan verify --any says whether a file of your own is needed"})
	}
	if _, known := c.Provider(name); known {
		advice = append(advice, Note{Guessed, "a provider " + name + " is there already; a file of this name in HOOKSPAN_PROVIDERS_DIR replaces it"})
	}
	d.prove()
	d.findEvent()
	if err := d.write(); err != nil {
		return nil, err
	}
	d.Notes = append(advice, d.Notes...)
	return &d.Draft, nil
}

func (d *drafting) note(rests Rest, format string, a ...any) {
	d.Notes = append(d.Notes, Note{rests, fmt.Sprintf(format, a...)})
}

// sentAt is the time of sending, as far as it is known, to the second.
func (d *drafting) sentAt() time.Time {
	at := d.request.Received
	if text, ok := d.value(d.way.time); ok {
		if sent, ok := plausible(text); ok {
			at = sent
		}
	}
	return at.UTC().Truncate(time.Second)
}
