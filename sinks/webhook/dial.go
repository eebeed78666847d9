package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

const (
	resolveTimeout = 5 * time.Second
	connectTimeout = 10 * time.Second // over all addresses of a host
	shakeTimeout   = 10 * time.Second
	maxAddresses   = 8 // of a host that are tried
)

// A failure is an attempt's end before there was a connection, or an address that must not
// be called. Detail never holds what the other side said.
type failure struct {
	reason delivery.Reason
	detail string
	cause  error
}

func (f *failure) Error() string { return string(f.reason) + ": " + f.detail }
func (f *failure) Unwrap() error { return f.cause }

// A dialer connects for one scheme. Names are resolved here and the answer itself is
// dialled, so that no second look-up can give another one.
type dialer struct {
	egress   *Egress
	resolver *net.Resolver
	tls      *tls.Config // nil for plain http
}

// dial resolves, judges, connects and, for https, shakes hands. It has the form of a
// transport's DialTLSContext.
func (d *dialer) dial(ctx context.Context, _, hostPort string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, fmt.Errorf("split host and port: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("read the port: %w", err)
	}
	addrs, err := resolve(ctx, d.resolver, host)
	if err != nil {
		return nil, err
	}
	conn, err := d.connect(ctx, host, addrs, uint16(port))
	if err != nil || d.tls == nil {
		return conn, err
	}
	return d.handshake(ctx, conn, host)
}

// resolve returns a host's addresses, both families by turns, so that a family without a
// route costs one try.
func resolve(ctx context.Context, r *net.Resolver, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	found, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, resolveFailure(err)
	}
	var v4, v6, both []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	for i := range max(len(v4), len(v6)) {
		if i < len(v6) {
			both = append(both, v6[i])
		}
		if i < len(v4) {
			both = append(both, v4[i])
		}
	}
	if len(both) == 0 {
		return nil, &failure{delivery.ReasonDNS, "the host has no address", nil}
	}
	return both, nil
}

func resolveFailure(err error) error {
	detail := "the host could not be resolved"
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		detail = "the host does not exist"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &dns) && dns.IsTimeout:
		detail = "the name servers did not answer in time"
	}
	return &failure{delivery.ReasonDNS, detail, err}
}

// connect tries the addresses that the rules allow, one after the other.
func (d *dialer) connect(ctx context.Context, host string, addrs []netip.Addr, port uint16) (net.Conn, error) {
	var allowed []netip.AddrPort
	var denied error
	for _, a := range addrs {
		to := netip.AddrPortFrom(a, port)
		if err := d.egress.address(host, to, d.tls != nil); err != nil {
			denied = err
		} else if allowed = append(allowed, to); len(allowed) == maxAddresses {
			break
		}
	}
	if len(allowed) == 0 {
		return nil, &failure{delivery.ReasonEgressDenied, denied.Error(), denied}
	}
	deadline := time.Now().Add(connectTimeout)
	var last error
	for i, to := range allowed {
		// What is left is shared by those that are left, as in net.Dialer.
		one := net.Dialer{Timeout: time.Until(deadline) / time.Duration(len(allowed)-i)}
		conn, err := one.DialTCP(ctx, "tcp", netip.AddrPort{}, to)
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, connectFailure(last)
}

func connectFailure(err error) error {
	detail := "no connection could be made"
	if refused(err) {
		detail = "the connection was refused"
	} else if timedOut(err) {
		detail = "nobody answered at the address in time"
	}
	return &failure{delivery.ReasonConnect, detail, err}
}

func (d *dialer) handshake(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, shakeTimeout)
	defer cancel()
	conf := d.tls.Clone()
	if conf.ServerName == "" {
		conf.ServerName = host
	}
	secured := tls.Client(conn, conf)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &failure{delivery.ReasonTLS, tlsDetail(err), err}
	}
	return secured, nil
}
