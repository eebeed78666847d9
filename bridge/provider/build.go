package provider

import (
	"fmt"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider/pointer"
)

// builder makes events of what was verified.
type builder struct {
	format     string
	prefix     string
	body       string
	resigned   bool
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
	if b.body == "any" || x.fromQuery && slices.Contains(bodiless, x.req.Method) {
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
func (b *builder) build(x *exchange, fault string) Event {
	e := Event{Event: event.Event{Source: b.source, Data: x.body(), DataContentType: x.contentType(), Time: x.req.Received.UTC()}}
	e.Extensions = make([]event.Extension, 0, 4)
	e.Type, e.Invalid = b.prefix+".invalid", fault
	if fault == "" {
		var kind string
		if kind, e.Invalid = b.kind(x); kind != "" {
			e.Type = kind
		}
	}
	id, named := b.attributes.find(x, func(a *attributes) firsts { return a.id })
	if named != nil && writable(id, maxID) {
		e.ID = id
	} else {
		named = nil
	}
	b.describe(x, &e.Event)
	b.addCommon(x, &e.Event)
	if e.Invalid != "" && !x.member {
		b.keepHeaders(x, &e.Event)
	}
	b.identify(x, &e, named)
	return e
}

// describe sets the attributes that an event can do without.
func (b *builder) describe(x *exchange, e *event.Event) {
	if !b.forced {
		if source, from := b.attributes.find(x, func(a *attributes) firsts { return a.source }); from != nil && writable(source, maxSubject) {
			e.Source = source
		}
	}
	if subject, from := b.attributes.find(x, func(a *attributes) firsts { return a.subject }); from != nil && writable(subject, maxSubject) {
		e.Subject = subject
	}
	if text, from := b.attributes.find(x, func(a *attributes) firsts { return a.time }); from != nil {
		if t, ok := instant(text, x.v.zone); ok {
			e.Time = t
		}
	}
	for i := range b.extensions {
		if value, ok := b.extensions[i].value.value(x); ok && writable(value, maxSubject) {
			e.Extensions = append(e.Extensions, event.Extension{Name: b.extensions[i].name, Value: value})
		}
	}
}

// kind is the event's type: the provider's own name behind the prefix.
func (b *builder) kind(x *exchange) (kind, fault string) {
	if len(b.attributes.kind) == 0 && b.attributes.by == nil {
		return b.prefix, ""
	}
	name, from := b.attributes.find(x, func(a *attributes) firsts { return a.kind })
	if from == nil {
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
	if x.fromQuery {
		return formType
	}
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
