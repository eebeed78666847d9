package scheme

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// jwsKeys are what tokens of one algorithm are signed with.
type jwsKeys interface {
	algorithm() string // as the header of a token names it
	// verify holds a signature against a token's text. id is the token's own name of the key.
	verify(x *Exchange, id string, text, signature []byte) *Refusal
	sign(text []byte) ([]byte, error)
}

// jwsKeys returns nil where the source has no secret of the kind.
func (c *Compiler) jwsKeys(s *jwsSpec) (jwsKeys, error) {
	switch s.Algorithm {
	case "", "HS256":
		if s.Published != nil {
			return nil, errors.New("published: a secret that both sides have is not published; see algorithm")
		}
		keys, err := c.keys(s.Keys)
		if err != nil || len(keys) == 0 {
			return nil, err
		}
		return hs256(keys), nil
	case "RS256":
		return c.jwsPublic(s, "RSA", key.RSA)
	case "ES256":
		return c.jwsPublic(s, "ECDSA P-256", key.P256)
	default:
		return nil, fmt.Errorf("algorithm: %q is unknown, use HS256, RS256 or ES256", s.Algorithm)
	}
}

// hs256 are shared secrets.
type hs256 [][]byte

func (k hs256) algorithm() string { return "HS256" }

func (k hs256) verify(_ *Exchange, _ string, text, signature []byte) *Refusal {
	match := false
	for _, one := range k {
		match = hmac.Equal(sumHS256(one, text), signature) || match
	}
	if !match {
		return &Refusal{BadSignature, "no secret fits the token, HS256 over its own text"}
	}
	return nil
}

func (k hs256) sign(text []byte) ([]byte, error) { return sumHS256(k[0], text), nil }

func sumHS256(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// jwsPublic are public keys that the source pins, or that the sender publishes.
type jwsPublic struct {
	name      string
	pinned    []key.Public
	published *publishing
}

func (c *Compiler) jwsPublic(s *jwsSpec, family string, fits func(any) (key.Public, bool)) (jwsKeys, error) {
	k := &jwsPublic{name: s.Algorithm}
	var err error
	if s.Published != nil {
		if k.published, err = c.published(s.Published, family, fits); err != nil {
			return nil, err
		}
	}
	if c.Dry {
		return k, nil
	}
	k.pinned, err = c.parsedKeys(family, fits)
	return k, err
}

func (k *jwsPublic) algorithm() string { return k.name }

func (k *jwsPublic) verify(x *Exchange, id string, text, signature []byte) *Refusal {
	keys := k.pinned
	if len(keys) == 0 && k.published != nil {
		var refusal *Refusal
		if keys, refusal = k.published.of(x, id); refusal != nil {
			return refusal
		}
	}
	sum := sha256.Sum256(text)
	if k.name == "ES256" {
		var ok bool
		if signature, ok = joined(signature); !ok {
			return &Refusal{BadSignature, "the signature of the token is not 64 bytes long"}
		}
	}
	for _, one := range keys {
		if one.Verify(crypto.SHA256, sum[:], signature) {
			return nil
		}
	}
	return &Refusal{BadSignature, "no key fits the token, " + k.name + " over its own text"}
}

func (k *jwsPublic) sign(text []byte) ([]byte, error) {
	if len(k.pinned) == 0 {
		return nil, errors.New("sign: it takes the sender's private key as the secret")
	}
	sum := sha256.Sum256(text)
	signature, err := k.pinned[0].Sign(crypto.SHA256, sum[:])
	if err != nil || k.name != "ES256" {
		return signature, err
	}
	return apart(signature)
}

// An ecdsaSignature is what ASN.1 writes in a sequence (RFC 3279, 2.2.3), and a token side by side
// (RFC 7518, 3.4).
type ecdsaSignature struct{ R, S *big.Int }

// joined writes the 64 bytes of a token in ASN.1.
func joined(raw []byte) (der []byte, ok bool) {
	if len(raw) != 64 {
		return nil, false
	}
	der, err := asn1.Marshal(ecdsaSignature{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	return der, err == nil
}

// apart is joined read backwards.
func apart(der []byte) ([]byte, error) {
	var s ecdsaSignature
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	raw := make([]byte, 64)
	s.R.FillBytes(raw[:32])
	s.S.FillBytes(raw[32:])
	return raw, nil
}
