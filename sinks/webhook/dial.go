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

// A dialer connects for one scheme, straight or through a proxy. Names are resolved here and the
// answer itself is dialled, so that no second look-up can give another one.
type dialer struct {
	egress   *Egress
	resolver *net.Resolver
	proxy    *proxy      // nil: straight
	tls      *tls.Config // nil for plain http
	places   *places
}

// dial resolves, judges, connects and, for https, shakes hands. It has the form of a
// transport's DialContext and DialTLSContext.
func (d *dialer) dial(ctx context.Context, _, hostPort string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, fmt.Errorf("split host and port: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("read the port: %w", err)
	}
	t := trailOf(ctx)
	pl, err := d.placeOf(ctx, t, hostPort)
	if err != nil {
		return nil, err
	}
	defer t.enter(resting)
	raw, err := d.reach(ctx, t, host, uint16(port))
	if err != nil {
		pl.closed()
		return nil, err
	}
	opened := &reached{Conn: raw, trail: t, place: pl}
	conn := net.Conn(opened)
	if d.tls != nil {
		t.enter(securing)
		if conn, err = shake(ctx, d.tls, opened, host); err != nil {
			return nil, err
		}
	}
	opened.address, opened.opening = t.read()
	return conn, nil
}

// placeOf is the place that the attempt brought, or one that is waited for.
func (d *dialer) placeOf(ctx context.Context, t *trail, address string) (pl *place, err error) {
	if t.place.claim() {
		return t.place, nil
	}
	for pl == nil && err == nil { // whoever dials wants no connection that is idle
		pl, err = d.places.take(ctx, address, nil)
	}
	pl.claim()
	return pl, err
}

// reach connects to an address that the rules allow.
func (d *dialer) reach(ctx context.Context, t *trail, host string, port uint16) (net.Conn, error) {
	if d.proxy != nil && d.proxy.resolves && named(host) {
		if err := d.egress.name(host, port, d.tls != nil); err != nil {
			return nil, &failure{delivery.ReasonEgressDenied, err.Error(), err}
		}
		to := net.JoinHostPort(host, strconv.Itoa(int(port)))
		t.to(to)
		t.enter(connecting)
		return d.proxy.tunnel(ctx, to, connectTimeout)
	}
	if named(host) {
		t.enter(resolving)
	}
	addrs, err := resolve(ctx, d.resolver, host)
	if err != nil {
		return nil, err
	}
	allowed, denied := d.egress.allowed(host, addrs, port, d.tls != nil)
	if len(allowed) == 0 {
		return nil, &failure{delivery.ReasonEgressDenied, denied.Error(), denied}
	}
	t.enter(connecting)
	if d.proxy == nil {
		return dialAny(ctx, t, allowed, connectTimeout)
	}
	return d.proxy.tunnelAny(ctx, t, allowed, connectTimeout)
}

// named reports a host that is a name and no address.
func named(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil
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

func withPort(addrs []netip.Addr, port uint16) (list []netip.AddrPort) {
	for _, a := range addrs[:min(len(addrs), maxAddresses)] {
		list = append(list, netip.AddrPortFrom(a, port))
	}
	return list
}

// dialAny tries addresses one after the other.
func dialAny(ctx context.Context, t *trail, addrs []netip.AddrPort, within time.Duration) (net.Conn, error) {
	deadline := time.Now().Add(within)
	var last error
	for i, to := range addrs {
		t.to(to.String())
		// What is left is shared by those that are left, as in net.Dialer.
		one := net.Dialer{Timeout: time.Until(deadline) / time.Duration(len(addrs)-i)}
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

// shake speaks TLS from here on. The connection is closed where that fails.
func shake(ctx context.Context, conf *tls.Config, conn net.Conn, host string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, shakeTimeout)
	defer cancel()
	conf = conf.Clone()
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
