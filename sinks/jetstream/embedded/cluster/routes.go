package cluster

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"

	"github.com/nats-io/nats-server/v2/server"
)

// routeUser is what the servers of a cluster log in to one another as.
const routeUser = "hookspan"

// RoutePassword is made of a secret that serves something else too: the password tells
// nothing about it.
func RoutePassword(secret string) string {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "routes of a hookspan cluster", sha256.Size)
	if err != nil {
		panic(err) // only for a length that is not this one
	}
	return hex.EncodeToString(key)
}

// A gate lets in who knows one of the passwords. With several, secrets can be changed one
// server after the other: the one that knows both lets in the one that knows only the old.
type gate [][]byte

func newGate(secrets []string) gate {
	var g gate
	for _, secret := range secrets {
		g = append(g, []byte(RoutePassword(secret)))
	}
	return g
}

// Check implements server.Authentication.
func (g gate) Check(c server.ClientAuthentication) bool {
	given, ok := []byte(c.GetOpts().Password), 0
	for _, password := range g {
		ok |= subtle.ConstantTimeCompare(given, password)
	}
	return ok == 1
}
