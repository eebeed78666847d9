// Package key reads the keys of every family out of secrets as users write them, and names hashes.
// A Public key verifies signatures, and makes them where its private half is known.
package key

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// A Public key verifies signatures of a message, and makes them where its private half is known.
type Public interface {
	Verify(h crypto.Hash, message, signature []byte) bool
	Sign(h crypto.Hash, message []byte) ([]byte, error)
	Signs() bool
}

// errPublicOnly: a public key signs nothing.
var errPublicOnly = errors.New("sign: the secret is a public key; signing needs the private one")

// Parse reads a key in PEM, or the base64 of its DER form as it stands between the lines of
// PEM: a public key (RFC 5280 SubjectPublicKeyInfo), a certificate, of which the key counts, or a
// private key (PKCS #8). Or a public JWK (RFC 7517).
func Parse(secret string) (any, error) {
	if strings.HasPrefix(strings.TrimSpace(secret), "{") {
		var k jwk
		if err := json.Unmarshal([]byte(secret), &k); err != nil {
			return nil, errors.New("it begins like a JWK, and is no JSON")
		}
		if public := k.public(); public != nil {
			return public, nil
		}
		return nil, errors.New("it is a JWK of no public key that is known here: kty has to be EC, RSA or OKP, with its numbers")
	}
	der, err := decodeBase64(secret)
	if block, _ := pem.Decode([]byte(secret)); block != nil {
		der, err = block.Bytes, nil
	}
	if err != nil {
		return nil, errors.New("it is neither PEM, nor the base64 of a key, nor a JWK")
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	if certificate, err := x509.ParseCertificate(der); err == nil {
		return certificate.PublicKey, nil
	}
	return nil, errors.New("it holds no public key (SubjectPublicKeyInfo)")
}

// ECDSA takes a parsed key of its family.
func ECDSA(key any) (Public, bool) {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsaKey{public: k}, true
	case *ecdsa.PrivateKey:
		return ecdsaKey{&k.PublicKey, k}, true
	}
	return nil, false
}

// P256 takes an ECDSA key of the curve of ES256.
func P256(key any) (Public, bool) {
	k, ok := ECDSA(key)
	return k, ok && k.(ecdsaKey).public.Curve == elliptic.P256()
}

// RSA takes a parsed key of its family that is long enough.
func RSA(key any) (Public, bool) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return rsaKey{public: k}, k.Size() >= minRSABytes
	case *rsa.PrivateKey:
		return rsaKey{&k.PublicKey, k}, k.Size() >= minRSABytes
	}
	return nil, false
}

// Edwards takes a parsed key of Ed25519.
func Edwards(key any) (Public, bool) {
	public, ok := key.(ed25519.PublicKey)
	return ed25519Key{public: public}, ok
}

// minRSABytes is the size of a modulus below which a key is refused: 2048 bits (NIST SP 800-131A).
const minRSABytes = 2048 / 8

type ed25519Key struct {
	public  ed25519.PublicKey
	private ed25519.PrivateKey
}

// Ed25519 takes a public key of 32 bytes, or a private one of 64: its seed and the public key.
func Ed25519(key []byte) (Public, error) {
	switch len(key) {
	case ed25519.PublicKeySize:
		return ed25519Key{public: key}, nil
	case ed25519.PrivateKeySize:
		private := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
		return ed25519Key{ed25519.PublicKey(private[ed25519.SeedSize:]), private}, nil
	default:
		return nil, fmt.Errorf("an Ed25519 key is 32 bytes long, or 64 with the private half, not %d", len(key))
	}
}

func (k ed25519Key) Verify(_ crypto.Hash, message, signature []byte) bool {
	return ed25519.Verify(k.public, message, signature)
}

func (k ed25519Key) Signs() bool { return k.private != nil }

func (k ed25519Key) Sign(_ crypto.Hash, message []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errPublicOnly
	}
	return ed25519.Sign(k.private, message), nil
}

type ecdsaKey struct {
	public  *ecdsa.PublicKey
	private *ecdsa.PrivateKey
}

func (k ecdsaKey) Verify(_ crypto.Hash, digest, signature []byte) bool {
	return ecdsa.VerifyASN1(k.public, digest, signature)
}

func (k ecdsaKey) Signs() bool { return k.private != nil }

func (k ecdsaKey) Sign(_ crypto.Hash, digest []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errPublicOnly
	}
	return ecdsa.SignASN1(rand.Reader, k.private, digest)
}

type rsaKey struct {
	public  *rsa.PublicKey
	private *rsa.PrivateKey
}

func (k rsaKey) Verify(h crypto.Hash, digest, signature []byte) bool {
	return rsa.VerifyPKCS1v15(k.public, h, digest, signature) == nil
}

func (k rsaKey) Signs() bool { return k.private != nil }

func (k rsaKey) Sign(h crypto.Hash, digest []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errPublicOnly
	}
	return rsa.SignPKCS1v15(rand.Reader, k.private, h, digest)
}
