package scheme

import (
	"crypto/hmac"
	"crypto/subtle"
	"errors"
	"hash"
	"strings"
	"sync"

	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// An hmacSpec is a signature made with a shared secret over content.
type hmacSpec struct {
	Content contentSpec `yaml:",inline" part:"signature" doc:"What a signature covers, and where and how it is written. Without item, version and numbered it is the bare value behind its prefix, if it has one. Several lines of a header, and values between commas, are several signatures; one that fits is enough."`
	Keys    keySpec     `yaml:",inline" part:"key" doc:"How a secret becomes a key, and which of a source's secrets are meant. All of them are tried."`
	Hash    string      `yaml:"hash" words:"sha256 sha1 sha384 sha512 md5" doc:"The hash; sha256 unless it says otherwise." example:"header: X-Acme-Signature, hash: sha1"`
	URL     string      `yaml:"url" doc:"-"` // no longer used: see urlForms
	Partial bool        `yaml:"partial" doc:"The vendor signs nothing of the body, so the signature proves who sent a request, and not what was sent." example:"header: X-Acme-Signature, content: 'id:{query:id};', partial: true"`
	Whole   bool        `yaml:"whole" doc:"The content must hold the body; values of it are not enough. For content that an option gives." example:"header: X-Acme-Signature, whole: true"`
}

// A hashSpec is a plain hash over content that holds {secret}: a construction of older
// systems, weaker than an HMAC where the secret comes first and the hash is of the
// Merkle–Damgård kind.
type hashSpec hmacSpec

// Compile makes an HMAC, or a plain hash where the content itself holds the secret.
func (s *hmacSpec) Compile(c *Compiler) (Scheme, error) {
	if s.URL != "" {
		return nil, errors.New("url: leave it out; {url} is tried with and without its port by itself")
	}
	fresh, err := key.HashNamed(s.Hash)
	if err != nil {
		return nil, err
	}
	name := strings.ToUpper(key.HashName(s.Hash))
	one, err := c.signed(s.Content, "HMAC-"+name)
	if err != nil {
		return nil, err
	}
	one.whole, one.partial = s.Whole, s.Partial
	keyed := func(secret []byte) hash.Hash { return hmac.New(fresh, secret) }
	if one.content.Has("secret") {
		one.method = name
		keyed = func([]byte) hash.Hash { return fresh() }
	}
	secrets, err := c.keys(s.Keys)
	if err != nil || len(secrets) == 0 {
		return nil, err
	}
	if c.Setup.key == nil {
		c.Setup.key = secrets[0]
	}
	one.keys = newSharedKeys(secrets, keyed)
	return one, nil
}

func (s *hashSpec) Compile(c *Compiler) (Scheme, error) {
	one, err := (*hmacSpec)(s).Compile(c)
	if err == nil && one != nil && !one.signs().Has("secret") {
		return nil, errors.New("content: a plain hash proves nothing without {secret} in it")
	}
	return one, err
}

// sharedKeys are secrets that both sides have.
type sharedKeys []*sharedKey

// A sharedKey is one secret and hashes that are ready for it: a key's schedule is made once.
type sharedKey struct {
	secret []byte
	ready  sync.Pool
}

func newSharedKeys(secrets [][]byte, keyed func(secret []byte) hash.Hash) sharedKeys {
	keys := make(sharedKeys, len(secrets))
	for i, secret := range secrets {
		keys[i] = &sharedKey{secret: secret, ready: sync.Pool{New: func() any { return keyed(secret) }}}
	}
	return keys
}

// match takes the same time whichever key and signature fit.
func (k sharedKeys) match(x *Exchange, content *Template) (fits bool, missing *part) {
	match := 0
	for _, key := range k {
		sum, missing := key.sum(x, content)
		if missing != nil {
			return false, missing
		}
		for _, signature := range x.signatures {
			match |= subtle.ConstantTimeCompare(signature, sum)
		}
	}
	return match == 1, nil
}

func (k sharedKeys) sign(x *Exchange, content *Template, key int) (signature []byte, missing *part, err error) {
	signature, missing = k[key].sum(x, content)
	return signature, missing, nil
}

func (k sharedKeys) count() int { return len(k) }

func (k *sharedKey) sum(x *Exchange, content *Template) ([]byte, *part) {
	h, _ := k.ready.Get().(hash.Hash)
	defer k.ready.Put(h)
	h.Reset()
	x.secret = k.secret
	missing := content.hash(h, x)
	x.secret = nil
	if missing != nil {
		return nil, missing
	}
	x.sums = h.Sum(x.sums[:0])
	return x.sums, nil
}
