package scheme

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// An ed25519Spec is a signature of Ed25519 over the content itself. A source's secret is the
// public key (32 bytes), or, for samples, the private one (its 32 byte seed and the public key).
type ed25519Spec struct {
	Content contentSpec `yaml:",inline"`
	Keys    keySpec     `yaml:",inline"`
}

// An ecdsaSpec is a signature of ECDSA over a hash, written as ASN.1 (SEC 1, X9.62). A source's
// secret is the public key; for samples, the private one.
type ecdsaSpec struct {
	Content contentSpec `yaml:",inline"`
	Hash    string      `yaml:"hash"` // sha256 (usual), sha1, sha384, sha512
}

// An rsaSpec is a signature of RSA, PKCS #1 v1.5 (RFC 8017, 8.2). Keys as with ECDSA.
type rsaSpec ecdsaSpec

// maxPublicKeySignatures is less than of an HMAC, because each one costs as much as a body of
// 100 KB does there.
const maxPublicKeySignatures = 16

// minRSABytes is the size of a modulus below which a key is refused: 2048 bits (NIST SP 800-131A).
const minRSABytes = 2048 / 8

func (s *ed25519Spec) Compile(c *Compiler) (Scheme, error) {
	one, err := c.signed(s.Content, "Ed25519")
	if err != nil {
		return nil, err
	}
	raw, err := c.keys(s.Keys)
	if err != nil || len(raw) == 0 {
		return nil, err
	}
	p := &publicKeys{}
	for i, key := range raw {
		k, err := newEd25519Key(key)
		if err != nil {
			return nil, &SecretError{i, err}
		}
		p.keys = append(p.keys, k)
	}
	one.most, one.keys = maxPublicKeySignatures, p
	return one, nil
}

func (s *ecdsaSpec) Compile(c *Compiler) (Scheme, error) {
	return hashedKeys(c, *s, "ECDSA", func(key any) (publicKey, bool) {
		switch k := key.(type) {
		case *ecdsa.PublicKey:
			return ecdsaKey{public: k}, true
		case *ecdsa.PrivateKey:
			return ecdsaKey{&k.PublicKey, k}, true
		}
		return nil, false
	})
}

func (s *rsaSpec) Compile(c *Compiler) (Scheme, error) {
	return hashedKeys(c, ecdsaSpec(*s), "RSA", func(key any) (publicKey, bool) {
		switch k := key.(type) {
		case *rsa.PublicKey:
			return rsaKey{public: k}, k.Size() >= minRSABytes
		case *rsa.PrivateKey:
			return rsaKey{&k.PublicKey, k}, k.Size() >= minRSABytes
		}
		return nil, false
	})
}

// hashedKeys compiles the families that sign a hash of the content.
func hashedKeys(c *Compiler, s ecdsaSpec, family string, fits func(any) (publicKey, bool)) (Scheme, error) {
	one, err := c.signed(s.Content, family+" with "+strings.ToUpper(hashName(s.Hash)))
	if err != nil {
		return nil, err
	}
	p := &publicKeys{digest: digestNamed(hashName(s.Hash))}
	if p.fresh, err = hashNamed(s.Hash); err != nil {
		return nil, err
	}
	if p.digest == 0 {
		return nil, fmt.Errorf("hash: %q is not used with %s", s.Hash, family)
	}
	one.most, one.keys = maxPublicKeySignatures, p
	if c.Dry {
		return one, nil
	}
	for i, secret := range c.Secrets {
		key, err := parseKey(secret)
		if err != nil {
			return nil, &SecretError{i, err}
		}
		k, ok := fits(key)
		if !ok {
			return nil, &SecretError{i, fmt.Errorf("it is no %s key that is long enough", family)}
		}
		p.keys = append(p.keys, k)
	}
	return one, nil
}

func digestNamed(name string) crypto.Hash {
	return map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}[name]
}

// parseKey reads a key in PEM, or the base64 of its DER form as it stands between the lines of
// PEM: a public key (RFC 5280 SubjectPublicKeyInfo), or a private one (PKCS #8).
func parseKey(secret string) (any, error) {
	der, err := decodeBase64(secret)
	if block, _ := pem.Decode([]byte(secret)); block != nil {
		der, err = block.Bytes, nil
	}
	if err != nil {
		return nil, errors.New("it is neither PEM nor the base64 of a key")
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	return nil, errors.New("it holds no public key (SubjectPublicKeyInfo)")
}

// publicKeys are those with which the sender's signatures are verified.
type publicKeys struct {
	digest crypto.Hash      // 0: the content itself is signed
	fresh  func() hash.Hash // nil then
	keys   []publicKey
}

// A publicKey verifies signatures of a message, and makes them where its private half is known.
type publicKey interface {
	Verify(h crypto.Hash, message, signature []byte) bool
	Sign(h crypto.Hash, message []byte) ([]byte, error)
	signs() bool
}

// message is what the sender's key has signed.
func (p *publicKeys) message(x *Exchange, content *Template) (message []byte, missing *part) {
	if p.fresh == nil {
		x.sums, missing = content.append(x.sums[:0], x)
		return x.sums, missing
	}
	h := p.fresh()
	missing = content.hash(h, x)
	x.sums = h.Sum(x.sums[:0])
	return x.sums, missing
}

func (p *publicKeys) match(x *Exchange, content *Template) (fits bool, missing *part) {
	message, missing := p.message(x, content)
	if missing != nil {
		return false, missing
	}
	for _, key := range p.keys {
		for _, signature := range x.signatures {
			if key.Verify(p.digest, message, signature) {
				return true, nil
			}
		}
	}
	return false, nil
}

func (p *publicKeys) sign(x *Exchange, content *Template, key int) (signature []byte, missing *part, err error) {
	message, missing := p.message(x, content)
	if missing != nil {
		return nil, missing, nil
	}
	signature, err = p.keys[key].Sign(p.digest, message)
	return signature, nil, err
}

func (p *publicKeys) count() int { return len(p.keys) }

type ed25519Key struct {
	public  ed25519.PublicKey
	private ed25519.PrivateKey
}

func newEd25519Key(key []byte) (ed25519Key, error) {
	switch len(key) {
	case ed25519.PublicKeySize:
		return ed25519Key{public: key}, nil
	case ed25519.PrivateKeySize:
		private := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
		return ed25519Key{ed25519.PublicKey(private[ed25519.SeedSize:]), private}, nil
	default:
		return ed25519Key{}, fmt.Errorf("an Ed25519 key is 32 bytes long, or 64 with the private half, not %d", len(key))
	}
}

func (k ed25519Key) Verify(_ crypto.Hash, message, signature []byte) bool {
	return ed25519.Verify(k.public, message, signature)
}

func (k ed25519Key) signs() bool { return k.private != nil }

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

func (k ecdsaKey) signs() bool { return k.private != nil }

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

func (k rsaKey) signs() bool { return k.private != nil }

func (k rsaKey) Sign(h crypto.Hash, digest []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errPublicOnly
	}
	return rsa.SignPKCS1v15(rand.Reader, k.private, h, digest)
}
