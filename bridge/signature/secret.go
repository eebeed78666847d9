package signature

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

const (
	secretPrefix  = "whsec_"
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"

	// MinKey is the shortest key, in bytes, that signs where the scheme sets no length.
	MinKey = 16
)

// A secretForm is what the secrets of a scheme look like: read returns one as the engine takes it,
// make makes a new one, says tells a person how to.
type secretForm struct {
	read   func(field, secret, encoding string) (string, error)
	make   func() string
	says   string
	public func(secret string) (string, error) // the key that others verify with; nil where there is none
}

// secretForms are listed by the word that a file says of its secret; a scheme that signs nothing says none.
var secretForms = map[string]secretForm{
	"whsec": {readStandard, newStandardSecret, secretPrefix + " and the output of openssl rand -base64 32", nil},
	"whsk":  {readEd25519, newEd25519Secret, privatePrefix + " and an Ed25519 seed of 32 bytes in base64", publicEd25519},
	"text":  {readText, newTextSecret, "the output of openssl rand -hex 32", nil},
}

// NeedsSecret reports whether a scheme signs with a secret.
func NeedsSecret(name string) bool {
	if strings.HasPrefix(name, ofProvider) {
		return true
	}
	f := files()[name]
	return f != nil && f.Secret != "none"
}

// SecretForm says how a secret of a scheme is written.
func SecretForm(name string) string {
	if f := files()[name]; f != nil {
		return secretForms[f.Secret].says
	}
	return "the one that its receiver verifies with"
}

// GenerateSecret makes a random secret that Compile takes for the scheme, "" when it needs none,
// or one that a provider gives.
func GenerateSecret(name string) string {
	if f := files()[name]; f != nil && f.Secret != "none" {
		return secretForms[f.Secret].make()
	}
	return ""
}

// readStandard reads a Standard Webhooks secret.
func readStandard(field, secret, _ string) (string, error) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return "", fieldErrorf(field, "must be %s and the base64 of 24 to 64 bytes; leave it out and one is made", secretPrefix)
	}
	return secret, nil
}

// readEd25519 reads a private key: the seed and the public key, or the seed alone.
func readEd25519(field, secret, _ string) (string, error) {
	key, err := ed25519Key(field, secret)
	return privatePrefix + base64.StdEncoding.EncodeToString(key), err
}

func ed25519Key(field, secret string) (ed25519.PrivateKey, error) {
	wrong := fieldErrorf(field, "must be %s and the base64 of an Ed25519 private key, 64 bytes or the 32 of its seed; leave it out and one is made", privatePrefix)
	text, ok := strings.CutPrefix(secret, privatePrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || (len(key) != ed25519.SeedSize && len(key) != ed25519.PrivateKeySize) {
		return nil, wrong
	}
	private := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
	if len(key) == ed25519.PrivateKeySize && !private.Equal(ed25519.PrivateKey(key)) {
		return nil, wrong // the public half is another key's, and would leak this one
	}
	return private, nil
}

// readText reads a secret of a scheme that prescribes no form.
func readText(field, secret, encoding string) (string, error) {
	key, err := []byte(secret), error(nil)
	switch encoding {
	case "hex":
		key, err = hex.DecodeString(secret)
	case "base64":
		key, err = base64.StdEncoding.DecodeString(secret)
	}
	if err != nil {
		return "", fieldErrorf(field, "is not %s, as the option key_encoding says", encoding)
	}
	if len(key) < MinKey {
		return "", fieldErrorf(field, "is %d bytes long, %d is the least", len(key), MinKey)
	}
	return secret, nil
}

// PublicKey is what others verify a scheme's signatures with, "" where that is the secret itself.
func PublicKey(name, secret string) (string, error) {
	f := files()[name]
	if f == nil || secretForms[f.Secret].public == nil {
		return "", nil
	}
	return secretForms[f.Secret].public(secret)
}

// publicEd25519 returns the whpk_ of a whsk_.
func publicEd25519(secret string) (string, error) {
	key, err := ed25519Key("secrets", secret)
	if err != nil {
		return "", err
	}
	return publicPrefix + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)), nil
}

func newStandardSecret() string {
	return secretPrefix + base64.StdEncoding.EncodeToString(random(32))
}

func newEd25519Secret() string {
	return privatePrefix + base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed(random(ed25519.SeedSize)))
}

// newTextSecret is hex, which reads as every key encoding.
func newTextSecret() string { return hex.EncodeToString(random(32)) }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
