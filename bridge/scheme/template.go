package scheme

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// A Template is text with values of the request in it. The same language writes what a
// signature covers, where an attribute is found and what a challenge is answered; Terms lists
// its values. A text that begins with a slash is a JSON pointer, and one like header:Name is that
// value alone; {{ and }} are braces.
type Template struct{ parts []part }

type part struct {
	kind   string // "" is literal text
	arg    string // the text, or the name behind the colon
	raw    []byte // the text, for a hash
	slot   int    // of a JSON pointer
	inner  *Template
	hash   func() hash.Hash
	encode func([]byte) string
	filter string // "", or what is done with the value
}

// Selector compiles a text of the template language.
func (c *Compiler) Selector(text string) (Template, error) {
	if strings.HasPrefix(text, "/") {
		return c.single("json:" + text)
	}
	kind, _, named := strings.Cut(text, ":")
	if needs, known := termOf(kind); known && needs == named && !strings.Contains(text, "{") {
		return c.single(text)
	}
	return c.Template(text)
}

// ValueOf is the template of one value, such as a header by its canonical name.
func ValueOf(kind, arg string) Template { return Template{parts: []part{{kind: kind, arg: arg}}} }

func (c *Compiler) single(text string) (Template, error) {
	p, err := c.part(text)
	return Template{parts: []part{p}}, err
}

// Template compiles a text with values in braces.
func (c *Compiler) Template(text string) (Template, error) {
	var t Template
	literal := func(s string) {
		if s != "" {
			t.parts = append(t.parts, part{arg: s, raw: []byte(s)})
		}
	}
	for rest := text; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			literal(rest)
			break
		}
		if inner, behind, ok := cutMaybe(rest[i:]); ok {
			literal(rest[:i])
			p := part{kind: "maybe", arg: inner}
			if err := c.maybe(&p); err != nil {
				return t, fmt.Errorf("template %q: %w", text, err)
			}
			t.parts, rest = append(t.parts, p), behind
			continue
		}
		if strings.HasPrefix(rest[i+1:], rest[i:i+1]) {
			literal(rest[:i+1])
			rest = rest[i+2:]
			continue
		}
		end := strings.IndexByte(rest, '}')
		if rest[i] == '}' || end < i {
			return t, fmt.Errorf("template %q: the brace at %d has no partner; write it twice to mean itself", text, len(text)-len(rest)+i)
		}
		literal(rest[:i])
		p, err := c.part(rest[i+1 : end])
		if err != nil {
			return t, fmt.Errorf("template %q: %w", text, err)
		}
		t.parts = append(t.parts, p)
		rest = rest[end+1:]
	}
	return t, nil
}

// cutMaybe cuts {?…?} off the front of a text.
func cutMaybe(text string) (inner, behind string, ok bool) {
	if text, ok = strings.CutPrefix(text, "{?"); !ok {
		return "", "", false
	}
	return strings.Cut(text, "?}")
}

// maybe is a part of a template that falls away as a whole where one of its values is missing.
func (c *Compiler) maybe(p *part) error {
	inner, err := c.Template(p.arg)
	if err == nil && !slices.ContainsFunc(inner.parts, func(p part) bool { return p.kind != "" }) {
		err = fmt.Errorf("{?%s?}: there is no value in it that could be missing", p.arg)
	}
	p.inner = &inner
	return err
}

func (c *Compiler) part(text string) (part, error) {
	text, filter, filtered := strings.Cut(text, "|")
	if filtered && !slices.ContainsFunc(filters, func(f declaration.Term) bool { return f.Name == filter }) {
		return part{}, fmt.Errorf("{%s|%s}: the only filters are parent, empty and lower", text, filter)
	}
	kind, arg, named := strings.Cut(text, ":")
	if c.Values != nil && kind != "header" {
		if text = c.Values[text]; text == "" {
			return part{}, fmt.Errorf("{%.40s}: there is no such value", kind)
		}
		kind, arg, named = strings.Cut(text, ":")
	}
	needs, known := termOf(kind)
	switch {
	case !known:
		return part{}, fmt.Errorf("{%s}: there is no such value", text)
	case needs != named || (needs && arg == ""):
		return part{}, fmt.Errorf("{%s}: a name behind the colon is needed with %s and not otherwise", text, "header, headers, lines, query, form, item, json, if, unless, hmac, hash and crc32")
	}
	p := part{kind: kind, arg: arg, filter: filter}
	var err error
	switch kind {
	case "header", "headers":
		p.arg = http.CanonicalHeaderKey(arg)
	case "json":
		p.slot, err = c.Set.Add(arg)
	case "if", "unless", "crc32":
		err = c.inner(&p, arg)
	case "hmac", "hash":
		err = c.digestPart(&p, arg)
	}
	return p, err
}

func (c *Compiler) inner(p *part, text string) error {
	inner, err := c.Selector(text)
	p.inner = &inner
	return err
}

func (c *Compiler) digestPart(p *part, arg string) error {
	fields := strings.SplitN(arg, ":", 3)
	if len(fields) != 3 {
		return fmt.Errorf("{%s:…} needs a hash, an encoding and a value", p.kind)
	}
	var err error
	if p.hash, err = key.HashNamed(fields[0]); err != nil {
		return err
	}
	switch fields[1] {
	case "hex":
		p.encode = hex.EncodeToString
	case "base64":
		p.encode = base64.StdEncoding.EncodeToString
	default:
		return fmt.Errorf("{%s:…}: encoding %q is unknown, use hex or base64", p.kind, fields[1])
	}
	if p.kind == "hmac" {
		return c.inner(p, fields[2])
	}
	p.inner = &Template{}
	for value := range strings.SplitSeq(fields[2], "+") {
		if err := c.hashed(p.inner, value); err != nil {
			return err
		}
	}
	return nil
}

// hashed adds one of the values of a hash. An option that is a secret stands nowhere else in a template.
func (c *Compiler) hashed(t *Template, value string) error {
	if name, option := strings.CutPrefix(value, "option:"); option {
		secret, declared := c.Options[name]
		if !declared {
			return fmt.Errorf("{hash:…}: option %q is not declared", name)
		}
		t.parts = append(t.parts, part{kind: "option", arg: name, raw: []byte(secret)})
		return nil
	}
	one, err := c.Selector(value)
	t.parts = append(t.parts, one.parts...)
	return err
}

// holds reports whether the template contains the only value of other.
func (t Template) holds(other Template) bool {
	if len(other.parts) != 1 {
		return false
	}
	one := &other.parts[0]
	for _, p := range t.parts {
		switch {
		case p.kind == "maybe":
			if p.inner.holds(other) {
				return true
			}
		case p.kind != "" && p.kind == one.kind && p.arg == one.arg && (p.filter == one.filter || p.filter == "" || p.filter == "empty"):
			return true
		}
	}
	return false
}

// Has reports whether a value is named, in a condition too.
func (t Template) Has(kind string) bool {
	for _, p := range t.parts {
		if p.kind == kind || (p.inner != nil && p.inner.Has(kind)) {
			return true
		}
	}
	return false
}

func (t Template) hasAny(kinds ...string) bool { return slices.ContainsFunc(kinds, t.Has) }

// covers reports whether one of the values is written by the template, so that whoever changes
// it changes the text. A condition writes nothing, and a checksum is soon made to fit.
func (t Template) covers(kinds ...string) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool {
		return slices.Contains(kinds, p.kind) || p.inner != nil && !p.condition() && p.kind != "crc32" && p.inner.covers(kinds...)
	})
}

// condition reports a part that writes nothing.
func (p *part) condition() bool { return p.kind == "if" || p.kind == "unless" }

// Literals hands over the texts that the template writes as they are.
func (t Template) Literals(yield func(string) bool) {
	for _, p := range t.parts {
		if p.kind == "" && !yield(p.arg) {
			return
		}
	}
}

// Fixed returns the text of a template that writes nothing of a request; false for any other.
func (t Template) Fixed() (string, bool) {
	var text string
	for _, p := range t.parts {
		switch {
		case p.kind == "":
			text += p.arg
		case !p.condition():
			return "", false
		}
	}
	return text, true
}

// Value returns the text, or false when one of its values is absent or empty.
func (t Template) Value(x *Exchange) (string, bool) {
	if len(t.parts) == 1 {
		return x.part(&t.parts[0])
	}
	text, missing := t.append(nil, x)
	return string(text), missing == nil
}

// append writes the text behind dst. missing is the first value that the request lacks.
func (t Template) append(dst []byte, x *Exchange) (text []byte, missing *part) {
	for i := range t.parts {
		p := &t.parts[i]
		if p.kind == "body" {
			dst = append(dst, x.Request.Body...)
			continue
		}
		if p.kind == "unpacked" {
			dst = append(dst, x.Body()...)
			continue
		}
		s, ok := x.part(p)
		if !ok && !x.blank {
			return dst, p
		}
		dst = append(dst, s...)
	}
	return dst, nil
}

// hash writes the text into h without building it.
func (t Template) hash(h hash.Hash, x *Exchange) (missing *part) {
	for i := range t.parts {
		p := &t.parts[i]
		switch p.kind {
		case "":
			h.Write(p.raw)
		case "body":
			h.Write(x.Request.Body)
		case "unpacked":
			h.Write(x.Body())
		case "secret":
			h.Write(x.secret)
		case "option":
			if len(p.raw) == 0 && !x.blank {
				return p
			}
			h.Write(p.raw)
		default:
			s, ok := x.part(p)
			if !ok && !x.blank {
				return p
			}
			x.scratch = append(x.scratch[:0], s...)
			h.Write(x.scratch)
		}
	}
	return nil
}

// String writes a value as a person reads it.
func (p *part) String() string {
	if p.arg == "" {
		return p.kind
	}
	if p.kind == "json" {
		return "JSON value " + p.arg
	}
	return p.kind + " " + p.arg
}

func (t Template) String() string {
	var b strings.Builder
	for _, p := range t.parts {
		switch {
		case p.kind == "":
			b.WriteString(strings.ReplaceAll(p.arg, "\n", `\n`))
		case p.kind == "maybe":
			b.WriteString("{?" + strings.ReplaceAll(p.arg, "\n", `\n`) + "?}")
		case p.arg == "":
			b.WriteString("{" + p.kind + "}")
		default:
			b.WriteString("{" + p.kind + ":" + p.arg + "}")
		}
	}
	return b.String()
}
