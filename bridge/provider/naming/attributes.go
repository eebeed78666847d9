package naming

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// Longer values are no names; they would only bloat headers and indexes.
const (
	maxName    = 255  // of a type
	maxID      = 512  // of an id
	maxSubject = 1024 // of a subject, a source or an extension
)

// firsts are templates of which the first that has a value counts.
type firsts []scheme.Template

// value returns the first value that is there, and the template that found it, else nil.
func (f firsts) value(x *scheme.Exchange) (string, *scheme.Template) {
	for i := range f {
		if s, ok := f[i].Value(x); ok {
			return s, &f[i]
		}
	}
	return "", nil
}

// attributes finds the attributes of an event in a request.
type attributes struct {
	id, kind, source, subject, time firsts
	by                              *scheme.Template
	cases                           map[string]*attributes
}

func newAttributes(c *scheme.Compiler, spec attributesSpec) (*attributes, error) {
	a := &attributes{}
	for _, one := range []struct {
		name string
		from declaration.List
		to   *firsts
	}{{"id", spec.ID, &a.id}, {"type", spec.Type, &a.kind}, {"source", spec.Source, &a.source}, {"subject", spec.Subject, &a.subject}, {"time", spec.Time, &a.time}} {
		var err error
		if *one.to, err = newFirsts(c, one.from); err != nil {
			return nil, fmt.Errorf("%s: %w", one.name, err)
		}
	}
	err := a.source.judgeSources()
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	if a.by, err = c.Optional(spec.By); err != nil {
		return nil, fmt.Errorf("by: %w", err)
	}
	if (a.by == nil) != (len(spec.Cases) == 0) {
		return nil, fmt.Errorf("by and cases belong together")
	}
	a.cases = make(map[string]*attributes, len(spec.Cases))
	for _, name := range slices.Sorted(maps.Keys(spec.Cases)) {
		if a.cases[name], err = newAttributes(c, spec.Cases[name]); err != nil {
			return nil, fmt.Errorf("cases: %s: %w", name, err)
		}
	}
	return a, nil
}

// firsts leaves out what an option left empty; a single "" in a longer list is kept, as the
// name that adds nothing to the prefix.
func newFirsts(c *scheme.Compiler, texts declaration.List) (firsts, error) {
	var f firsts
	for _, text := range texts {
		if text == "" && len(texts) == 1 {
			continue
		}
		t, err := newValue(c, text)
		if err != nil {
			return nil, err
		}
		f = append(f, t)
	}
	return f, nil
}

// newValue compiles what becomes an attribute. Text of its own that no attribute may hold would
// cost the attribute in every event.
func newValue(c *scheme.Compiler, text string) (scheme.Template, error) {
	t, err := c.Selector(text)
	if err != nil {
		return t, err
	}
	for literal := range t.Literals {
		if err := allowed(literal); err != nil {
			return t, err
		}
	}
	return t, nil
}

func allowed(text string) error {
	if !event.Allowed(text) {
		return fmt.Errorf("%q %s; leave that out", text, event.BadText)
	}
	return nil
}

// judgeSources wants a reference of a source that is the same in every event.
func (f firsts) judgeSources() error {
	for _, t := range f {
		if text, fixed := t.Fixed(); fixed && !event.IsReference(text) {
			return fmt.Errorf("%q is no URI reference such as /shops/eu or https://shop.example", text)
		}
	}
	return nil
}

// find asks the case of this request first, then the rules of all.
func (a *attributes) find(x *scheme.Exchange, which func(*attributes) firsts) (string, *scheme.Template) {
	if a.by != nil {
		if name, ok := a.by.Value(x); ok {
			if inner := a.cases[name]; inner != nil {
				if value, from := inner.find(x, which); from != nil {
					return value, from
				}
			}
		}
	}
	return which(a).value(x)
}

func (a *attributes) usesJSON() bool {
	for _, f := range []firsts{a.id, a.kind, a.source, a.subject, a.time} {
		for _, t := range f {
			if t.Has("json") {
				return true
			}
		}
	}
	for _, inner := range a.cases {
		if inner.usesJSON() {
			return true
		}
	}
	return a.by != nil && a.by.Has("json")
}

// typeName makes the provider's name a part of a type: slashes and spaces become dots, runs
// of dots one, and what cannot be printed an underscore.
func typeName(name string) string {
	clean := true
	for i := 0; i < len(name); i++ {
		if c := name[i]; c == '/' || c <= ' ' || c >= 0x7f || (c == '.' && (i == 0 || i == len(name)-1 || name[i-1] == '.')) {
			clean = false
			break
		}
	}
	if clean {
		return name
	}
	var b strings.Builder
	for _, r := range name {
		switch {
		case r == '/' || r == ' ' || r == '.':
			if s := b.String(); s != "" && s[len(s)-1] != '.' {
				b.WriteByte('.')
			}
		case r == utf8.RuneError || !unicode.IsGraphic(r):
			b.WriteByte('_')
		default:
			b.WriteRune(r)
		}
	}
	return strings.Trim(b.String(), ".")
}

// writable reports whether a value may be an attribute.
func writable(value string, limit int) bool {
	return value != "" && len(value) <= limit && event.Allowed(value)
}

// Headers are those that hold the id, the type and the time of an event as they are; "" for one
// that none holds.
func (b *Builder) Headers() (id, kind, at string) {
	return b.attributes.id.header(), b.attributes.kind.header(), b.attributes.time.header()
}

func (f firsts) header() string {
	for _, t := range f {
		if name := t.Header(); name != "" {
			return name
		}
	}
	return ""
}

// Named lists the headers in which attributes and extensions are looked for, in no order. Where
// deliveries are CloudEvents already, those that binary mode cannot do without are among them.
func (b *Builder) Named() (names []string) {
	names = b.attributes.named(nil)
	for _, x := range b.extensions {
		names = x.value.AppendHeaders(names)
	}
	if b.KeepsAttributes() {
		names = append(names, "Ce-Id", "Ce-Source", "Ce-Specversion", "Ce-Type")
	}
	return names
}

func (a *attributes) named(names []string) []string {
	for _, f := range []firsts{a.id, a.kind, a.source, a.subject, a.time} {
		for _, t := range f {
			names = t.AppendHeaders(names)
		}
	}
	if a.by != nil {
		names = a.by.AppendHeaders(names)
	}
	for _, inner := range a.cases {
		names = inner.named(names)
	}
	return names
}
