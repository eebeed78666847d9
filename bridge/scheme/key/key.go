package key

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// Decode reads a secret that is written in an encoding, behind one of the prefixes or none.
func Decode(secret, encoding string, prefixes []string) (key []byte, err error) {
	for _, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(secret, prefix); ok {
			secret = rest
			break
		}
	}
	switch encoding {
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
	case "sha1":
		if secret != "" {
			sum := sha1.Sum([]byte(secret))
			key = sum[:]
		}
	default:
		return nil, fmt.Errorf("key: %q is unknown, use utf8, hex, base64 or sha1", encoding)
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

// HashNamed makes hashes by the name that files give; "" is sha256.
func HashNamed(name string) (func() hash.Hash, error) {
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

// HashName is the name of a hash that may have been left out.
func HashName(name string) string {
	if name == "" {
		return "sha256"
	}
	return name
}

// DigestNamed is a hash as the families of public keys know it, 0 for one that they do not use.
func DigestNamed(name string) crypto.Hash {
	return map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}[name]
}

// A SecretError is what is wrong with one of the secrets.
type SecretError struct {
	Index int
	Err   error
}

func (e *SecretError) Error() string { return fmt.Sprintf("secret %d: %v", e.Index+1, e.Err) }
func (e *SecretError) Unwrap() error { return e.Err }
