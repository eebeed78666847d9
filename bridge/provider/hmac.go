package provider

import (
	"crypto/hmac"
	"crypto/subtle"
	"fmt"
	"hash"
	"strings"
	"sync"
)

// An hmacSpec is a signature made with a shared secret over content.
type hmacSpec struct {
	Signature signatureSpec `yaml:",inline"`
	Keys      keySpec       `yaml:",inline"`
	Hash      string        `yaml:"hash"`    // sha256 (usual), sha1, sha384, sha512
	Content   string        `yaml:"content"` // {body} unless it says otherwise
	URL       string        `yaml:"url"`     // no longer used: see urlForms
	Whole     bool          `yaml:"whole"`   // content must hold the body, not only values of it
}

// A keyed scheme compares signatures with sums over a content, each secret's in turn.
type keyed struct {
	*signature
	content template
	keys    []*key
	method  string // in words

	whole bool // nothing less than the body will do
	bare  bool // nothing ties a body to the signature, so there must be none
}

// A key is one secret and hashes that are ready for it.
type key struct {
	secret []byte
	ready  sync.Pool
}

func newKey(secret []byte, fresh func() hash.Hash) *key {
	return &key{secret: secret, ready: sync.Pool{New: func() any { return fresh() }}}
}

// compile makes an HMAC, or a plain hash where the content itself holds the secret.
func (s *hmacSpec) compile(c *compiler) (scheme, error) {
	k, err := s.keyed(c)
	if err != nil || k == nil {
		return nil, err
	}
	if k.content.has("secret") {
		return plainHash(c, s, k)
	}
	fresh, err := hashNamed(s.Hash)
	if err != nil {
		return nil, err
	}
	secrets, err := c.keys(s.Keys)
	if err != nil || len(secrets) == 0 {
		return nil, err
	}
	for _, secret := range secrets {
		k.keys = append(k.keys, newKey(secret, func() hash.Hash { return hmac.New(fresh, secret) }))
	}
	k.method = "HMAC-" + strings.ToUpper(hashName(s.Hash))
	return k, nil
}

func hashName(name string) string {
	if name == "" {
		return "sha256"
	}
	return name
}

// keyed compiles what HMAC and plain hash have in common.
func (s *hmacSpec) keyed(c *compiler) (*keyed, error) {
	k := &keyed{whole: s.Whole}
	var err error
	if k.signature, err = c.signature(s.Signature); err != nil {
		return nil, err
	}
	content := s.Content
	if content == "" {
		content = "{body}"
	}
	if k.content, err = c.template(content); err != nil {
		return nil, err
	}
	if s.URL != "" {
		return nil, fmt.Errorf("url: leave it out; {url} is tried with and without its port by itself")
	}
	return k, nil
}

func (k *keyed) verify(x *exchange) *Refusal {
	if k.bare && len(x.req.Body) > 0 {
		return &Refusal{BadSignature, "the signature covers " + k.content.String() + ", so there must be no body"}
	}
	if refusal := k.read(x); refusal != nil {
		return refusal
	}
	match := 0
	missing := x.eachURL(k.content, func() (fits bool, missing *part) {
		before := match
		for _, key := range k.keys {
			sum, missing := k.sum(x, key)
			if missing != nil {
				return false, missing
			}
			for _, signature := range x.signatures {
				match |= subtle.ConstantTimeCompare(signature, sum)
			}
		}
		return match != before, nil
	})
	if missing != nil {
		return uncovered(missing)
	}
	if match == 0 {
		return k.unmatched(x, k.method, k.content)
	}
	return nil
}

// uncovered is the refusal of a request that lacks a part of what is signed.
func uncovered(missing *part) *Refusal {
	return &Refusal{NoSignature, "the signature covers the " + missing.String() + ", which is missing"}
}

func (k *keyed) sum(x *exchange, key *key) ([]byte, *part) {
	h, _ := key.ready.Get().(hash.Hash)
	defer key.ready.Put(h)
	h.Reset()
	x.secret = key.secret
	missing := k.content.hash(h, x)
	x.secret = nil
	if missing != nil {
		return nil, missing
	}
	x.sums = h.Sum(x.sums[:0])
	return x.sums, nil
}

func (k *keyed) sign(x *exchange) error {
	signItems(x, k.content)
	for _, p := range k.content.parts {
		if p.kind == "header" && x.header(p.arg) == "" {
			x.req.Header.Set(p.arg, newUUID())
		}
	}
	sum, missing := k.sum(x, k.keys[0])
	if missing != nil {
		return fmt.Errorf("sign: the content needs the %s", missing)
	}
	return k.write(x, sum)
}

func (k *keyed) signs() *template { return &k.content }

func (k *keyed) describe() string {
	return k.method + " over " + k.content.String() + ", written " + k.signature.describe()
}
