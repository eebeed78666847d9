package scheme

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"strings"
)

// A keySpec says how a secret becomes a key, and which of a source's secrets are meant.
type keySpec struct {
	Key       string `yaml:"key"`        // utf8 (usual), hex or base64
	KeyPrefix List   `yaml:"key_prefix"` // taken off before decoding, where it is there
	Only      string `yaml:"only"`       // a pattern that the secret must match
	Except    string `yaml:"except"`     // a pattern that it must not match
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
		_, err := keySpec{Key: spec.Key}.decode("00")
		return [][]byte{make([]byte, 32)}, err
	}
	var keys [][]byte
	for i, secret := range c.Secrets {
		if !only.MatchString(secret) || (spec.Except != "" && except.MatchString(secret)) {
			continue
		}
		key, err := spec.decode(secret)
		if err != nil {
			return nil, &SecretError{i, err}
		}
		if len(key) < ShortKey {
			c.Warn("secret %d is only %d bytes long; ask the provider for one of 32 or more", i+1, len(key))
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// ShortKey is the length in bytes below which a secret is worth a warning.
const ShortKey = 16

func (s keySpec) decode(secret string) (key []byte, err error) {
	for _, prefix := range s.KeyPrefix {
		if rest, ok := strings.CutPrefix(secret, prefix); ok {
			secret = rest
			break
		}
	}
	switch s.Key {
	case "", "utf8":
		key = []byte(secret)
	case "hex":
		if key, err = hex.DecodeString(secret); err != nil {
			return nil, fmt.Errorf("it is not hex; this provider's secrets are")
		}
	case "base64":
		if key, err = decodeBase64(secret); err != nil {
			return nil, fmt.Errorf("it is not base64; this provider's secrets are")
		}
	default:
		return nil, fmt.Errorf("key: %q is unknown, use utf8, hex or base64", s.Key)
	}
	if len(key) == 0 {
		return nil, fmt.Errorf("it is empty")
	}
	return key, nil
}

// decodeBase64 takes a secret with or without padding.
func decodeBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(string(bytes.TrimRight([]byte(text), "=")))
}

func hashNamed(name string) (func() hash.Hash, error) {
	switch name {
	case "md5":
		return md5.New, nil
	case "sha1":
		return sha1.New, nil
	case "", "sha256":
		return sha256.New, nil
	case "sha384":
		return sha512.New384, nil
	case "sha512":
		return sha512.New, nil
	default:
		return nil, fmt.Errorf("hash: %q is unknown, use sha256, sha1, sha384, sha512 or md5", name)
	}
}
