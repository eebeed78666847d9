package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider/pointer"
)

// builder makes events of what was verified.
type builder struct {
	format     string
	prefix     string
	body       string
	source     string // the source's own, when an adapter gives none
	forced     bool   // the source's own, whatever an adapter gives
	batch      *int   // slot of the array
	rename     map[string]string
	attributes *attributes
	extensions []extension
}

type extension struct {
	name  string
	value template
}

// faultOf says why the body is not what the provider sends, "" when it is.
func (b *builder) faultOf(x *exchange) string {
	if b.body == "any" {
		return ""
	}
	if b.body == "form" && x.formValues() != nil {
		return ""
	}
	x.scan()
	if x.kind == pointer.Absent {
		return "the body is not JSON"
	}
	return ""
}

// build returns the event of x. fault is empty for one that is whole; else the event holds
// what could be told.
func (b *builder) build(x *exchange, fault string) (e event.Event, _ string) {
	r := x.req
	e = event.Event{Source: b.source, Data: x.body(), DataContentType: x.contentType(), Time: r.Received.UTC()}
	e.Extensions = make([]event.Extension, 0, 4)
	kind := ""
	if fault == "" {
		kind, fault = b.kind(x)
	}
	if fault != "" {
		e.ID, e.Type = bodyID(e.Data), b.prefix+".invalid"
		b.addCommon(x, &e)
		return e, fault
	}
	e.Type = kind
	if id, ok := b.attributes.find(x, func(a *attributes) firsts { return a.id }); ok && writable(id, maxID) {
		e.ID = id
	} else {
		e.ID = bodyID(e.Data)
	}
	if !b.forced {
		if source, ok := b.attributes.find(x, func(a *attributes) firsts { return a.source }); ok && writable(source, maxSubject) {
			e.Source = source
		}
	}
	if subject, ok := b.attributes.find(x, func(a *attributes) firsts { return a.subject }); ok && writable(subject, maxSubject) {
		e.Subject = subject
	}
	if text, ok := b.attributes.find(x, func(a *attributes) firsts { return a.time }); ok {
		if t, ok := instant(text, x.v.zone); ok {
			e.Time = t
		}
	}
	for i := range b.extensions {
		if value, ok := b.extensions[i].value.value(x); ok && writable(value, maxSubject) {
			e.Extensions = append(e.Extensions, event.Extension{Name: b.extensions[i].name, Value: value})
		}
	}
	b.addCommon(x, &e)
	return e, ""
}

// kind is the event's type: the provider's own name behind the prefix.
func (b *builder) kind(x *exchange) (kind, fault string) {
	if len(b.attributes.kind) == 0 && b.attributes.by == nil {
		return b.prefix, ""
	}
	name, ok := b.attributes.find(x, func(a *attributes) firsts { return a.kind })
	if !ok {
		return "", "it names no event type"
	}
	if renamed, ok := b.rename[name]; ok {
		name = renamed
	}
	if name = typeName(name); name == "" {
		return b.prefix, ""
	}
	if len(name) > maxName {
		return "", fmt.Sprintf("its event type is longer than %d bytes", maxName)
	}
	return b.prefix + "." + name, ""
}

// addCommon adds the extensions that every event has.
func (b *builder) addCommon(x *exchange, e *event.Event) {
	e.Extensions = append(e.Extensions, event.Extension{Name: "recordedtime", Value: x.req.Received.UTC().Format(time.RFC3339Nano)})
	if e.Subject != "" {
		e.Extensions = append(e.Extensions, event.Extension{Name: "partitionkey", Value: e.Subject})
	}
	for _, trace := range traces {
		if value := x.header(trace.header); writable(value, maxID) {
			e.Extensions = append(e.Extensions, event.Extension{Name: trace.name, Value: value})
		}
	}
}

// traces are the headers of W3C Trace Context and the extensions that carry them.
var traces = [...]struct{ header, name string }{{"Traceparent", "traceparent"}, {"Tracestate", "tracestate"}}

func (x *exchange) contentType() string {
	if x.decrypted {
		if x.kind != pointer.Absent {
			return "application/json"
		}
		return event.GuessContentType(x.data)
	}
	if sent := x.header("Content-Type"); writable(sent, maxName) {
		return sent
	}
	if x.scanned && x.kind != pointer.Absent {
		return "application/json"
	}
	return event.GuessContentType(x.body())
}

// bodyID is the id of an event whose provider gives none.
func bodyID(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
