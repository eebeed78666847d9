package naming

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme"
)

const (
	maxSalvaged = 64      // attributes of an event that cannot be read
	maxHeaders  = 8 << 10 // bytes of the extension that keeps the request's headers
)

// legible returns what could be read of a CloudEvent that is none, but for what is longer than
// we write.
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
	e.Extensions = e.Extensions[:min(len(e.Extensions), maxSalvaged)]
	return e
}

// keepHeaders puts the headers of a request whose event cannot be read into an extension, as one
// JSON object. Those that prove who sent it are left out.
func (b *Builder) keepHeaders(x *scheme.Exchange, e *event.Event) {
	kept, size := map[string]string{}, 2
	for _, name := range slices.Sorted(maps.Keys(x.Request.Header)) {
		if slices.Contains(b.secretHeaders, name) {
			continue
		}
		value := strings.Join(x.Request.Header[name], ", ")
		if size += len(name) + len(value) + len(`"":"",`); size > maxHeaders {
			break
		}
		kept[name] = value
	}
	if text, err := json.Marshal(kept); err == nil && len(kept) > 0 {
		e.SetExtension("hookspanheaders", event.Clean(string(text)))
	}
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
