package provider

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// A requestMistake is something that happens to requests on the way. change undoes it, and
// returns false where it cannot have happened.
type requestMistake struct {
	text, remedy string
	change       func(r *scheme.Request) bool
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
	{"it is accepted without the byte order mark", "the mark was added when the body was saved; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) { return bytes.TrimPrefix(b, pointer.ByteOrderMark), nil })},
	{"it is accepted with a byte order mark", "the mark was cut off; " + keepBytes,
		inBody(func(b []byte) ([]byte, error) { return append(bytes.Clone(pointer.ByteOrderMark), b...), nil })},
}

func inBody(change func([]byte) ([]byte, error)) func(*scheme.Request) bool {
	return func(r *scheme.Request) bool {
		changed, err := change(r.Body)
		if err != nil || bytes.Equal(changed, r.Body) {
			return false
		}
		r.Body = changed
		return true
	}
}

// beforeGzip takes gzip off, within the bound of the source.
func beforeGzip(limit int64) requestMistake {
	return requestMistake{"it is accepted with the body before gzip", "the sender signs before it compresses: put {unpacked} in the place of {body} (template of hmac, content of a provider file)",
		func(r *scheme.Request) bool {
			packed, _ := scheme.Packed(r.Header)
			if !packed {
				return false
			}
			data, refusal := scheme.Unpack(r, limit)
			r.Header.Del("Content-Encoding")
			r.Body = data
			return refusal == nil
		}}
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
	{"it is accepted with the whole secret as it is written, whsec_ included", "the sender does not decode its secrets: use the provider hmac, with template={header:webhook-id}.{header:webhook-timestamp}.{body} and version=v1", func(s string) (string, bool) {
		return base64.StdEncoding.EncodeToString([]byte(s)), strings.HasPrefix(s, "whsec_")
	}},
	{"it is accepted when the secret is decoded as base64", "set the option for how the secret is written, or use the provider that decodes it", func(s string) (string, bool) {
		b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
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
