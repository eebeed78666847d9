package scheme

import (
	"fmt"
	"regexp"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// A keySpec says how a secret becomes a key, and which of a source's secrets are meant.
type keySpec struct {
	Key       string           `yaml:"key"`        // utf8 (usual), hex or base64
	KeyPrefix declaration.List `yaml:"key_prefix"` // taken off before decoding, where it is there
	Only      string           `yaml:"only"`       // a pattern that the secret must match
	Except    string           `yaml:"except"`     // a pattern that it must not match
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
