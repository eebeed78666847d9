// Package providertest has secrets for tests that go through many providers: each of them takes
// one of the forms that are made here.
package providertest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"sync"
)

// Secrets are invented ones, commonest form first: text, a key phrase as long as a key of AES,
// base64 behind whsec_, hex, and private keys of Ed25519, ECDSA and RSA as vendors write them.
// They are made once.
var Secrets = sync.OnceValue(func() []string {
	seed := sha256.Sum256([]byte("an invented key"))
	pair := ed25519.NewKeyFromSeed(seed[:])
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	factors, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return []string{
		"an invented shared secret", "ThirtyTwoCharactersOfAKeyPhrase1",
		"whsec_" + base64.StdEncoding.EncodeToString(seed[:]), hex.EncodeToString(seed[:16]),
		hex.EncodeToString(pair), base64.StdEncoding.EncodeToString(pair), pkcs8(curve), pkcs8(factors),
	}
})

func pkcs8(key any) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}
