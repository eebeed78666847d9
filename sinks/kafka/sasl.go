package kafka

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/hookspan/hookspan/bridge/bus"
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

// explain says what is most likely wrong when brokers cannot be reached at all. Only what the
// brokers, or who hands out tokens, refused is for good.
func (o *Options) explain(err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, errNoToken):
		return fmt.Errorf("SASL %s: check client id, client secret, scopes and token URL: %w", o.SASL, err)
	case errors.Is(err, errToken):
		return fmt.Errorf("%w: SASL %s: %w", bus.ErrUnavailable, o.SASL, err)
	case errors.Is(err, kerr.SaslAuthenticationFailed) && o.SASL.Mechanism == oauthbearer:
		return fmt.Errorf("SASL %s: the brokers refused the token, check whom it is for, its issuer, its life and the clocks: %w", o.SASL, err)
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Errorf("SASL %s was refused, check user and password: %w", o.SASL, err)
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return fmt.Errorf("SASL %s: the brokers do not offer this mechanism: %w", o.SASL, err)
	case denied(err):
		return err
	case o.TLS == nil:
		return fmt.Errorf("%w: %w (no TLS is set up: do the brokers want it?)", bus.ErrUnavailable, err)
	case errors.As(err, &unknown), errors.As(err, &invalid):
		return fmt.Errorf("%w: the brokers' certificate is not one to trust, check the authorities: %w", bus.ErrUnavailable, err)
	case errors.As(err, &name):
		return fmt.Errorf("%w: the brokers' certificate is for another name, check the addresses: %w", bus.ErrUnavailable, err)
	case len(o.TLS.Certificates) == 0 && o.TLS.GetClientCertificate == nil:
		return fmt.Errorf("%w: %w (no client certificate is set up: do the brokers want one?)", bus.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
}
