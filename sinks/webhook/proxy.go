package webhook

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/setting"
)

// A proxy is asked to connect to where endpoints are. It is told the address that was judged
// here, so a name that leads elsewhere by then gains nothing; TLS is spoken with the endpoint,
// through it.
type proxy struct {
	scheme   string
	host     string
	port     uint16
	user     string
	password string
	login    bool
	tls      *tls.Config // to the proxy itself; nil: none
	resolver *net.Resolver
	// guard judges the proxy's own address; nil: an operator chose it.
	guard *Egress
	// resolves: it is given names, and decides where they lead.
	resolves bool
}

// readProxy returns nil for none.
func (s *Sender) readProxy(raw string, guarded bool) (*proxy, error) {
	if raw == "" || setting.Proxy(raw) == setting.NoProxy {
		return nil, nil
	}
	u, err := setting.ReadProxy(raw)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return nil, fmt.Errorf("read its port: %w", err)
	}
	p := &proxy{scheme: u.Scheme, host: u.Hostname(), port: uint16(port), resolver: s.resolver, resolves: s.proxyResolves && !guarded}
	if u.User != nil {
		p.login, p.user = true, u.User.Username()
		p.password, _ = u.User.Password()
	}
	if u.Scheme == "https" {
		p.tls = tlsConfig(s.roots, "http/1.1")
	}
	if guarded {
		p.guard = &s.egress
	}
	return p, nil
}

// broken is a fault of the proxy, not of the endpoint.
func broken(detail string, cause error) error {
	return &failure{delivery.ReasonProxy, "the proxy cannot be used: " + detail, cause}
}

// beyond is what the proxy says of the way between it and the endpoint.
func beyond(detail string, cause error) error {
	return &failure{delivery.ReasonConnect, detail, cause}
}

// tunnel connects to host:port through the proxy.
func (p *proxy) tunnel(ctx context.Context, to string, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	conn, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if p.scheme == "socks5" {
		err = p.askSOCKS(conn, to)
	} else {
		err = p.askHTTP(conn, to)
	}
	if !stop() && err == nil {
		err = beyond("the proxy did not reach the endpoint in time", ctx.Err())
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// tunnelAny tries addresses of an endpoint one after the other, as long as it is not the proxy
// that fails.
func (p *proxy) tunnelAny(ctx context.Context, t *trail, addrs []netip.AddrPort, within time.Duration) (conn net.Conn, err error) {
	deadline := time.Now().Add(within)
	for i, to := range addrs {
		t.to(to.String())
		conn, err = p.tunnel(ctx, to.String(), time.Until(deadline)/time.Duration(len(addrs)-i))
		if err == nil || ofReason(err, delivery.ReasonProxy) || ctx.Err() != nil {
			break
		}
	}
	return conn, err
}

// connect reaches the proxy itself.
func (p *proxy) connect(ctx context.Context) (net.Conn, error) {
	addrs, err := resolve(ctx, p.resolver, p.host)
	if err != nil {
		return nil, ofProxy(err)
	}
	allowed, err := p.allowed(addrs)
	if err != nil {
		return nil, err
	}
	conn, err := dialAny(ctx, new(trail), allowed, connectTimeout) // where the proxy is concerns its operator
	if err != nil {
		return nil, ofProxy(err)
	}
	if p.tls == nil {
		return conn, nil
	}
	secured, err := shake(ctx, p.tls, conn, p.host)
	if err != nil {
		return nil, ofProxy(err)
	}
	return secured, nil
}

// allowed are the proxy's addresses, which the rules for endpoints bind where one of the API's
// users has named it.
func (p *proxy) allowed(addrs []netip.Addr) ([]netip.AddrPort, error) {
	if p.guard == nil {
		return withPort(addrs, p.port), nil
	}
	allowed, denied := p.guard.allowed(p.host, addrs, p.port, p.tls != nil)
	if len(allowed) == 0 {
		return nil, broken(denied.Error(), denied)
	}
	return allowed, nil
}

// ofProxy says of a failure that it is the proxy's.
func ofProxy(err error) error {
	var f *failure
	if errors.As(err, &f) {
		return broken(f.detail, err)
	}
	return broken("no connection could be made", err)
}

// askHTTP asks by CONNECT (RFC 9110, 9.3.6).
func (p *proxy) askHTTP(conn net.Conn, to string) error {
	head := "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n"
	if p.login {
		head += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(p.user+":"+p.password)) + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return unanswered(err)
	}
	left := int64(maxHead)
	reader := bufio.NewReader(limited{conn, &left})
	for range maxHints + 1 {
		res, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
		if err != nil {
			return unanswered(err)
		}
		if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		if err := p.refusal(res.StatusCode); err != nil {
			return err
		}
		if reader.Buffered() > 0 {
			return broken("it sent something that nobody had asked for", nil)
		}
		return nil
	}
	return broken(errTooManyHints.Error(), nil)
}

// refusal is nil for a success.
func (p *proxy) refusal(status int) error {
	said := " (" + strconv.Itoa(status) + ")"
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusProxyAuthRequired && p.login:
		return broken("it refuses the login, or wants another kind than Basic"+said, nil)
	case status == http.StatusProxyAuthRequired:
		return broken("it wants a login"+said+"; give user:password@ in its URL", nil)
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable:
		return beyond("the proxy could not connect to the endpoint"+said, nil)
	case status == http.StatusGatewayTimeout:
		return beyond("nobody answered the proxy at the endpoint's address in time"+said, nil)
	}
	return broken("it refuses to connect to the endpoint"+said, nil)
}

// unanswered is a proxy that was reached and did not say what came of it. Where its time is over,
// the endpoint may as well be to blame.
func unanswered(err error) error {
	switch {
	case timedOut(err):
		return beyond("the proxy did not say in time whether it reached the endpoint", err)
	case closed(err):
		return broken("it closed the connection without an answer", err)
	case errors.Is(err, errHeadTooLong):
		return broken("its answer is too long", err)
	}
	return broken("its answer cannot be read", err)
}
