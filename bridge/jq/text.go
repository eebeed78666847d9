package jq

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// A writer makes text of a value.
type writer func(m *machine, v any) (string, error)

// toString leaves a text as it is and writes everything else as JSON.
func toString(m *machine, v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return toJSON(m, v)
}

func toJSON(m *machine, v any) (string, error) {
	text, ok := Encode(v, m.left*bytesPerStep/4)
	if !ok {
		return "", ErrSpent
	}
	return string(text), m.make(4 * len(text))
}

// string compiles a text with what is written between \( and ): the last part changes least often.
func (c *compiler) string(s *gojq.String, w writer, e env) node {
	if s.Queries == nil {
		return constant(s.Str)
	}
	parts := make([]node, len(s.Queries))
	for i, q := range s.Queries {
		if q.Term != nil && q.Term.Str != nil && q.Term.Type == gojq.TermTypeString {
			parts[i] = c.query(q, e)
			continue
		}
		parts[i] = w.of(c.query(q, e))
	}
	return plain(func(m *machine, _ any, values []any) (any, error) { return m.concat(values) }).with(parts)
}

func (w writer) of(n node) node {
	return converted(n, func(m *machine, v any) (any, error) { return w(m, v) })
}

// format compiles @name, or @name before a text, where it is about what the text has between \( and ).
func (c *compiler) format(t *gojq.Term, e env) node {
	w, ok := formats[t.Format]
	if !ok {
		return c.fault("", "there is no format %.40s", t.Format)
	}
	if t.Str != nil {
		return c.string(t.Str, w, e)
	}
	return w.of(identity)
}

var formats = map[string]writer{
	"@text": toString, "@json": toJSON, "@html": replacing(html), "@csv": row("@csv", ",", quoteCSV), "@tsv": row("@tsv", "\t", tsv.Replace), "@sh": row("@sh", " ", quoteShell),
	"@uri":     converting(func(s string) (string, bool) { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), true }),
	"@urid":    converting(unescape),
	"@base64":  converting(func(s string) (string, bool) { return base64.StdEncoding.EncodeToString([]byte(s)), true }),
	"@base64d": converting(fromBase64),
}

var (
	html = strings.NewReplacer(`<`, "&lt;", `>`, "&gt;", `&`, "&amp;", `'`, "&#39;", `"`, "&quot;")
	tsv  = strings.NewReplacer("\t", `\t`, "\r", `\r`, "\n", `\n`, `\`, `\\`, "\x00", `\0`)
	csv  = strings.NewReplacer(`"`, `""`, "\x00", `\0`)
	sh   = strings.NewReplacer(`'`, `'\''`, "\x00", `\0`)
)

func quoteCSV(s string) string   { return `"` + csv.Replace(s) + `"` }
func quoteShell(s string) string { return `'` + sh.Replace(s) + `'` }

func replacing(r *strings.Replacer) writer {
	return converting(func(s string) (string, bool) { return r.Replace(s), true })
}

func converting(f func(string) (string, bool)) writer {
	return func(m *machine, v any) (string, error) {
		s, err := toString(m, v)
		if err == nil {
			err = m.make(8 * len(s))
		}
		if err != nil {
			return "", err
		}
		text, ok := f(s)
		if !ok {
			return "", throw("the text cannot be decoded")
		}
		return text, nil
	}
}

func unescape(s string) (string, bool) {
	text, err := url.PathUnescape(s)
	return valid(text), err == nil
}

func fromBase64(s string) (string, bool) {
	text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	return valid(string(text)), err == nil
}

func valid(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// row writes the items of an array, which must be no arrays or objects.
func row(name, sep string, quote func(string) string) writer {
	return func(m *machine, v any) (string, error) {
		list, ok := v.([]any)
		switch {
		case !ok && name == "@sh":
			list = []any{v}
		case !ok:
			return "", throw(name + " takes an array, not a value of type " + typeOf(v))
		}
		var b strings.Builder
		for i, item := range list {
			if i > 0 {
				b.WriteString(sep)
			}
			text := ""
			switch k := kindOf(item); {
			case k == kindString:
				text, _ = item.(string)
				if err := m.make(8 * len(text)); err != nil {
					return "", err
				}
				text = quote(text)
			case k > kindString:
				return "", throw(name + " takes no value of type " + typeOf(item))
			case k != kindNull || name == "@sh":
				var err error
				if text, err = toJSON(m, item); err != nil {
					return "", err
				}
			}
			b.WriteString(text)
			if err := m.spend(1); err != nil {
				return "", err
			}
		}
		return b.String(), nil
	}
}
