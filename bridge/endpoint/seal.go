package endpoint

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// KeyBytes is the length of a seal key.
const KeyBytes = 32

var (
	// ErrNoSealKey: there is something secret to keep and no key to seal it with.
	ErrNoSealKey = errors.New("no seal key: set HOOKSPAN_SEAL_KEY to 32 random bytes in base64")
	// ErrSealed: what was sealed cannot be opened with the keys given.
	ErrSealed = errors.New("sealed with a key that is not given")
)

// A Sealer keeps secrets from whoever can read the bus: AES-256-GCM with a random nonce, one
// key per installation and the old ones while they are still in use. It is safe for
// concurrent use. A nil Sealer has no keys.
type Sealer struct {
	keys []sealKey // newest first: the first one seals, all of them open
}

type sealKey struct {
	id   string
	aead cipher.AEAD
}

// Sealed is a secret as it lies on the bus.
type Sealed struct {
	Key  string `json:"key"`  // which key: the first bytes of its hash
	Data []byte `json:"data"` // nonce, ciphertext and tag
}

// NewSealer takes keys of 32 bytes, newest first.
func NewSealer(keys ...[]byte) (*Sealer, error) {
	s := &Sealer{}
	for i, key := range keys {
		if len(key) != KeyBytes {
			return nil, fmt.Errorf("seal key %d has %d bytes, not %d", i+1, len(key), KeyBytes)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("seal key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("seal key %d: %w", i+1, err)
		}
		sum := sha256.Sum256(append([]byte("hookspan seal key\x00"), key...))
		s.keys = append(s.keys, sealKey{id: hex.EncodeToString(sum[:6]), aead: aead})
	}
	return s, nil
}

// ParseSealer reads keys in base64, newest first, between spaces or commas. Errors never
// repeat what was given.
func ParseSealer(text string) (*Sealer, error) {
	var keys [][]byte
	for _, f := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r <= ' ' }) {
		key, err := base64.StdEncoding.DecodeString(f)
		if err != nil {
			return nil, fmt.Errorf("seal key %d is not base64: make one with `openssl rand -base64 32`", len(keys)+1)
		}
		keys = append(keys, key)
	}
	return NewSealer(keys...)
}

// Newest is the id of the key that seals, "" without a key.
func (s *Sealer) Newest() string {
	if s == nil || len(s.keys) == 0 {
		return ""
	}
	return s.keys[0].id
}

// IDs of the keys, newest first.
func (s *Sealer) IDs() (all []string) {
	if s != nil {
		for _, k := range s.keys {
			all = append(all, k.id)
		}
	}
	return all
}

func (s *Sealer) has(id string) bool { return slices.Contains(s.IDs(), id) }

// Same reports whether both have the same keys in the same order.
func (s *Sealer) Same(o *Sealer) bool { return slices.Equal(s.IDs(), o.IDs()) }

// Seal closes plain for one endpoint: opened under another endpoint's id it fails, so sealed
// texts cannot be swapped on the bus.
func (s *Sealer) Seal(endpointID string, plain []byte) (Sealed, error) {
	return s.sealWith(s.Newest(), endpointID, plain)
}

// sealWith is Seal with one of the keys; the newest where that is not given.
func (s *Sealer) sealWith(id, endpointID string, plain []byte) (Sealed, error) {
	if s.Newest() == "" {
		return Sealed{}, ErrNoSealKey
	}
	key := s.keys[max(0, slices.Index(s.IDs(), id))]
	return Sealed{Key: key.id, Data: key.aead.Seal(nil, nil, plain, binding(key.id, endpointID))}, nil
}

// Open returns what was sealed for the endpoint, or ErrSealed.
func (s *Sealer) Open(endpointID string, c Sealed) ([]byte, error) {
	if s == nil {
		s = &Sealer{}
	}
	i := slices.IndexFunc(s.keys, func(k sealKey) bool { return k.id == c.Key })
	if i < 0 {
		return nil, fmt.Errorf("open secrets of endpoint %s: %w: add the key with id %s to HOOKSPAN_SEAL_KEY, behind the newest", endpointID, ErrSealed, c.Key)
	}
	plain, err := s.keys[i].aead.Open(nil, nil, c.Data, binding(c.Key, endpointID))
	if err != nil {
		return nil, fmt.Errorf("open secrets of endpoint %s: %w, or changed on the bus (key id %s)", endpointID, ErrSealed, c.Key)
	}
	return plain, nil
}

func binding(keyID, endpointID string) []byte {
	return []byte("hookspan endpoint\x00" + keyID + "\x00" + endpointID)
}
