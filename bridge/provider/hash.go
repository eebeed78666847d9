package provider

import (
	"fmt"
	"strings"
)

// A hashSpec is a plain hash over content that holds {secret}: a construction of older
// systems, weaker than an HMAC where the secret comes first and the hash is of the
// Merkle–Damgård kind.
type hashSpec hmacSpec

func (s *hashSpec) compile(c *compiler) (scheme, error) {
	spec := (*hmacSpec)(s)
	k, err := spec.keyed(c)
	if err != nil {
		return nil, err
	}
	if !k.content.has("secret") {
		return nil, fmt.Errorf("content: a plain hash proves nothing without {secret} in it")
	}
	return plainHash(c, spec, k)
}

func plainHash(c *compiler, s *hmacSpec, k *keyed) (scheme, error) {
	fresh, err := hashNamed(s.Hash)
	if err != nil {
		return nil, err
	}
	secrets, err := c.keys(s.Keys)
	if err != nil || len(secrets) == 0 {
		return nil, err
	}
	for _, secret := range secrets {
		k.keys = append(k.keys, newKey(secret, fresh))
	}
	k.method = strings.ToUpper(hashName(s.Hash))
	return k, nil
}
