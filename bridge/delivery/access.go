package delivery

import (
	"crypto/sha256"
	"crypto/tls"
	"strings"
)

// An Access is what a sender needs, beside a request's headers, to be let in at an endpoint. It is
// made once per revision of the endpoint and never changed.
type Access struct {
	Grant *Grant // how a token is got; nil: none is needed
	TLS   *TLS   // nil: what every client does
}

// A Key tells accesses apart that must not share what a sender keeps: tokens, connections.
type Key [sha256.Size]byte

// A Grant is that of client credentials (RFC 6749, 4.4). Whoever has the same one may have the
// same token.
type Grant struct {
	TokenURL, ClientID, ClientSecret string
	Scopes                           []string
	key                              Key
}

// NewGrant makes a grant.
func NewGrant(tokenURL, clientID, clientSecret string, scopes []string) *Grant {
	return &Grant{tokenURL, clientID, clientSecret, scopes, keyOf(append([]string{tokenURL, clientID, clientSecret}, scopes...)...)}
}

// Key tells grants apart.
func (g *Grant) Key() Key { return g.key }

// TLS is how a connection is secured otherwise than every client's.
type TLS struct {
	Authorities string          // beside the system's, in PEM
	Certificate tls.Certificate // the client's; without a chain there is none
	ServerName  string          // that the certificate must be for; "": the URL's host
	key         Key
}

// NewTLS makes one. secret is what tells the certificate's key from another.
func NewTLS(authorities string, certificate tls.Certificate, secret, serverName string) *TLS {
	chain := make([]string, 0, len(certificate.Certificate)+3)
	for _, c := range certificate.Certificate {
		chain = append(chain, string(c))
	}
	return &TLS{authorities, certificate, serverName, keyOf(append(chain, authorities, secret, serverName)...)}
}

// Key tells them apart; that of a nil TLS is zero.
func (t *TLS) Key() Key {
	if t == nil {
		return Key{}
	}
	return t.key
}

// Anywhere is the same without the name, which is that of the endpoint alone.
func (t *TLS) Anywhere() *TLS {
	if t == nil || t.ServerName == "" {
		return t
	}
	return &TLS{Authorities: t.Authorities, Certificate: t.Certificate}
}

func keyOf(texts ...string) Key { return sha256.Sum256([]byte(strings.Join(texts, "\x00"))) }
