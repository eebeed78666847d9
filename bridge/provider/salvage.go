package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
)

const (
	maxSalvaged = 64      // attributes of an event that cannot be read
	maxHeaders  = 8 << 10 // bytes of the extension that keeps the request's headers
)

// salvage returns what can be told of a CloudEvent that cannot be read. Each attribute is held
// against the codec by itself, so that one which is at fault costs no other.
func salvage(x *exchange) event.Event {
	if media := mediaType(x.header("Content-Type")); media == event.StructuredType || media == event.BatchType {
		return salvageJSON(x.body())
	}
	var e event.Event
	for _, name := range headerNames(x.req.Header) {
		attribute, ok := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !ok || len(e.Extensions) == maxSalvaged {
			continue
		}
		probe := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"i"}, "Ce-Source": {"s"}, "Ce-Type": {"t"}}
		probe[name] = x.req.Header[name]
		if one, err := event.FromBinary(event.HTTP, event.HeaderMap(probe), nil); err == nil {
			adopt(&e, &one, attribute)
		}
	}
	return e
}

func salvageJSON(doc []byte) event.Event {
	var e event.Event
	var members map[string]json.RawMessage
	if json.Unmarshal(doc, &members) != nil {
		return e
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name == "data" || name == "data_base64" || len(e.Extensions) == maxSalvaged || len(members[name]) > 2*maxSubject {
			continue
		}
		probe := map[string]json.RawMessage{"specversion": []byte(`"1.0"`), "id": []byte(`"i"`), "source": []byte(`"s"`), "type": []byte(`"t"`)}
		probe[name] = members[name]
		text, err := json.Marshal(probe)
		if err != nil {
			continue
		}
		if one, err := event.UnmarshalStructured(text); err == nil {
			adopt(&e, &one, strings.ToLower(name))
		}
	}
	return e
}

// adopt takes one attribute over.
func adopt(to, from *event.Event, name string) {
	take := func(into *string, value string, limit int) {
		if writable(value, limit) {
			*into = value
		}
	}
	switch name {
	case "id":
		take(&to.ID, from.ID, maxID)
	case "source":
		take(&to.Source, from.Source, maxSubject)
	case "type":
		take(&to.Type, from.Type, maxName)
	case "subject":
		take(&to.Subject, from.Subject, maxSubject)
	case "dataschema":
		take(&to.DataSchema, from.DataSchema, maxSubject)
	case "time":
		to.Time = from.Time
	case "specversion", "datacontenttype":
	default:
		if value := from.Extension(name); writable(value, maxSubject) {
			to.SetExtension(name, value)
		}
	}
}

// keepHeaders puts the headers of a request whose event cannot be read into an extension, as one
// JSON object. Those that prove who sent it are left out.
func (b *builder) keepHeaders(x *exchange, e *event.Event) {
	kept, size := map[string]string{}, 2
	for _, name := range headerNames(x.req.Header) {
		if slices.Contains(x.v.secretHeaders, name) {
			continue
		}
		value := strings.Join(x.req.Header[name], ", ")
		if size += len(name) + len(value) + len(`"":"",`); size > maxHeaders {
			break
		}
		kept[name] = value
	}
	if text, err := json.Marshal(kept); err == nil && len(kept) > 0 {
		e.SetExtension("hookspanheaders", string(text))
	}
}

// secretHeaders are the headers that prove who sent a request: whoever reads the quarantine
// must not be able to send another one.
func secretHeaders(steps []*step) []string {
	names := []string{"Authorization", "Cookie", "Proxy-Authorization"}
	for _, s := range steps {
		for _, one := range s.schemes {
			if t, ok := one.(*token); ok && t.from != nil {
				for _, p := range t.from.parts {
					if p.kind == "header" {
						names = append(names, p.arg)
					}
				}
			}
		}
	}
	return names
}

// notCloudEvent says once that it is none.
func notCloudEvent(err error) string {
	text := strings.TrimPrefix(err.Error(), event.ErrNotCloudEvent.Error()+": ")
	return fmt.Sprintf("it is not a CloudEvent: %s", text)
}
