package roundtrip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/client"
)

// pause is the time between two tries.
const pause = 500 * time.Millisecond

// again tries until there is no error, an error that is final, or no more time: then the last error
// says why, because one that was cut short says less.
func again(ctx context.Context, try func() (final bool, err error)) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	var last error
	for {
		final, err := try()
		if err == nil || final {
			return err
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}

// reachedBy is the URL that Hookspan calls: the one that was given, once its name resolves, else
// this machine's address towards the server.
func (f *flags) reachedBy(ctx context.Context, api *client.API, r *receiver) (string, error) {
	if f.url == "" {
		return ownURL(ctx, api, r.port())
	}
	u, err := url.Parse(f.url)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", cli.Usage("--url: want a URL such as http://tester:8090/")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return f.url, nil
	}
	err = again(ctx, func() (bool, error) {
		_, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
		return false, err
	})
	if err != nil {
		return "", fmt.Errorf("the name by which Hookspan is to reach this command does not resolve: %w", err)
	}
	return f.url, nil
}

// ownURL has the address that this machine has when it speaks to the server.
func ownURL(ctx context.Context, api *client.API, port string) (string, error) {
	at := api.Server.Host
	if api.Server.Port() == "" {
		at = net.JoinHostPort(api.Server.Hostname(), "443") // any port will do
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", at) // sends nothing
	if err != nil {
		return "", fmt.Errorf("find this machine's address towards %s: %w", at, plainly(at, err))
	}
	defer func() { _ = conn.Close() }() // nothing was sent
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		return "", fmt.Errorf("read this machine's address: %w", err)
	}
	return "http://" + net.JoinHostPort(host, port) + "/", nil
}

// plainly says why a host was not reached, where the error is one that people meet.
func plainly(host string, err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the URL
	}
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var slow net.Error
	switch {
	case errors.As(err, &name):
		return fmt.Errorf("the name %s does not resolve (%w)", name.Name, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens at %s, or none of its pods is ready (%w)", host, err)
	case errors.As(err, &certificate):
		return fmt.Errorf("the certificate of %s is not one to be trusted (%w); SSL_CERT_FILE names further authorities", host, err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return fmt.Errorf("%s did not answer in time: a wrong address, or a network policy in the way (%w)", host, err)
	}
	return err
}
