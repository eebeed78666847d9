package provider

import (
	"crypto/ed25519"
	"errors"
	"fmt"
)

// An ed25519Spec is a signature made with the provider's private key. A source's secret is
// the public key (32 bytes), or, for samples, the private one (its 32 byte seed and the
// public key).
type ed25519Spec struct {
	Signature signatureSpec `yaml:",inline"`
	Keys      keySpec       `yaml:",inline"`
	Content   string        `yaml:"content"`
}

// maxPublicKeySignatures is less than of an HMAC, because each one costs as much as a body of
// 100 KB does there.
const maxPublicKeySignatures = 16

type ed25519Scheme struct {
	*signature
	content template
	public  []ed25519.PublicKey
	private ed25519.PrivateKey // of the first secret, nil when that is a public key
}

func (s *ed25519Spec) compile(c *compiler) (scheme, error) {
	e := &ed25519Scheme{}
	var err error
	if e.signature, err = c.signature(s.Signature); err != nil {
		return nil, err
	}
	e.most = maxPublicKeySignatures
	if e.content, err = c.template(s.Content); err != nil {
		return nil, err
	}
	keys, err := c.keys(s.Keys)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	for i, key := range keys {
		switch len(key) {
		case ed25519.PublicKeySize:
			e.public = append(e.public, key)
		case ed25519.PrivateKeySize:
			private := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
			e.public = append(e.public, ed25519.PublicKey(private[ed25519.SeedSize:]))
			if i == 0 {
				e.private = private
			}
		default:
			return nil, fmt.Errorf("an Ed25519 key is 32 bytes long, or 64 with the private half, not %d", len(key))
		}
	}
	return e, nil
}

func (e *ed25519Scheme) verify(x *exchange) *Refusal {
	if refusal := e.read(x); refusal != nil {
		return refusal
	}
	match := false
	missing := x.eachURL(e.content, func() (fits bool, missing *part) {
		content, missing := e.content.append(x.sums[:0], x)
		if missing != nil {
			return false, missing
		}
		for _, public := range e.public {
			for _, signature := range x.signatures {
				fits = ed25519.Verify(public, content, signature) || fits
			}
		}
		match = match || fits
		return fits, nil
	})
	if missing != nil {
		return uncovered(missing)
	}
	if !match {
		return e.unmatched(x, "Ed25519", e.content)
	}
	return nil
}

func (e *ed25519Scheme) sign(x *exchange) error {
	if e.private == nil {
		return errors.New("sign: the secret is a public key; a sample needs the private one")
	}
	signItems(x, e.content)
	content, missing := e.content.append(nil, x)
	if missing != nil {
		return fmt.Errorf("sign: the content needs the %s", missing)
	}
	return e.write(x, ed25519.Sign(e.private, content))
}

func (e *ed25519Scheme) signs() *template { return &e.content }

func (e *ed25519Scheme) describe() string {
	return "Ed25519 over " + e.content.String() + ", written " + e.signature.describe()
}
