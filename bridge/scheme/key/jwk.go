package key

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
)

// A Named key is one of a set.
type Named struct {
	ID  string // "" has none
	Key any    // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// A jwk is a public key as RFC 7517, RFC 7518 (6.2, 6.3) and RFC 8037 (2) write it.
type jwk struct {
	Kind  string `json:"kty"`
	Use   string `json:"use"`
	ID    string `json:"kid"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y"`
	N     string `json:"n"`
	E     string `json:"e"`
}

// maxSet is more keys than any vendor publishes.
const maxSet = 64

// Set reads a JWK set. Keys that are not for signatures, or of a kind that is not known here, are
// left out (RFC 7517, 5).
func Set(text []byte) ([]Named, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || set.Keys == nil {
		return nil, errors.New("the answer is no JWK set")
	}
	if len(set.Keys) > maxSet {
		return nil, errors.New("the answer holds more keys than anybody signs with")
	}
	var named []Named
	for _, raw := range set.Keys {
		var k jwk
		if json.Unmarshal(raw, &k) != nil || k.Use != "" && k.Use != "sig" {
			continue
		}
		if public := k.public(); public != nil {
			named = append(named, Named{k.ID, public})
		}
	}
	return named, nil
}

// public is nil for what is no public key.
func (k jwk) public() any {
	switch k.Kind {
	case "RSA":
		n, e := number(k.N), number(k.E)
		if n == nil || e == nil || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 || e.Bit(0) == 0 || n.BitLen() > maxRSABits {
			return nil
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Curve]
		if curve == nil {
			return nil
		}
		size := (curve.Params().BitSize + 7) / 8
		x, errX := base64.RawURLEncoding.DecodeString(k.X)
		y, errY := base64.RawURLEncoding.DecodeString(k.Y)
		if errX != nil || errY != nil || len(x) != size || len(y) != size {
			return nil
		}
		point := append(append([]byte{4}, x...), y...) // uncompressed (SEC 1, 2.3.3)
		public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
		if err != nil {
			return nil
		}
		return public
	case "OKP":
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || k.Curve != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return nil
		}
		return ed25519.PublicKey(x)
	}
	return nil
}

// maxRSABits bounds what one verification costs.
const maxRSABits = 8192

func number(text string) *big.Int {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) == 0 {
		return nil
	}
	return new(big.Int).SetBytes(raw)
}
