package scheme

import (
	"fmt"
	"maps"

	"github.com/hookspan/hookspan/bridge/scheme/cipher"
	"github.com/hookspan/hookspan/bridge/scheme/key"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// A decryptSpec holds the AES options of a provider whose bodies are encrypted.
type decryptSpec struct {
	Cipher    string `yaml:"cipher"`
	Key       string `yaml:"key"`
	IV        string `yaml:"iv"`
	Tag       string `yaml:"tag"`
	Padding   string `yaml:"padding"`
	Container string `yaml:"container"`
	Encoding  string `yaml:"encoding"`
}

func (s *decryptSpec) options() map[string]string {
	return map[string]string{"cipher": s.Cipher, "key": s.Key, "iv": s.IV, "tag": s.Tag, "padding": s.Padding, "container": s.Container, "encoding": s.Encoding}
}

// decryption opens bodies with each secret of a source.
type decryption struct {
	scheme *cipher.Scheme
	keys   []*cipher.Key
	json   bool // the plaintext must be a JSON object
}

func (c *Compiler) decryption(spec *decryptSpec, json bool) (*decryption, error) {
	if spec == nil {
		return nil, nil
	}
	scheme, err := cipher.Parse(maps.Clone(spec.options()))
	if err != nil {
		return nil, err
	}
	d := &decryption{scheme: scheme, json: json}
	if c.Dry {
		return d, nil
	}
	for i, secret := range c.Secrets {
		phrase, err := scheme.Key(secret)
		if err != nil && len(c.Secrets) > 1 {
			err = fmt.Errorf("%w; there are %d secrets, and one phrase of several words goes into a file or a list, where spaces do not end it", err, len(c.Secrets))
		}
		if err != nil {
			return nil, &key.SecretError{Index: i, Err: err}
		}
		if len(secret) < ShortKey {
			c.Warn("key phrase %d is only %d bytes long and can be guessed; agree on one of 16 or more", i+1, len(secret))
		}
		d.keys = append(d.keys, phrase)
	}
	return d, nil
}

// Undecryptable is the one refusal for everything that can be wrong with a body behind a cipher
// that does not authenticate, so that nobody learns from it how far a forgery came.
func Undecryptable() *Refusal {
	return &Refusal{Decryption, "the body does not decrypt to what the provider sends, with the key phrases and the scheme of this source"}
}

// Open decrypts the body. Every key is tried, whether or not one has fitted before.
func (d *decryption) Open(x *Exchange) *Refusal {
	m := cipher.Message{Header: x.Request.Header, Body: x.Body()}
	if x.failure != nil {
		return x.failure
	}
	if !x.Take(3 * int64(len(m.Body))) { // decoded, decrypted, and taken out of what it is wrapped in
		return NoMemory()
	}
	accept := func(plain []byte) bool { return true }
	if d.json {
		accept = func(plain []byte) bool { return x.scanOf(plain) && x.Kind == pointer.Object }
	}
	var plain []byte
	found := false
	for _, phrase := range d.keys {
		if opened, err := phrase.Open(m, accept); err == nil && !found {
			plain, found = opened, true
		}
	}
	if !found {
		return Undecryptable()
	}
	x.DecryptedTo(plain)
	x.scanOf(plain)
	return nil
}

// seal encrypts the body of a sample.
func (d *decryption) seal(x *Exchange) error {
	m, err := d.keys[0].Seal(x.Request.Body)
	if err != nil {
		return err
	}
	x.Request.Body = m.Body
	maps.Copy(x.Request.Header, m.Header)
	return nil
}
