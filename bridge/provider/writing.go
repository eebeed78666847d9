package provider

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/hookspan/hookspan/bridge/scheme"
)

// A writing is a way in which programs write JSON, or leave it.
type writing struct {
	how   string // "" leaves it
	write func([]byte) ([]byte, error)
}

func leave(b []byte) ([]byte, error) { return b, nil }

// layouts say where white space stands.
var layouts = []writing{
	{"", leave},
	{"written without white space", compact},
	{"in one line, with a space behind colons and commas", spaced},
	{"indented by two spaces", indented("  ", "\n")},
	{"indented by four spaces", indented("    ", "\n")},
	{"indented by tabs", indented("\t", "\n")},
	{"in lines that are not indented", indented("", "\n")},
	{"indented by two spaces, in lines that end in CR LF", indented("  ", "\r\n")},
	{"indented by four spaces, in lines that end in CR LF", indented("    ", "\r\n")},
	{"indented by tabs, in lines that end in CR LF", indented("\t", "\r\n")},
}

// escapes say which characters stand there by their numbers, or behind a backslash.
var escapes = []writing{
	{"", leave},
	{"slashes not written \\/, and no character \\u…", escaping(false, nothing)},
	{"slashes written \\/", escaping(true, nothing)},
	{"slashes not written \\/, and other characters than ASCII written \\u…", escaping(false, beyondASCII)},
	{"slashes written \\/, and other characters than ASCII written \\u…", escaping(true, beyondASCII)},
	{"<, > and & written \\u…", escaping(false, ofHTML)},
}

// ends say how the last line does.
var ends = []writing{
	{"", leave},
	{"and a line feed at the end", ending("\n")},
	{"and CR LF at the end", ending("\r\n")},
}

// mostWritten bounds the bytes that are tried of one request.
const mostWritten = 256 << 20

// suspectWriting finds the way in which the JSON was written that was signed: one that differs from
// what came in as little as can be.
func suspectWriting(anyTime *Verifier, r *scheme.Request) []Finding {
	tried, written := map[[sha256.Size]byte]bool{sha256.Sum256(r.Body): true}, 0
	for _, w := range writings() {
		body, how, err := w.write(r.Body)
		sum := sha256.Sum256(body)
		if err != nil || tried[sum] {
			continue
		}
		if written += len(body); written > mostWritten {
			return nil
		}
		tried[sum] = true
		changed := *r
		changed.Body = body
		if _, err := anyTime.Verify(&changed); err == nil {
			return []Finding{{"it is accepted with the JSON " + how, "the JSON was printed anew on the way; " + keepBytes}}
		}
	}
	return nil
}

// A text of JSON is written in all three respects.
type jsonText [3]writing

// writings are all of them, those that change least first.
func writings() []jsonText {
	var all []jsonText
	for _, layout := range layouts {
		for _, escape := range escapes {
			for _, end := range ends {
				all = append(all, jsonText{layout, escape, end})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b jsonText) int { return cmp.Compare(a.changes(), b.changes()) })
	return all
}

func (t jsonText) changes() (n int) {
	for _, w := range t {
		n += min(len(w.how), 1)
	}
	return n
}

func (t jsonText) write(b []byte) (_ []byte, how string, err error) {
	var hows []string
	for _, w := range t {
		if w.how != "" {
			hows = append(hows, w.how)
		}
		if b, err = w.write(b); err != nil {
			return nil, "", err
		}
	}
	return b, strings.Join(hows, ", "), nil
}

func compact(b []byte) ([]byte, error) {
	var out bytes.Buffer
	err := json.Compact(&out, b)
	return out.Bytes(), err
}

func indented(indent, lineEnd string) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		var out bytes.Buffer
		err := json.Indent(&out, bytes.TrimSpace(b), "", indent)
		return bytes.ReplaceAll(bytes.ReplaceAll(out.Bytes(), []byte("\r"), nil), []byte("\n"), []byte(lineEnd)), err
	}
}

func ending(end string) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) { return append(bytes.Clone(b), end...), nil }
}

// spaced writes JSON as Python does.
func spaced(b []byte) ([]byte, error) {
	packed, err := compact(b)
	var out []byte
	inText, escaped := false, false
	for _, c := range packed {
		out = append(out, c)
		switch {
		case escaped:
			escaped = false
		case inText && c == '\\':
			escaped = true
		case c == '"':
			inText = !inText
		case !inText && (c == ':' || c == ','):
			out = append(out, ' ')
		}
	}
	return out, err
}

func nothing(rune) bool       { return false }
func beyondASCII(r rune) bool { return r >= 0x80 }
func ofHTML(r rune) bool      { return r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029' }

// escaping writes slashes and the characters that are numbered as escapes, and no other character that
// JSON lets stand as it is.
func escaping(slashes bool, numbered func(rune) bool) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		var out []byte
		for _, r := range string(unescaped(b)) {
			switch {
			case r == '/' && slashes:
				out = append(out, `\/`...)
			case !numbered(r):
				out = append(out, string(r)...)
			case r > 0xffff:
				high, low := utf16.EncodeRune(r)
				out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
			default:
				out = fmt.Appendf(out, `\u%04x`, r)
			}
		}
		return out, nil
	}
}

// unescaped writes as they are the slashes and characters that need no escape.
func unescaped(b []byte) (out []byte) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 == len(b) {
			return append(out, b...)
		}
		out, b = append(out, b[:i]...), b[i:]
		switch r, size := escapeOf(b); {
		case b[1] == '/':
			out, b = append(out, '/'), b[2:]
		case r >= ' ' && r != '"' && r != '\\':
			out, b = append(out, string(r)...), b[size:]
		default:
			out, b = append(out, b[:2]...), b[2:]
		}
	}
	return out
}

// escapeOf reads \u…, or two of them that are one character; 0 is none.
func escapeOf(b []byte) (r rune, size int) {
	one := func(b []byte) rune {
		if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
			return 0
		}
		n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
		if err != nil {
			return 0
		}
		return rune(n)
	}
	first := one(b)
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	if r = utf16.DecodeRune(first, one(b[6:])); r == '\ufffd' {
		return 0, 0
	}
	return r, 12
}
