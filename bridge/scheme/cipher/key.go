package cipher

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

// A Key is a scheme with one secret. It is safe for concurrent use.
type Key struct {
	scheme *Scheme
	secret []byte
	bytes  []byte       // nil in a salted container, where each message has its own
	block  cipher.Block // likewise
}

// Key derives the key of one secret. Errors name the length that was needed, never the secret.
func (s *Scheme) Key(secret string) (*Key, error) {
	if secret == "" {
		return nil, errors.New("the secret is empty")
	}
	k := &Key{scheme: s, secret: []byte(secret)}
	if s.container.kind == "salted" {
		return k, nil
	}
	var err error
	if k.bytes, err = s.derive(k.secret); err != nil {
		return nil, err
	}
	k.block, err = aes.NewCipher(k.bytes)
	return k, err
}

func (s *Scheme) derive(secret []byte) ([]byte, error) {
	var key []byte
	switch s.key {
	case "raw":
		key = secret
	case "zero-pad":
		key = make([]byte, max(s.keySize, len(secret)))
		copy(key, secret)
	case "truncate":
		key = secret[:min(s.keySize, len(secret))]
	case "hex":
		decoded, err := hex.DecodeString(string(secret))
		if err != nil {
			return nil, errors.New("the secret is not hex, as key=hex says")
		}
		key = decoded
	case "base64":
		decoded, err := base64.StdEncoding.DecodeString(string(secret))
		if err != nil {
			return nil, errors.New("the secret is not base64, as key=base64 says")
		}
		key = decoded
	case "sha256":
		sum := sha256.Sum256(secret)
		key = sum[:s.keySize]
	case "md5":
		sum := md5.Sum(secret)
		key = sum[:]
	case "sha256-hex", "sha1-hex", "md5-hex":
		key = hexDigits(s.key, secret)[:s.keySize]
	case "mysql-fold":
		key = make([]byte, s.keySize)
		for i, c := range secret {
			key[i%s.keySize] ^= c
		}
	}
	if len(key) != s.keySize {
		return nil, fmt.Errorf("the key is %d bytes long with key=%s, aes-%d needs %d; choose another key or cipher",
			len(key), s.keyName(), s.keySize*8, s.keySize)
	}
	return key, nil
}

// hexDigits is a hash as text, which PHP's hash() and md5() return: people take it for the key,
// and openssl_encrypt cuts it to the size that it needs. nil for another rule.
func hexDigits(rule string, secret []byte) []byte {
	switch rule {
	case "sha256-hex":
		sum := sha256.Sum256(secret)
		return hex.AppendEncode(nil, sum[:])
	case "sha1-hex":
		sum := sha1.Sum(secret)
		return hex.AppendEncode(nil, sum[:])
	case "md5-hex":
		sum := md5.Sum(secret)
		return hex.AppendEncode(nil, sum[:])
	default:
		return nil
	}
}

// salted derives key and IV as OpenSSL and CryptoJS do from a passphrase.
func (k *Key) salted(salt []byte) (key, iv []byte, err error) {
	s := k.scheme
	n := s.keySize
	if s.mode != "ecb" {
		n += s.ivSize()
	}
	var out []byte
	switch s.key {
	case "evp-md5":
		out = evpBytesToKey(md5.New(), k.secret, salt, n)
	case "evp-sha256":
		out = evpBytesToKey(sha256.New(), k.secret, salt, n)
	default:
		if out, err = pbkdf2.Key(sha256.New, string(k.secret), salt, s.rounds, n); err != nil {
			return nil, nil, fmt.Errorf("derive the key: %w", err)
		}
	}
	return out[:s.keySize], out[s.keySize:], nil
}

// evpBytesToKey is OpenSSL's EVP_BytesToKey with one iteration.
func evpBytesToKey(h hash.Hash, secret, salt []byte, n int) []byte {
	var out, last []byte
	for len(out) < n {
		h.Reset()
		h.Write(last)
		h.Write(secret)
		h.Write(salt)
		last = h.Sum(nil)
		out = append(out, last...)
	}
	return out[:n]
}

// envelopeMAC is the MAC of Laravel's container, hex HMAC-SHA256 over IV and value as sent.
func (k *Key) envelopeMAC(iv, value string) string {
	h := hmac.New(sha256.New, k.bytes)
	h.Write([]byte(iv))
	h.Write([]byte(value))
	return hex.EncodeToString(h.Sum(nil))
}
