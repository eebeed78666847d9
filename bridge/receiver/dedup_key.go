package receiver

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// Words of Source.DedupKey; beside them it is header:Name or a JSON pointer.
const (
	DedupByProvider = "provider" // the id that the provider gives, else a hash of what was signed
	DedupByContent  = "content"  // the hash of the data
	DedupByNothing  = "none"     // no repeat is recognised
)

// A dedupKey finds what a source's events are recognised by, instead of their id.
type dedupKey struct {
	content bool
	header  string
	pointer pointer.One
}

func parseDedupKey(text string) (dedupKey, error) {
	name, isHeader := headerIn(text)
	switch {
	case text == DedupByProvider || text == DedupByNothing:
		return dedupKey{}, nil
	case text == DedupByContent:
		return dedupKey{content: true}, nil
	case isHeader && name != "":
		return dedupKey{header: name}, nil
	case strings.HasPrefix(text, "/"):
		one, err := pointer.ParseOne(text)
		return dedupKey{pointer: one}, err
	}
	return dedupKey{}, errors.New("want provider, content, none, header:Name or a JSON pointer such as /order/id")
}

// headerIn is the header that header:Name names, "" where that is none.
func headerIn(text string) (name string, isHeader bool) {
	name, isHeader = strings.CutPrefix(text, "header:")
	if !isHeader || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
		return "", isHeader
	}
	return http.CanonicalHeaderKey(name), true
}

// of returns the key of an event; false where it is the event's id, also because there is none.
func (k *dedupKey) of(x *exchange, e *provider.Event) (string, bool) {
	switch {
	case k.content:
		return hex.EncodeToString(e.Sum[:]), true
	case k.header != "":
		key := scheme.OneLine(x.header(k.header))
		return key, key != ""
	case k.pointer.Given():
		found := k.pointer.In(e.Data)
		return string(found.Raw), found.Kind != pointer.Absent && found.Kind != pointer.Null
	}
	return "", false
}

// maxID bounds an id that is taken from a request.
const maxID = 512

// usableID reports whether a key may be the id of an event, too.
func usableID(key string) bool {
	return key != "" && len(key) <= maxID && event.Allowed(key)
}
