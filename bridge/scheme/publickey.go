package scheme

import (
	"crypto"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// An ed25519Spec is a signature of Ed25519 over the content itself. A source's secret is the
// public key (32 bytes), or, for samples, the private one (its 32 byte seed and the public key).
type ed25519Spec struct {
	Content   contentSpec    `yaml:",inline" part:"signature"`
	Keys      keySpec        `yaml:",inline" part:"key"`
	Published *publishedSpec `yaml:"published" doc:"Where the sender publishes its public keys, for sources that have none as a secret." example:"header: X-Acme-Signature, published: {url: 'https://keys.acme.example/jwks'}"`
}

// An ecdsaSpec is a signature of ECDSA over a hash, written as ASN.1 (SEC 1, X9.62). A source's
// secret is the public key; for samples, the private one.
type ecdsaSpec struct {
	Content   contentSpec    `yaml:",inline" part:"signature"`
	Hash      string         `yaml:"hash" words:"sha256 sha1 sha384 sha512" doc:"The hash; sha256 unless it says otherwise." example:"header: X-Acme-Signature, hash: sha512"`
	Published *publishedSpec `yaml:"published" doc:"Where the sender publishes its public keys, for sources that have none as a secret." example:"header: X-Acme-Signature, published: {url: 'https://keys.acme.example/jwks'}"`
}

// An rsaSpec is a signature of RSA, PKCS #1 v1.5 (RFC 8017, 8.2). Keys as with ECDSA.
type rsaSpec ecdsaSpec

// maxPublicKeySignatures is less than of an HMAC, because each one costs as much as a body of
// 100 KB does there.
const maxPublicKeySignatures = 16

func (s *ed25519Spec) Compile(c *Compiler) (Scheme, error) {
	one, err := c.signed(s.Content, "Ed25519")
	if err != nil {
		return nil, err
	}
	p := &publicKeys{}
	one.most, one.keys = maxPublicKeySignatures, p
	if s.Published != nil {
		if p.published, err = c.published(s.Published, "Ed25519", key.Edwards); err != nil || len(c.Secrets) == 0 {
			return one, err
		}
	}
	raw, err := c.keys(s.Keys)
	if err != nil || len(raw) == 0 {
		return nil, err
	}
	for i, secret := range raw {
		k, err := key.Ed25519(secret)
		if err != nil {
			return nil, &key.SecretError{Index: i, Err: err}
		}
		p.keys = append(p.keys, k)
	}
	return one, nil
}

func (s *ed25519Spec) publishes() bool { return s.Published != nil }
func (s *ecdsaSpec) publishes() bool   { return s.Published != nil }
func (s *rsaSpec) publishes() bool     { return s.Published != nil }

func (s *ecdsaSpec) Compile(c *Compiler) (Scheme, error) {
	return hashedKeys(c, *s, "ECDSA", key.ECDSA)
}

func (s *rsaSpec) Compile(c *Compiler) (Scheme, error) {
	return hashedKeys(c, ecdsaSpec(*s), "RSA", key.RSA)
}

// hashedKeys compiles the families that sign a hash of the content.
func hashedKeys(c *Compiler, s ecdsaSpec, family string, fits func(any) (key.Public, bool)) (Scheme, error) {
	one, err := c.signed(s.Content, family+" with "+strings.ToUpper(key.HashName(s.Hash)))
	if err != nil {
		return nil, err
	}
	p := &publicKeys{digest: key.DigestNamed(key.HashName(s.Hash))}
	if p.fresh, err = key.HashNamed(s.Hash); err != nil {
		return nil, err
	}
	if p.digest == 0 {
		return nil, fmt.Errorf("hash: %q is not used with %s", s.Hash, family)
	}
	one.most, one.keys = maxPublicKeySignatures, p
	if s.Published != nil {
		if p.published, err = c.published(s.Published, family, fits); err != nil {
			return nil, err
		}
	}
	if c.Dry {
		return one, nil
	}
	p.keys, err = c.parsedKeys(family, fits)
	return one, err
}

// parsedKeys are the secrets as keys of a family.
func (c *Compiler) parsedKeys(family string, fits func(any) (key.Public, bool)) (keys []key.Public, err error) {
	for i, secret := range c.Secrets {
		parsed, err := key.Parse(secret)
		if err != nil {
			return nil, &key.SecretError{Index: i, Err: err}
		}
		k, ok := fits(parsed)
		if !ok {
			return nil, &key.SecretError{Index: i, Err: fmt.Errorf("it is no %s key that is long enough", family)}
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// publicKeys are those with which the sender's signatures are verified.
type publicKeys struct {
	digest    crypto.Hash      // 0: the content itself is signed
	fresh     func() hash.Hash // nil then
	keys      []key.Public     // that the source pins
	published *publishing      // where there are none
}

// of are the keys that may have signed a request.
func (p *publicKeys) of(x *Exchange) ([]key.Public, *Refusal) {
	if len(p.keys) > 0 || p.published == nil {
		return p.keys, nil
	}
	return p.published.of(x, "")
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
	keys, refusal := p.of(x)
	x.unkeyed = refusal
	for _, one := range keys {
		for _, signature := range x.signatures {
			if one.Verify(p.digest, message, signature) {
				return true, nil
			}
		}
	}
	return false, nil
}

func (p *publicKeys) sign(x *Exchange, content *Template, key int) (signature []byte, missing *part, err error) {
	if key >= len(p.keys) {
		return nil, nil, errors.New("sign: it takes the sender's private key as the secret")
	}
	message, missing := p.message(x, content)
	if missing != nil {
		return nil, missing, nil
	}
	signature, err = p.keys[key].Sign(p.digest, message)
	return signature, nil, err
}

func (p *publicKeys) count() int { return len(p.keys) }
