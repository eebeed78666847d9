package cipher

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// A Message is an encrypted body and the headers beside it.
type Message struct {
	Header http.Header
	Body   []byte
}

// bare is a text without the byte order mark that some senders begin it with, and without the
// space around it.
func bare(text []byte) []byte { return bytes.TrimSpace(bytes.TrimPrefix(text, pointer.ByteOrderMark)) }

// parts is a message taken apart: bytes, no text encoding left.
type parts struct {
	text, iv, tag, salt []byte
	// What Laravel's MAC covers.
	valueText, ivText, mac string
}

const saltMark = "Salted__"

// unwrap takes the container and the text encoding off. ok is false when the message does
// not have the form that the scheme describes.
func (s *Scheme) unwrap(m Message) (p parts, ok bool) {
	if s.container.kind == "laravel" {
		return s.unwrapLaravel(m)
	}
	var values []pointer.Value
	text := bare(m.Body)
	switch s.container.kind {
	case "json-string":
		var inner string
		if json.Unmarshal(text, &inner) != nil {
			return p, false
		}
		text = []byte(inner)
	case "json":
		values = make([]pointer.Value, s.paths.Len())
		if _, err := s.paths.Scan(text, values); err != nil {
			return p, false
		}
		text = []byte(values[s.textSlot].Text())
	case "form":
		form, err := url.ParseQuery(string(text))
		if err != nil {
			return p, false
		}
		text = []byte(form.Get(s.container.name))
	}
	if p.text, ok = s.decode(text); !ok {
		return p, false
	}
	if p.iv, ok = s.part(s.iv, s.ivSlot, m, values); !ok {
		return p, false
	}
	if s.mode == "gcm" {
		if p.tag, ok = s.part(s.tag, s.tagSlot, m, values); !ok {
			return p, false
		}
	}
	return p, s.split(&p)
}

// part reads an IV or a tag that travels apart from the ciphertext.
func (s *Scheme) part(from place, slot int, m Message, values []pointer.Value) ([]byte, bool) {
	switch from.kind {
	case "header":
		return s.decode([]byte(m.Header.Get(from.name)))
	case "json":
		return s.decode([]byte(values[slot].Text()))
	default:
		return nil, true
	}
}

// split cuts salt, IV and tag off the ciphertext where they travel with it.
func (s *Scheme) split(p *parts) bool {
	if s.container.kind == "salted" {
		if len(p.text) < 16 || string(p.text[:8]) != saltMark {
			return false
		}
		p.salt, p.text = p.text[8:16], p.text[16:]
	}
	switch s.iv.kind {
	case "prefix16", "prefix12":
		if len(p.text) < s.ivSize() {
			return false
		}
		p.iv, p.text = p.text[:s.ivSize()], p.text[s.ivSize():]
	case "after::":
		text, iv, found := bytes.Cut(p.text, []byte("::"))
		if !found {
			return false
		}
		p.iv = iv
		var ok bool
		if p.text, ok = decodeBase64(base64.StdEncoding, text); !ok {
			return false
		}
	}
	if s.mode != "gcm" || (s.tag.kind != "suffix" && s.tag.kind != "after-iv") {
		return true
	}
	if len(p.text) < tagSize {
		return false
	}
	if s.tag.kind == "after-iv" {
		p.tag, p.text = p.text[:tagSize], p.text[tagSize:]
	} else {
		p.tag, p.text = p.text[len(p.text)-tagSize:], p.text[:len(p.text)-tagSize]
	}
	return true
}

func (s *Scheme) unwrapLaravel(m Message) (p parts, ok bool) {
	outer, ok := decodeBase64(base64.StdEncoding, bare(m.Body))
	if !ok {
		return p, false
	}
	var envelope struct{ IV, Value, MAC, Tag string }
	if json.Unmarshal(outer, &envelope) != nil {
		return p, false
	}
	p.ivText, p.valueText, p.mac = envelope.IV, envelope.Value, envelope.MAC
	if p.text, ok = decodeBase64(base64.StdEncoding, []byte(envelope.Value)); !ok {
		return p, false
	}
	if p.iv, ok = decodeBase64(base64.StdEncoding, []byte(envelope.IV)); !ok {
		return p, false
	}
	p.tag, ok = decodeBase64(base64.StdEncoding, []byte(envelope.Tag))
	return p, ok
}

func (s *Scheme) decode(text []byte) ([]byte, bool) {
	switch s.encoding {
	case "hex":
		out := make([]byte, hex.DecodedLen(len(text)))
		n, err := hex.Decode(out, text)
		return out[:n], err == nil
	case "base64url":
		return decodeBase64(base64.RawURLEncoding, bytes.TrimRight(text, "="))
	case "base64x2":
		inner, ok := decodeBase64(base64.StdEncoding, text)
		if !ok {
			return nil, false
		}
		return decodeBase64(base64.StdEncoding, inner)
	default:
		return decodeBase64(base64.StdEncoding, text)
	}
}

func decodeBase64(encoding *base64.Encoding, text []byte) ([]byte, bool) {
	out := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Decode(out, text)
	return out[:n], err == nil
}
