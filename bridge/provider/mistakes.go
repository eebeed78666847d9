package provider

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// A requestMistake is something that happens to requests on the way. change undoes it, and
// returns false where it cannot have happened.
type requestMistake struct {
	text, remedy string
	change       func(r *Request) bool
}

const keepBytes = "hand the body on byte for byte; do not parse, print or re-encode it before it gets here"

var bodyMistakes = []requestMistake{
	{"it is accepted without the line end at the end of the body", "the line end was added on the way or when the body was saved; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) { return bytes.TrimRight(b, "\r\n"), nil })},
	{"it is accepted with a line feed at the end of the body", "the line feed was cut off; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) { return append(bytes.Clone(b), '\n'), nil })},
	{"it is accepted with CR LF at the end of the body", "the line end was cut off; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) { return append(bytes.Clone(b), "\r\n"...), nil })},
	{"it is accepted with LF instead of CR LF", "line ends were changed; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), nil })},
	{"it is accepted with CR LF instead of LF", "line ends were changed; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) {
			return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n")), nil
		})},
	{"it is accepted with the JSON written without white space", "the JSON was printed anew; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) {
			var out bytes.Buffer
			err := json.Compact(&out, b)
			return out.Bytes(), err
		})},
	{"it is accepted without the byte order mark", "the mark was added when the body was saved; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), nil })},
	{"it is accepted with slashes written \\/ in the JSON", "escapes were changed; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) { return bytes.ReplaceAll(b, []byte("/"), []byte(`\/`)), nil })},
}

func inBody(change func([]byte) ([]byte, error)) func(*Request) bool {
	return func(r *Request) bool {
		changed, err := change(r.Body)
		if err != nil || bytes.Equal(changed, r.Body) {
			return false
		}
		r.Body = changed
		return true
	}
}

const publicURL = "set the source's public URL to what the provider was told"

var urlMistakes = []requestMistake{
	{"it is accepted with https instead of http", publicURL, swap("http://", "https://")},
	{"it is accepted with http instead of https", publicURL, swap("https://", "http://")},
	{"it is accepted with a slash at the end of the path", publicURL, func(r *Request) bool {
		path, query, has := strings.Cut(r.URL, "?")
		if strings.HasSuffix(path, "/") {
			return false
		}
		if r.URL = path + "/"; has {
			r.URL += "?" + query
		}
		return true
	}},
	{"it is accepted without the query", "the provider signs the URL without it; " + publicURL, func(r *Request) bool {
		path, _, has := strings.Cut(r.URL, "?")
		r.URL = path
		return has
	}},
}

func swap(from, to string) func(*Request) bool {
	return func(r *Request) bool {
		rest, ok := strings.CutPrefix(r.URL, from)
		r.URL = to + rest
		return ok
	}
}

// A secretMistake is something that happens to secrets when they are copied.
type secretMistake struct {
	text, remedy string
	change       func(secret string) (string, bool)
}

var secretMistakes = []secretMistake{
	{"it is accepted when white space around the secret is cut off", "take the white space off the secret", func(s string) (string, bool) {
		return strings.TrimSpace(s), true
	}},
	{"it is accepted without the prefix whsec_ of the secret", "take the prefix off the secret", func(s string) (string, bool) {
		return strings.CutPrefix(s, "whsec_")
	}},
	{"it is accepted with the prefix whsec_ before the secret", "copy the secret whole, with whsec_", func(s string) (string, bool) {
		return "whsec_" + s, !strings.HasPrefix(s, "whsec_")
	}},
	{"it is accepted when the secret is decoded as base64", "set the option for how the secret is written, or use the provider that decodes it", func(s string) (string, bool) {
		b, err := base64.StdEncoding.DecodeString(s)
		return string(b), err == nil
	}},
	{"it is accepted when the secret is decoded as hex", "set the option for how the secret is written, or use the provider that decodes it", func(s string) (string, bool) {
		b, err := hex.DecodeString(s)
		return string(b), err == nil
	}},
	{"it is accepted when the secret is taken as it is, not decoded", "write the secret in the encoding that the provider expects", func(s string) (string, bool) {
		return base64.StdEncoding.EncodeToString([]byte(strings.TrimPrefix(s, "whsec_"))), true
	}},
}
