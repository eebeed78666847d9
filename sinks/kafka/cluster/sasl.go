package cluster

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const oauthbearer = "oauthbearer"

// SASL is how we prove to the brokers who we are. It prints without its secrets.
type SASL struct {
	Mechanism      string // plain, scram-sha-256, scram-sha-512 or oauthbearer
	User, Password string // of all but oauthbearer

	// Of oauthbearer: where a token is had for the client's id and secret (RFC 6749, 4.4).
	TokenURL               string
	ClientID, ClientSecret string
	Scopes                 []string
}

// String names the mechanism and who we say we are.
func (s SASL) String() string {
	who := s.User
	if s.Mechanism == oauthbearer {
		who = s.ClientID
	}
	return fmt.Sprintf("%s as %q", s.Mechanism, who)
}

// GoString is String.
func (s SASL) GoString() string { return s.String() }

func (s *SASL) mechanism() (sasl.Mechanism, error) {
	if s.Mechanism == oauthbearer {
		if u, err := url.Parse(s.TokenURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, errors.New("SASL oauthbearer: the token URL must be an http or https URL")
		}
		if s.ClientID == "" || s.ClientSecret == "" {
			return nil, errors.New("SASL oauthbearer: client id and client secret are needed")
		}
		return newTokens(s).mechanism(), nil
	}
	if s.User == "" || s.Password == "" {
		return nil, fmt.Errorf("SASL %s: user and password are needed", s.Mechanism)
	}
	switch s.Mechanism {
	case "plain":
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case "scram-sha-256":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case "scram-sha-512":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("SASL mechanism %q: want plain, scram-sha-256, scram-sha-512 or oauthbearer", s.Mechanism)
}
