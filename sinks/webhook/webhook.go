package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/setting"
)

// Options of a Sender. The zero value calls public https addresses only.
type Options struct {
	Egress   Egress
	RootCAs  *x509.CertPool // nil: the system's
	Resolver *net.Resolver  // nil: the system's
	// Proxy is what endpoints without one of their own are reached through. The operator has
	// chosen it, so it may be anywhere.
	Proxy setting.Proxy
	// ProxyResolves: proxies that operators chose are given names, not addresses.
	ProxyResolves bool
	// Connections to endpoints at the same time, those that are kept for the next attempt among
	// them; 0: 8192.
	Connections int
	Log         *slog.Logger          // nil: none
	Metrics     prometheus.Registerer // nil: none
}

// A Sender makes attempts; it implements delivery.Sender.
type Sender struct {
	egress        Egress
	roots         *x509.CertPool
	resolver      *net.Resolver
	proxyResolves bool
	targets       targets
	through       setting.Proxy // of endpoints that name no proxy
	usual         *route        // theirs
	unusable      error         // what is wrong with their proxy
	own           routes
	tokens        *tokens
	places        *places
}

var _ delivery.Sender = (*Sender)(nil)

// New makes a Sender. Close it when the last attempt has returned.
func New(o Options) *Sender {
	s := &Sender{egress: o.Egress, roots: o.RootCAs, resolver: o.Resolver, through: o.Proxy, proxyResolves: o.ProxyResolves, tokens: newTokens()}
	s.places = newPlaces(o.Connections, o.Log, newPlaceMetrics())
	s.places.shed = s.shed
	if o.Metrics != nil {
		s.places.register(o.Metrics)
	}
	if s.resolver == nil {
		s.resolver = net.DefaultResolver
	}
	p, err := s.readProxy(o.Proxy.Open(), false)
	s.usual, s.unusable = s.newRoute(p, nil), err
	return s
}

func tlsConfig(roots *x509.CertPool, protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            roots,
		NextProtos:         protocols,
		ClientSessionCache: tls.NewLRUClientSessionCache(1024),
	}
}

// Close closes the connections that no attempt uses.
func (s *Sender) Close() {
	s.tokens.shut()
	s.usual.shut()
	s.own.shut()
}

// Send makes one attempt, as delivery.Sender says. What the endpoint did is in the
// response; a URL that was accepted once and is not any more is egress_denied.
func (s *Sender) Send(ctx context.Context, r delivery.Request) delivery.Response {
	to, err := s.targets.read(r.URL)
	if err != nil {
		return delivery.Response{Reason: delivery.ReasonEgressDenied, Detail: "the url " + err.Error()}
	}
	by, err := s.route(&r)
	if err != nil {
		return delivery.Response{Reason: delivery.ReasonProxy, Detail: "the proxy: " + err.Error()}
	}
	begun := time.Now()
	var res delivery.Response
	if r.Access != nil && r.Access.Grant != nil {
		res = s.tokens.send(ctx, by, to, &r)
	} else {
		res = by.send(ctx, to, &r)
	}
	s.places.ended(to.address, &res, time.Since(begun)-res.Waited)
	return res
}

// shed closes the connection that nobody has used for longest: of an address, or of any for "".
// It reports whether there was one.
func (s *Sender) shed(address string) bool {
	all := s.own.all(s.usual)
	var oldest *idle
	var since time.Time
	for _, r := range all {
		for _, p := range []*idle{&r.plain.idle, &r.secure.idle} {
			if at := p.oldest(address); !at.IsZero() && (oldest == nil || at.Before(since)) {
				oldest, since = p, at
			}
		}
	}
	if oldest != nil && oldest.closeOldest(address) {
		return true
	}
	before := s.places.count()
	for _, r := range all {
		if _, may := r.keeps.Load(address); may || address == "" {
			r.first.CloseIdleConnections() // it cannot be asked for one
		}
		if fewer := s.places.count() < before; fewer {
			r.keeps.Delete(address)
			return true
		}
	}
	return false
}
