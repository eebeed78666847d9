package naming

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme"
)

// What is kept of an event that cannot be read is a fraction of the 64 KiB of headers that NATS takes.
// Bytes are counted as they are written.
const (
	maxSalvaged = 12 << 10 // of its extensions, with their names
	maxHeaders  = 8 << 10  // of the extension that keeps the request's headers
)

// legible returns what could be read of a CloudEvent that is none, but for what is longer than
// we write. Where there are too many extensions the long ones are left out.
func legible(err error) event.Event {
	bad, ok := errors.AsType[*event.InvalidError](err)
	if !ok {
		return event.Event{}
	}
	e := bad.Legible
	for _, a := range []struct {
		value *string
		limit int
	}{{&e.ID, maxID}, {&e.Source, maxSubject}, {&e.Type, maxName}, {&e.Subject, maxSubject}, {&e.DataSchema, maxSubject}} {
		if len(*a.value) > a.limit {
			*a.value = ""
		}
	}
	e.Extensions = slices.DeleteFunc(e.Extensions, func(x event.Extension) bool { return !writable(x.Value, maxSubject) })
	written := func(x event.Extension) int { return len("ce-: \r\n") + len(x.Name) + event.WrittenSize(x.Value) }
	slices.SortStableFunc(e.Extensions, func(a, b event.Extension) int { return written(a) - written(b) })
	size := 0
	for i, x := range e.Extensions {
		if size += written(x); size > maxSalvaged {
			e.Extensions = e.Extensions[:i]
			break
		}
	}
	return e
}

// keepHeaders puts the headers of a request whose event cannot be read into an extension.
func keepHeaders(e *event.Event, headers string) {
	if headers != "" {
		e.SetExtension("hookspanheaders", headers)
	}
}

// headersOf are the headers of a request as one JSON object. Those that hold a secret are left out,
// and one for which there is no room hides no other: first come those that tell of the event,
// then short ones.
func (b *Builder) headersOf(x *scheme.Exchange) string {
	kept, size := map[string]string{}, len("{}")
	for _, name := range slices.SortedFunc(maps.Keys(x.Request.Header), func(one, other string) int {
		return cmp.Or(rankOf(one)-rankOf(other), len(x.Header(one))-len(x.Header(other)), strings.Compare(one, other))
	}) {
		value := x.Header(name)
		member, err := json.Marshal(map[string]string{name: value})
		if err != nil || b.secret(name) {
			continue
		}
		if grown := size + event.WrittenSize(string(member)); grown <= maxHeaders {
			kept[name], size = value, grown
		}
	}
	text, err := json.Marshal(kept)
	if err != nil || len(kept) == 0 {
		return ""
	}
	return event.Clean(string(text))
}

// secretWords are in the names of headers by which gateways, proxies and vendors pass a secret on.
var secretWords = []string{"token", "secret", "api-key", "apikey", "password", "credential", "jwt", "assertion", "session"}

// secret reports a header in which the provider looks for a secret, or whose name says that it is one. An
// attribute of an event is none.
func (b *Builder) secret(header string) bool {
	small := strings.ToLower(header)
	return slices.Contains(b.secretHeaders, header) ||
		!strings.HasPrefix(small, "ce-") && slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(small, word) })
}

// rankOf is the lower the more a header tells of an event.
func rankOf(name string) int {
	if name == "Content-Type" || strings.HasPrefix(name, "Ce-") {
		return 0
	}
	return 1
}

// attributesOf are the attributes of binary mode as they came, readable or not, always in one order.
func attributesOf(h http.Header) (came []byte) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !strings.HasPrefix(name, "Ce-") {
			continue
		}
		came = append(append(came, name...), 0)
		for _, value := range h[name] {
			came = append(append(came, value...), 0)
		}
	}
	return came
}

// notCloudEvent says once that it is none.
func notCloudEvent(err error) string { return "it is " + err.Error() }
