package provider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// An ecdsaSpec is a signature of ECDSA, written as ASN.1 (SEC 1, X9.62). A source's secret is
// the public key; for samples, the private one.
type ecdsaSpec struct {
	Signature signatureSpec `yaml:",inline"`
	Hash      string        `yaml:"hash"`    // sha256 (usual), sha1, sha384, sha512
	Content   string        `yaml:"content"` // {body} unless it says otherwise
}

// An rsaSpec is a signature of RSA, PKCS #1 v1.5 (RFC 8017, 8.2). Keys as with ECDSA.
type rsaSpec ecdsaSpec

func (s *ecdsaSpec) compile(c *compiler) (scheme, error) {
	return publicKeyScheme(c, *s, "ECDSA", func(key any) (signatureKey, bool) {
		switch k := key.(type) {
		case *ecdsa.PublicKey:
			return ecdsaKey{public: k}, true
		case *ecdsa.PrivateKey:
			return ecdsaKey{&k.PublicKey, k}, true
		}
		return nil, false
	})
}

func (s *rsaSpec) compile(c *compiler) (scheme, error) {
	return publicKeyScheme(c, ecdsaSpec(*s), "RSA", func(key any) (signatureKey, bool) {
		switch k := key.(type) {
		case *rsa.PublicKey:
			return rsaKey{public: k}, k.Size() >= minRSABytes
		case *rsa.PrivateKey:
			return rsaKey{&k.PublicKey, k}, k.Size() >= minRSABytes
		}
		return nil, false
	})
}

// minRSABytes is the size of a modulus below which a key is refused: 2048 bits (NIST SP 800-131A).
const minRSABytes = 2048 / 8

// A signatureKey verifies signatures over a digest, and makes them where it is a private key.
type signatureKey interface {
	verify(h crypto.Hash, digest, signature []byte) bool
	sign(h crypto.Hash, digest []byte) ([]byte, error)
}

// errPublicOnly: a public key signs nothing.
var errPublicOnly = errors.New("sign: the secret is a public key; a sample needs the private one")

type ecdsaKey struct {
	public  *ecdsa.PublicKey
	private *ecdsa.PrivateKey
}

func (k ecdsaKey) verify(_ crypto.Hash, digest, signature []byte) bool {
	return ecdsa.VerifyASN1(k.public, digest, signature)
}

func (k ecdsaKey) sign(_ crypto.Hash, digest []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errPublicOnly
	}
	return ecdsa.SignASN1(rand.Reader, k.private, digest)
}

type rsaKey struct {
	public  *rsa.PublicKey
	private *rsa.PrivateKey
}

func (k rsaKey) verify(h crypto.Hash, digest, signature []byte) bool {
	return rsa.VerifyPKCS1v15(k.public, h, digest, signature) == nil
}

func (k rsaKey) sign(h crypto.Hash, digest []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errPublicOnly
	}
	return rsa.SignPKCS1v15(rand.Reader, k.private, h, digest)
}

// publicKeys compares signatures with a digest of the content, under each key in turn.
type publicKeys struct {
	*signature
	content template
	method  string // in words
	digest  crypto.Hash
	fresh   func() hash.Hash
	keys    []signatureKey
}

func publicKeyScheme(c *compiler, s ecdsaSpec, family string, fits func(any) (signatureKey, bool)) (scheme, error) {
	p := &publicKeys{method: family + " with " + strings.ToUpper(hashName(s.Hash))}
	var err error
	if p.signature, err = c.signature(s.Signature); err != nil {
		return nil, err
	}
	p.most = maxPublicKeySignatures
	content := s.Content
	if content == "" {
		content = "{body}"
	}
	if p.content, err = c.template(content); err != nil {
		return nil, err
	}
	if p.fresh, err = hashNamed(s.Hash); err != nil {
		return nil, err
	}
	if p.digest = digestNamed(hashName(s.Hash)); p.digest == 0 {
		return nil, fmt.Errorf("hash: %q is not used with %s", s.Hash, family)
	}
	if c.dry {
		return p, nil
	}
	for i, secret := range c.secrets {
		key, err := parseKey(secret)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		k, ok := fits(key)
		if !ok {
			return nil, fmt.Errorf("secret %d: it is no %s key that is long enough", i+1, family)
		}
		p.keys = append(p.keys, k)
	}
	return p, nil
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

func (p *publicKeys) sum(x *exchange) ([]byte, *part) {
	h := p.fresh()
	missing := p.content.hash(h, x)
	return h.Sum(nil), missing
}

func (p *publicKeys) verify(x *exchange) *Refusal {
	if refusal := p.read(x); refusal != nil {
		return refusal
	}
	signatures := x.signatures
	digest, missing := p.sum(x)
	if missing != nil {
		return uncovered(missing)
	}
	for _, key := range p.keys {
		for _, signature := range signatures {
			if key.verify(p.digest, digest, signature) {
				return nil
			}
		}
	}
	return p.unmatched(x, p.method, p.content)
}

func (p *publicKeys) sign(x *exchange) error {
	signItems(x, p.content)
	digest, missing := p.sum(x)
	if missing != nil {
		return fmt.Errorf("sign: the content needs the %s", missing)
	}
	signature, err := p.keys[0].sign(p.digest, digest)
	if err != nil {
		return err
	}
	return p.write(x, signature)
}

func (p *publicKeys) signs() *template { return &p.content }

func (p *publicKeys) describe() string {
	return p.method + " over " + p.content.String() + ", written " + p.signature.describe()
}
