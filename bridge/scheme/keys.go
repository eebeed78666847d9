package scheme

import (
	"fmt"
	"regexp"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// A keySpec says how a secret becomes a key, and which of a source's secrets are meant.
type keySpec struct {
	Key       string           `yaml:"key" words:"utf8 hex base64 sha1" doc:"How the secret is written; utf8, the bytes as they are, unless it says otherwise. sha1 stands for the hash of those bytes." example:"header: X-Acme-Signature, key: base64"`
	KeyPrefix declaration.List `yaml:"key_prefix" doc:"What is taken off the front of the secret before it is decoded, where it is there." example:"header: X-Acme-Signature, key: base64, key_prefix: whsec_"`
	Only      string           `yaml:"only" doc:"A regular expression that a secret has to match to be one of this way." example:"header: X-Acme-Signature, only: ^whsec_"`
	Except    string           `yaml:"except" doc:"A regular expression that a secret must not match to be one of this way." example:"header: X-Acme-Signature, except: '^wh[ps]k_'"`
}

// keys returns the keys of all secrets that the spec means. Errors number the secret and
// never show it.
func (c *Compiler) keys(spec keySpec) ([][]byte, error) {
	only, err := regexp.Compile(spec.Only)
	if err != nil {
		return nil, fmt.Errorf("only: %w", err)
	}
	except, err := regexp.Compile(spec.Except)
	if err != nil {
		return nil, fmt.Errorf("except: %w", err)
	}
	if c.Dry {
		_, err := key.Decode("00", spec.Key, nil)
		return [][]byte{make([]byte, 32)}, err
	}
	var keys [][]byte
	for i, secret := range c.Secrets {
		if !only.MatchString(secret) || (spec.Except != "" && except.MatchString(secret)) {
			continue
		}
		k, err := key.Decode(secret, spec.Key, spec.KeyPrefix)
		if err != nil {
			return nil, &key.SecretError{Index: i, Err: err}
		}
		if len(k) < ShortKey {
			c.Warn("secret %d is only %d bytes long; ask the provider for one of 32 or more", i+1, len(k))
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// ShortKey is the length in bytes below which a secret is worth a warning.
const ShortKey = 16
