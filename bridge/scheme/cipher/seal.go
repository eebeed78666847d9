package cipher

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Seal encrypts plain as the other side would. Message.Header holds what travels beside the
// body, and nothing else.
func (k *Key) Seal(plain []byte) (Message, error) {
	s := k.scheme
	p := parts{}
	if s.container.kind == "salted" {
		p.salt = random(8)
	}
	if s.mode != "ecb" {
		p.iv = random(s.ivSize())
	}
	block, iv, err := k.prepare(&p)
	if err != nil {
		return Message{}, fmt.Errorf("seal the body: %w", err)
	}
	p.iv = iv
	if p.text, p.tag, err = s.encrypt(block, iv, plain); err != nil {
		return Message{}, fmt.Errorf("seal the body: %w", err)
	}
	if s.container.kind == "laravel" {
		return k.wrapLaravel(p)
	}
	return s.wrap(p)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func (s *Scheme) encrypt(block cipher.Block, iv, plain []byte) (text, tag []byte, err error) {
	switch s.mode {
	case "gcm":
		aead, err := cipher.NewGCMWithNonceSize(block, len(iv))
		if err != nil {
			return nil, nil, err
		}
		sealed := aead.Seal(nil, iv, plain, nil)
		return sealed[:len(plain)], sealed[len(plain):], nil
	case "ctr":
		text = make([]byte, len(plain))
		cipher.NewCTR(block, iv).XORKeyStream(text, plain)
		return text, nil, nil
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	fill := byte(n)
	if s.padding == "zero" {
		n, fill = n%aes.BlockSize, 0
	}
	text = append(bytes.Clone(plain), bytes.Repeat([]byte{fill}, n)...)
	if s.mode == "cbc" {
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
		return text, nil, nil
	}
	for i := 0; i < len(text); i += aes.BlockSize {
		block.Encrypt(text[i:], text[i:])
	}
	return text, nil, nil
}

// wrap is unwrap read backwards.
func (s *Scheme) wrap(p parts) (Message, error) {
	m := Message{Header: http.Header{}}
	members := map[string]any{}
	s.put(m.Header, members, s.iv, p.iv)
	if s.mode == "gcm" {
		s.put(m.Header, members, s.tag, p.tag)
	}
	text := s.encode(s.join(p))
	switch s.container.kind {
	case "json-string":
		quoted, err := json.Marshal(text)
		m.Body = quoted
		return m, err
	case "json":
		nest(members, s.container.name, text)
		body, err := json.Marshal(members)
		m.Body = body
		return m, err
	case "form":
		m.Body = []byte(url.Values{s.container.name: {text}}.Encode())
	default:
		m.Body = []byte(text)
	}
	return m, nil
}

// join puts salt, IV and tag beside the ciphertext where they travel with it.
func (s *Scheme) join(p parts) []byte {
	text := p.text
	if s.mode == "gcm" {
		switch s.tag.kind {
		case "suffix":
			text = append(bytes.Clone(text), p.tag...)
		case "after-iv":
			text = append(bytes.Clone(p.tag), text...)
		}
	}
	switch s.iv.kind {
	case "prefix16", "prefix12":
		text = append(bytes.Clone(p.iv), text...)
	case "after::":
		text = append([]byte(base64.StdEncoding.EncodeToString(text)+"::"), p.iv...)
	}
	if s.container.kind == "salted" {
		text = append(append([]byte(saltMark), p.salt...), text...)
	}
	return text
}

func (s *Scheme) put(header http.Header, members map[string]any, to place, value []byte) {
	switch to.kind {
	case "header":
		header.Set(to.name, s.encode(value))
	case "json":
		nest(members, to.name, s.encode(value))
	}
}

// nest sets the member that a JSON pointer names, making the objects on the way.
func nest(members map[string]any, path, value string) {
	names := strings.Split(path[1:], "/")
	for _, name := range names[:len(names)-1] {
		inner, ok := members[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			members[name] = inner
		}
		members = inner
	}
	members[names[len(names)-1]] = value
}

func (k *Key) wrapLaravel(p parts) (Message, error) {
	value, iv := base64.StdEncoding.EncodeToString(p.text), base64.StdEncoding.EncodeToString(p.iv)
	envelope := map[string]string{"iv": iv, "value": value, "mac": "", "tag": ""}
	if k.scheme.mode == "gcm" {
		envelope["tag"] = base64.StdEncoding.EncodeToString(p.tag)
	} else {
		envelope["mac"] = k.envelopeMAC(iv, value)
	}
	inner, err := json.Marshal(envelope)
	return Message{Header: http.Header{}, Body: []byte(base64.StdEncoding.EncodeToString(inner))}, err
}

func (s *Scheme) encode(b []byte) string {
	switch s.encoding {
	case "hex":
		return hex.EncodeToString(b)
	case "base64url":
		return base64.RawURLEncoding.EncodeToString(b)
	case "base64x2":
		return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(b)))
	default:
		return base64.StdEncoding.EncodeToString(b)
	}
}
