package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Access is how the brokers are reached and convinced.
type Access struct {
	Brokers []string    // host:port of some; they name the others
	TLS     *tls.Config // nil: none
	SASL    *SASL       // nil: none
	Dial    Dial        // nil: by TCP
}

// A Dial reaches a broker.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Options is what every client of ours has in common.
func (o *Access) Options() ([]kgo.Opt, error) {
	if len(o.Brokers) == 0 {
		return nil, errors.New("open the bus: Options.Brokers names no broker")
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(o.Brokers...),
		kgo.ClientID("hookspan"),
		kgo.DialTimeout(BrokerTimeout),
		kgo.RequestTimeoutOverhead(BrokerTimeout),
		// A leader that moved is found again within a fraction of a second.
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.MetadataMaxAge(30 * time.Second),
		kgo.RetryBackoffFn(func(int) time.Duration { return 100 * time.Millisecond }),
		kgo.DisableClientMetrics(),
	}
	if o.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(o.TLS.Clone()))
	}
	if o.Dial != nil {
		opts = append(opts, kgo.Dialer(o.Dial))
	}
	if o.SASL != nil {
		mechanism, err := o.SASL.mechanism()
		if err != nil {
			return nil, fmt.Errorf("open the bus: %w", err)
		}
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

// Explain says what is most likely wrong when brokers cannot be reached at all. Only what the
// brokers, or who hands out tokens, refused is for good.
func (o *Access) Explain(err error) error {
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
	case Denied(err):
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
