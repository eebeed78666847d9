package naming

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/instant"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// An Origin is what a source says of its events.
type Origin struct {
	Source     string // the source's name
	URI        string // CloudEvents source; "" is /sources/<name> or the official adapter's
	TypePrefix string // "" is the provider's
}

// Builder makes events of what was verified.
type Builder struct {
	format     string
	prefix     string
	body       string
	resigned   bool
	anew       bool
	source     string      // the source's own, when an adapter gives none
	forced     bool        // the source's own, whatever an adapter gives
	batch      pointer.One // the array
	rename     map[string]string
	attributes *attributes
	extensions []extension

	secretHeaders []string // prove who sent a request: whoever reads the quarantine must not be able to send another
}

type extension struct {
	name  string
	value scheme.Template
}

func NewBuilder(c *scheme.Compiler, spec Spec, from Origin) (*Builder, error) {
	b := &Builder{
		format: spec.Format, prefix: spec.Prefix, body: spec.Body, rename: spec.Rename, resigned: spec.Resigned, anew: spec.Anew,
		source: "/sources/" + from.Source, forced: from.URI != "",
	}
	if b.forced {
		b.source = from.URI
	}
	if from.TypePrefix != "" {
		b.prefix = from.TypePrefix
	}
	if b.prefix == "" || strings.HasSuffix(b.prefix, ".") {
		return nil, fmt.Errorf("prefix: %q must be a name without a last dot", b.prefix)
	}
	if err := b.judgeTypes(); err != nil {
		return nil, err
	}
	if b.format != "" && b.format != "cloudevents" {
		return nil, fmt.Errorf("format: %q is unknown, there is cloudevents", b.format)
	}
	if b.format != "" && (from.URI != "" || from.TypePrefix != "") {
		c.Warn("the event's own source and type are kept; the uri and type prefix of this source count only for what is no CloudEvent")
	}
	var err error
	if b.attributes, err = newAttributes(c, spec.Attributes); err != nil {
		return nil, err
	}
	if err := b.chooseBody(); err != nil {
		return nil, err
	}
	if err := b.extend(c, spec.Extensions); err != nil {
		return nil, err
	}
	if spec.Batch != "" || spec.Whole {
		if b.batch, err = pointer.ParseOne(spec.Batch); err != nil {
			return nil, fmt.Errorf("batch: %w", err)
		}
		if slices.ContainsFunc(b.attributes.id, func(t scheme.Template) bool { return !t.Has("json") }) {
			return nil, errors.New("id: in a batch it must be a JSON pointer into the element; all elements share the headers")
		}
	}
	return b, nil
}

// judgeTypes looks at what a type is made of besides the request.
func (b *Builder) judgeTypes() error {
	if err := allowed(b.prefix); err != nil {
		return fmt.Errorf("prefix: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(b.rename)) {
		if err := allowed(b.rename[name]); err != nil {
			return fmt.Errorf("rename: %s: %w", event.Clean(name), err)
		}
	}
	return nil
}

func (b *Builder) extend(c *scheme.Compiler, extensions map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(extensions)) {
		if !event.IsExtensionName(name) {
			return fmt.Errorf("extensions: %s: only a-z and 0-9 are allowed in a name, and no name of CloudEvents itself", event.Clean(name))
		}
		value, err := newValue(c, extensions[name])
		if err != nil {
			return fmt.Errorf("extensions: %s: %w", name, err)
		}
		b.extensions = append(b.extensions, extension{name, value})
	}
	return nil
}

func (b *Builder) chooseBody() error {
	switch b.body {
	case "":
		b.body = "json"
	case "json", "form", "any":
	case "auto":
		b.body = "any"
		if b.attributes.usesJSON() {
			b.body = "json"
		}
	default:
		return fmt.Errorf("body: %q is unknown, use json, form, any or auto", b.body)
	}
	return nil
}

// TypePrefix stands in front of the provider's own type, without the last dot.
func (b *Builder) TypePrefix() string { return b.prefix }

// KeepsAttributes reports whether deliveries are CloudEvents that keep their own attributes.
func (b *Builder) KeepsAttributes() bool { return b.format == "cloudevents" }

// IsJSON reports whether a body has to be JSON.
func (b *Builder) IsJSON() bool { return b.body == "json" }

// Hide keeps headers out of what is kept of a request that cannot be read.
func (b *Builder) Hide(headers ...string) { b.secretHeaders = append(b.secretHeaders, headers...) }

// faultOf says why the body is not what the provider sends, "" when it is.
func (b *Builder) faultOf(x *scheme.Exchange) string {
	if b.body == "any" || x.FromQuery && slices.Contains(scheme.Bodiless, x.Request.Method) {
		return ""
	}
	if b.body == "form" && x.FormValues() != nil {
		return ""
	}
	x.Scan()
	if x.Kind == pointer.Absent {
		x.Salvage()
		return "the body is not JSON"
	}
	return ""
}

// build returns the event of x. fault is empty for one that is whole; else the event holds
// what could be told. room is memory for its extensions.
func (b *Builder) build(x *scheme.Exchange, fault string, room []event.Extension) Event {
	e := Event{Event: event.Event{Source: b.source, Data: x.Body(), DataContentType: contentType(x), Time: x.Request.Received.UTC()}}
	if e.Extensions = room[:0]; cap(room) == 0 {
		e.Extensions = make([]event.Extension, 0, len(traces)+3+len(b.extensions)) // one is for the receiver
	}
	if e.Invalid = fault; fault == "" {
		e.Type, e.Invalid = b.kind(x)
	}
	if e.Type == "" {
		e.Type = b.prefix + ".invalid"
	}
	id, named := b.attributes.find(x, func(a *attributes) firsts { return a.id })
	if named != nil && e.takes("id", id, maxID) {
		e.ID = id
	} else {
		named = nil
	}
	b.describe(x, &e)
	b.addCommon(x, &e.Event)
	b.identify(x, &e, named)
	return e
}

// describe sets the attributes that an event can do without.
func (b *Builder) describe(x *scheme.Exchange, e *Event) {
	if !b.forced {
		if source, from := b.attributes.find(x, func(a *attributes) firsts { return a.source }); from != nil && e.takes("source", source, maxSubject) && event.IsReference(source) {
			e.Source = source
		}
	}
	if subject, from := b.attributes.find(x, func(a *attributes) firsts { return a.subject }); from != nil && e.takes("subject", subject, maxSubject) {
		e.Subject = subject
	}
	if text, from := b.attributes.find(x, func(a *attributes) firsts { return a.time }); from != nil {
		if t, ok := instant.Parse(text, x.Setup.Zone); ok {
			e.Time = t
		}
	}
	for i := range b.extensions {
		if value, ok := b.extensions[i].value.Value(x); ok && e.takes(b.extensions[i].name, value, maxSubject) {
			e.Extensions = append(e.Extensions, event.Extension{Name: b.extensions[i].name, Value: value})
		}
	}
}

// takes reports whether a value that was found may be an attribute. One that may not is left out, and
// told.
func (e *Event) takes(attribute, value string, limit int) bool {
	switch {
	case writable(value, limit):
		return true
	case len(value) > limit:
		e.Flaws = append(e.Flaws, event.Flaw{Attribute: attribute, Reason: fmt.Sprintf("is longer than %d bytes", limit)})
	case value != "":
		e.Flaws = append(e.Flaws, event.Flaw{Attribute: attribute, Reason: event.BadText})
	}
	return false
}

// kind is the event's type: the provider's own name behind the prefix.
func (b *Builder) kind(x *scheme.Exchange) (kind, fault string) {
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
	return x.Request.Texts.Join(b.prefix, ".", name), ""
}

// addCommon adds the extensions that every event has.
func (b *Builder) addCommon(x *scheme.Exchange, e *event.Event) {
	e.Extensions = append(e.Extensions, event.Extension{Name: "recordedtime", Value: x.Request.Texts.Time(x.Request.Received.UTC())})
	if e.Subject != "" {
		e.Extensions = append(e.Extensions, event.Extension{Name: "partitionkey", Value: e.Subject})
	}
	for _, trace := range traces {
		if value := x.Header(trace.header); writable(value, maxID) {
			e.Extensions = append(e.Extensions, event.Extension{Name: trace.name, Value: value})
		}
	}
}

// traces are the headers of W3C Trace Context and the extensions that carry them.
var traces = [...]struct{ header, name string }{{"Traceparent", "traceparent"}, {"Tracestate", "tracestate"}}

func contentType(x *scheme.Exchange) string {
	if x.FromQuery {
		return scheme.FormType
	}
	if x.Decrypted {
		if x.Kind != pointer.Absent {
			return "application/json"
		}
		return event.GuessContentType(x.Data)
	}
	if sent := x.Header("Content-Type"); writable(sent, maxName) && event.IsMediaType(sent) {
		return sent
	}
	if x.Scanned && x.Kind != pointer.Absent {
		return "application/json"
	}
	return event.GuessContentType(x.Body())
}
