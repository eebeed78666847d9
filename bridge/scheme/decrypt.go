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
	Cipher    string `yaml:"cipher" words:"aes-256-cbc aes-192-cbc aes-128-cbc aes-256-ecb aes-192-ecb aes-128-ecb aes-256-ctr aes-192-ctr aes-128-ctr aes-256-gcm aes-192-gcm aes-128-gcm" doc:"The variant of AES; aes-256-cbc unless it says otherwise." example:"cipher: aes-128-cbc"`
	Key       string `yaml:"key" doc:"How the secret becomes the key: raw, zero-pad, truncate, hex, base64, sha256, md5, sha256-hex, sha1-hex, md5-hex (the digits of the hash, cut to the key's size), mysql-fold, evp-md5, evp-sha256 or pbkdf2(rounds); raw unless it says otherwise, evp-md5 with container salted." example:"cipher: aes-256-cbc, key: sha256"`
	IV        string `yaml:"iv" doc:"Where the initialization vector is: none, zero, prefix16, prefix12, key-prefix, fixed:value, sha256-hex:phrase, md5-hex:phrase, header:Name, json:path, after:: or derived. Unless it says otherwise it is in front of the ciphertext, 12 bytes with gcm and 16 with cbc and ctr." example:"cipher: aes-256-cbc, iv: 'header:X-Acme-IV'"`
	Tag       string `yaml:"tag" doc:"Where the tag of gcm is: suffix, after-iv, header:Name or json:path; suffix unless it says otherwise." example:"cipher: aes-256-gcm, tag: after-iv"`
	Padding   string `yaml:"padding" words:"pkcs7 zero" doc:"What fills the last block of cbc and ecb; pkcs7 unless it says otherwise." example:"cipher: aes-256-cbc, padding: zero"`
	Container string `yaml:"container" doc:"What holds the ciphertext: raw, json-string, json:path, form:field, laravel or salted; raw unless it says otherwise." example:"cipher: aes-256-cbc, container: 'json:/payload'"`
	Encoding  string `yaml:"encoding" words:"base64 base64url hex base64x2" doc:"How the ciphertext is written; base64 unless it says otherwise." example:"cipher: aes-256-cbc, encoding: hex"`
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
