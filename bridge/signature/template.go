package signature

import (
	"net/http"
	"net/textproto"
	"strings"
)

// A template is the text that a signature covers, taken apart: literal pieces and values.
type template []piece

type piece struct {
	value   string // "" for a literal, else body, id, timestamp, …
	literal string // or the header's name
}

const placeholders = "{body}, {id}, {timestamp}, {url}, {method}, {header:Name} and {secret}"

// compileTemplate reads a template such as `{id}.{timestamp}.{body}`.
func compileTemplate(field, text string) (template, error) {
	var t template
	for text != "" {
		literal, rest, found := strings.Cut(text, "{")
		if literal != "" {
			t = append(t, piece{literal: literal})
		}
		if !found {
			break
		}
		name, rest, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fieldErrorf(field, "a { is never closed")
		}
		p := piece{value: name}
		switch header, isHeader := strings.CutPrefix(name, "header:"); {
		case isHeader && validHeaderName(header):
			p = piece{value: "header", literal: textproto.CanonicalMIMEHeaderKey(header)}
		case !known(name):
			return nil, fieldErrorf(field, "{%.40s} is unknown, use %s", name, placeholders)
		}
		t = append(t, p)
		text = rest
	}
	return t, nil
}

func known(value string) bool {
	switch value {
	case "body", "id", "timestamp", "url", "method", "secret":
		return true
	}
	return false
}

// uses reports whether a value stands in the template.
func (t template) uses(value string) bool {
	for i := range t {
		if t[i].value == value {
			return true
		}
	}
	return false
}

// with fills in the secret, which is the same for every message.
func (t template) with(secret string) template {
	out := make(template, len(t))
	for i, p := range t {
		if p.value == "secret" {
			p = piece{literal: secret}
		}
		out[i] = p
	}
	return out
}

// appendTo renders a piece other than the body.
func (p *piece) appendTo(dst []byte, h http.Header, m *Message, at string) []byte {
	switch p.value {
	case "":
		return append(dst, p.literal...)
	case "id":
		return append(dst, m.ID...)
	case "timestamp":
		return append(dst, at...)
	case "url":
		return append(dst, m.URL...)
	case "method":
		return append(dst, m.Method...)
	case "header":
		return append(dst, h.Get(p.literal)...)
	}
	return dst
}

// validHeaderName reports whether s is a token (RFC 9110, 5.6.2).
func validHeaderName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
