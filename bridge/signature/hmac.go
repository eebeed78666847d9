package signature

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"
	"time"
)

// generic is a signature of which every part is an option: header, hash, key encoding,
// content, text encoding and prefix. With {secret} in the content it is a plain hash.
type generic struct {
	header  string
	prefix  template
	digests []*digest
	encode  func(dst, sum []byte) []byte
	timed   bool // the content holds the timestamp
}

func compileHMAC(options map[string]string, secrets []string) (Scheme, error) {
	option := func(name, usual string) string {
		if v := options[name]; v != "" {
			return v
		}
		return usual
	}
	g := &generic{header: http.CanonicalHeaderKey(option("header", "X-Webhook-Signature"))}
	if err := checkSignatureHeader(g.header); err != nil {
		return nil, err
	}
	algorithm, err := algorithm(option("hash", "sha256"))
	if err != nil {
		return nil, err
	}
	if g.encode, err = textEncoding(option("encoding", "hex")); err != nil {
		return nil, err
	}
	if g.prefix, err = compilePrefix(options["prefix"]); err != nil {
		return nil, err
	}
	content, err := compileTemplate("options.template", option("template", "{body}"))
	if err != nil {
		return nil, err
	}
	if !content.uses("body") {
		return nil, fieldErrorf("options.template", "must hold {body}, else the signature fits any body")
	}
	g.timed = content.uses("timestamp")
	g.digests, err = genericDigests(algorithm, option("key_encoding", "utf8"), content, secrets)
	return g, err
}

func genericDigests(algorithm func() hash.Hash, keyEncoding string, content template, secrets []string) ([]*digest, error) {
	if keyEncoding != "utf8" && keyEncoding != "hex" && keyEncoding != "base64" {
		return nil, fieldErrorf("options.key_encoding", "%.40q is unknown, use utf8, hex or base64", keyEncoding)
	}
	digests := make([]*digest, len(secrets))
	for i, secret := range secrets {
		key, err := textKey(secretField(i), keyEncoding, secret)
		if err != nil {
			return nil, err
		}
		if content.uses("secret") {
			digests[i] = newHash(algorithm, content.with(string(key)))
		} else {
			digests[i] = newHMAC(algorithm, key, content)
		}
	}
	return digests, nil
}

func (g *generic) Sign(h http.Header, m Message) {
	at := stamp(m.Time)
	setHeaders(h, [2]string{idHeader, m.ID}, [2]string{timeHeader, at})
	setHeaders(h, [2]string{g.header, g.sum(0, h, &m, at)})
}

func (g *generic) Verify(h http.Header, m Message, now time.Time) error {
	at, fresh := received(h, &m, now)
	got := h.Get(g.header)
	if got == "" {
		return ErrUnsigned
	}
	err := ErrMismatch
	for i := range g.digests {
		if equal([]byte(got), []byte(g.sum(i, h, &m, at))) {
			err = nil
		}
	}
	if err == nil && g.timed && !fresh {
		return ErrStale
	}
	return err
}

func (g *generic) sum(i int, h http.Header, m *Message, at string) string {
	var sum [sha512.Size]byte
	var space [192]byte
	text := space[:0]
	for i := range g.prefix {
		text = g.prefix[i].appendTo(text, h, m, at)
	}
	return string(g.encode(text, g.digests[i].appendSum(sum[:0], h, m, at)))
}

func algorithm(name string) (func() hash.Hash, error) {
	switch name {
	case "sha1":
		return sha1.New, nil
	case "sha256":
		return sha256.New, nil
	case "sha384":
		return sha512.New384, nil
	case "sha512":
		return sha512.New, nil
	}
	return nil, fieldErrorf("options.hash", "%.40q is unknown, use sha1, sha256, sha384 or sha512", name)
}

func textEncoding(name string) (func(dst, sum []byte) []byte, error) {
	switch name {
	case "hex":
		return hex.AppendEncode, nil
	case "base64":
		return base64.StdEncoding.AppendEncode, nil
	case "base64url":
		return base64.RawURLEncoding.AppendEncode, nil
	}
	return nil, fieldErrorf("options.encoding", "%.40q is unknown, use hex, base64 or base64url", name)
}

// compilePrefix reads what stands in front of the signature; id and timestamp may be in it,
// as in `t={timestamp},v1=`.
func compilePrefix(text string) (template, error) {
	if fieldValue(text) != text {
		return nil, fieldErrorf("options.prefix", "holds a control character, which no header can")
	}
	t, err := compileTemplate("options.prefix", text)
	if err != nil {
		return nil, err
	}
	for i := range t {
		if v := t[i].value; v != "" && v != "id" && v != "timestamp" {
			return nil, fieldErrorf("options.prefix", "takes {id} and {timestamp} only")
		}
	}
	return t, nil
}

// checkSignatureHeader refuses names that belong to HTTP itself or to us.
func checkSignatureHeader(name string) error {
	switch name {
	case "Host", "Connection", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Te",
		"Trailer", "Upgrade", "Expect", "Keep-Alive", "Proxy-Connection", "User-Agent", idHeader, timeHeader:
		return fieldErrorf("options.header", "%s cannot hold a signature, use a name of its own", name)
	}
	if !validHeaderName(name) || strings.HasPrefix(name, "Ce-") || strings.HasPrefix(name, "Hookspan-") {
		return fieldErrorf("options.header", "%.40q cannot hold a signature, use a name such as X-Acme-Signature", name)
	}
	return nil
}
