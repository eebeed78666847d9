package cipher

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"strconv"
)

const tagSize = 16

// ErrOpen is the one error of Open, whatever went wrong: a receiver that tells a bad padding
// from a bad document is a padding oracle.
var ErrOpen = errors.New("the body does not open with this secret and scheme")

// Open decrypts a message. Where the scheme does not authenticate, accept judges the
// plaintext: only what it takes is opened. It is called for a bad padding as well, so that
// both failures take the same time. Whatever fails, the error is ErrOpen.
func (k *Key) Open(m Message, accept func(plain []byte) bool) ([]byte, error) {
	p, ok := k.scheme.unwrap(m)
	if !ok {
		return nil, ErrOpen
	}
	block, iv, err := k.prepare(&p)
	if err != nil {
		return nil, ErrOpen
	}
	if k.scheme.mode == "gcm" {
		return k.openGCM(block, iv, p)
	}
	if k.scheme.container.kind == "laravel" && subtle.ConstantTimeCompare([]byte(p.mac), []byte(k.envelopeMAC(p.ivText, p.valueText))) != 1 {
		return nil, ErrOpen
	}
	plain, padded := k.scheme.decrypt(block, iv, p.text)
	if plain == nil {
		return nil, ErrOpen
	}
	if k.scheme.container.kind == "laravel" && padded {
		return unserialize(plain), nil
	}
	if accepted := accept(plain); !accepted || !padded {
		return nil, ErrOpen
	}
	return plain, nil
}

// prepare finds the block cipher and the IV of a message.
func (k *Key) prepare(p *parts) (cipher.Block, []byte, error) {
	s := k.scheme
	block, iv := k.block, p.iv
	if s.container.kind == "salted" {
		key, derived, err := k.salted(p.salt)
		if err != nil {
			return nil, nil, err
		}
		if block, err = aes.NewCipher(key); err != nil {
			return nil, nil, err
		}
		iv = derived
	}
	switch s.iv.kind {
	case "zero":
		iv = make([]byte, s.ivSize())
	case "key-prefix":
		iv = k.bytes[:s.ivSize()]
	case "fixed", "sha256-hex", "md5-hex":
		fixed, err := s.fixedIV()
		if err != nil {
			return nil, nil, err
		}
		iv = fixed
	}
	if (s.mode == "cbc" || s.mode == "ctr") && len(iv) != aes.BlockSize {
		return nil, nil, ErrOpen
	}
	return block, iv, nil
}

// decrypt returns nil for a text that no such cipher can have made.
func (s *Scheme) decrypt(block cipher.Block, iv, text []byte) (plain []byte, padded bool) {
	if s.mode == "ctr" {
		plain = make([]byte, len(text))
		cipher.NewCTR(block, iv).XORKeyStream(plain, text)
		return plain, true
	}
	if len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return nil, false
	}
	plain = make([]byte, len(text))
	if s.mode == "cbc" {
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, text)
	} else {
		for i := 0; i < len(text); i += aes.BlockSize {
			block.Decrypt(plain[i:], text[i:])
		}
	}
	if s.padding == "zero" {
		return plain[:len(plain)-zeros(plain)], true // there is nothing that could be wrong with it
	}
	n, padded := padding(plain)
	return plain[:len(plain)-n], padded
}

// zeros returns how many zero bytes fill the last block. A text that ends with its block has
// none, or, from some senders, a whole block of them.
func zeros(plain []byte) (n int) {
	for n < aes.BlockSize && n < len(plain) && plain[len(plain)-1-n] == 0 {
		n++
	}
	return n
}

// padding returns the length of the PKCS #7 padding, 0 for a bad one, in constant time.
func padding(plain []byte) (n int, ok bool) {
	last := plain[len(plain)-1]
	n = int(last)
	good := subtle.ConstantTimeLessOrEq(1, n) & subtle.ConstantTimeLessOrEq(n, aes.BlockSize)
	for i := 1; i <= aes.BlockSize; i++ {
		inside := subtle.ConstantTimeLessOrEq(i, n)
		same := subtle.ConstantTimeByteEq(plain[len(plain)-i], last)
		good &= same | (inside ^ 1)
	}
	return n * good, good == 1
}

func (k *Key) openGCM(block cipher.Block, nonce []byte, p parts) ([]byte, error) {
	if len(nonce) != 12 && len(nonce) != 16 {
		return nil, ErrOpen
	}
	aead, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil || len(p.tag) != tagSize {
		return nil, ErrOpen
	}
	sealed := append(append(make([]byte, 0, len(p.text)+tagSize), p.text...), p.tag...)
	plain, err := aead.Open(sealed[:0], nonce, sealed, nil)
	if err != nil {
		return nil, ErrOpen
	}
	if k.scheme.container.kind == "laravel" {
		plain = unserialize(plain)
	}
	return plain, nil
}

// unserialize takes PHP's s:LENGTH:"…"; off, which Laravel's encrypt puts around a text.
func unserialize(plain []byte) []byte {
	if len(plain) < 6 || plain[0] != 's' || plain[1] != ':' {
		return plain
	}
	i := 2
	for i < len(plain) && plain[i] >= '0' && plain[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(string(plain[2:i]))
	if err != nil || n < 0 || len(plain)-i != n+4 || string(plain[i:i+2]) != `:"` || string(plain[len(plain)-2:]) != `";` {
		return plain
	}
	return plain[i+2 : len(plain)-2]
}
