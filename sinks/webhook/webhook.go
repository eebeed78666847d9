package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// Options of a Sender. The zero value calls public https addresses only.
type Options struct {
	Egress   Egress
	RootCAs  *x509.CertPool // nil: the system's
	Resolver *net.Resolver  // nil: the system's
}

// A Sender makes attempts; it implements delivery.Sender.
type Sender struct {
	egress   Egress
	resolver *net.Resolver
	targets  targets
	plain    *direct
	secure   *direct
	// first carries the attempts to https addresses until it is known that they speak
	// HTTP/1.1, and all of those that speak HTTP/2.
	first *http.Transport
	anew  *http.Transport // the same with a connection for each request
	http1 sync.Map        // the addresses that chose HTTP/1.1
}

var _ delivery.Sender = (*Sender)(nil)

// New makes a Sender. Close it when the last attempt has returned.
func New(o Options) *Sender {
	s := &Sender{egress: o.Egress, resolver: o.Resolver}
	if s.resolver == nil {
		s.resolver = net.DefaultResolver
	}
	s.plain = newDirect(&dialer{egress: &s.egress, resolver: s.resolver})
	s.secure = newDirect(&dialer{egress: &s.egress, resolver: s.resolver, tls: tlsConfig(o.RootCAs, "http/1.1")})
	either := &dialer{egress: &s.egress, resolver: s.resolver, tls: tlsConfig(o.RootCAs, "h2", "http/1.1")}
	s.first = &http.Transport{ // no proxy, nothing unpacked
		DialTLSContext:         either.dial,
		TLSClientConfig:        either.tls,
		ForceAttemptHTTP2:      true, // a dialer of one's own turns it off
		DisableCompression:     true,
		MaxIdleConns:           8192,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHead,
	}
	s.anew = s.first.Clone()
	s.anew.DisableKeepAlives = true
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
	s.plain.idle.shut()
	s.secure.idle.shut()
	s.first.CloseIdleConnections()
}

// Send makes one attempt, as delivery.Sender says. What the endpoint did is in the
// response; a URL that was accepted once and is not any more is egress_denied.
func (s *Sender) Send(ctx context.Context, r delivery.Request) delivery.Response {
	to, err := s.targets.read(r.URL)
	if err != nil {
		return delivery.Response{Reason: delivery.ReasonEgressDenied, Detail: "the url " + err.Error()}
	}
	if !to.secure {
		return s.plain.send(ctx, to, &r)
	}
	if _, known := s.http1.Load(to.address); !known {
		return s.negotiate(ctx, to, &r)
	}
	res := s.secure.send(ctx, to, &r)
	if res.Reason == delivery.ReasonTLS {
		s.http1.Delete(to.address) // it may want HTTP/2 by now
	}
	return res
}
