package naming

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme"
)

// identify settles the id of an event, which was found by named or, when that is nil, is derived
// from what was signed; and finds what a changed id would not change.
func (b *Builder) identify(x *scheme.Exchange, e *Event, named *scheme.Template) {
	e.Sum = sha256.Sum256(e.Data)
	c := x.Covered()
	if e.Named = named != nil; !e.Named {
		e.Anew = b.anew
		e.ID = b.derivedID(x, e, c)
		return
	}
	switch {
	case c == scheme.Nothing || x.Member || x.Proves(named):
	case c == scheme.BodyOnly && !x.Decrypted && len(e.Data) == len(x.Request.Body):
		e.Signed = e.Sum // nothing was unpacked
	default:
		e.Signed = x.SignedSum()
	}
}

// derivedID is the id of an event whose provider gives none: the hash of all that was signed,
// or of the data where nothing else was.
func (b *Builder) derivedID(x *scheme.Exchange, e *Event, c scheme.Coverage) string {
	if c == scheme.More && !b.resigned {
		sum := x.SignedSum()
		if x.Member {
			return hashOf(sum[:], e.Data)
		}
		return hex.EncodeToString(sum[:])
	}
	if _, query, _ := strings.Cut(x.Request.URL, "?"); len(e.Data) == 0 && query != "" {
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
