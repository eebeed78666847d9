package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

const (
	routesKept = 256              // before those that nobody uses are closed
	routeKept  = 10 * time.Minute // since its last attempt
	sessions   = 16               // of TLS that a route of one endpoint resumes
)

// A way is how endpoints are reached: those with the same one may share connections.
type way struct {
	tls delivery.Key
}

// A route makes attempts along one way, on connections that no other way uses.
type route struct {
	plain  *direct
	secure *direct
	// first carries the attempts to https addresses until it is known that they speak
	// HTTP/1.1, and all of those that speak HTTP/2.
	first  *http.Transport
	anew   *http.Transport // the same with a connection for each request
	grants *http.Transport // to token endpoints, by the same rules
	http1  sync.Map        // the addresses that chose HTTP/1.1
	used   atomic.Int64    // seconds of the last attempt
}

// newRoute makes one; a nil t asks for nothing of its own.
func (s *Sender) newRoute(t *delivery.TLS) *route {
	along := func(secured *tls.Config) *dialer {
		return &dialer{egress: &s.egress, resolver: s.resolver, tls: secured}
	}
	either := along(s.secured(t, "h2", "http/1.1"))
	r := &route{plain: newDirect(along(nil)), secure: newDirect(along(s.secured(t, "http/1.1")))}
	r.first = &http.Transport{ // no proxy, nothing unpacked
		DialTLSContext:         either.dial,
		TLSClientConfig:        either.tls,
		ForceAttemptHTTP2:      true, // a dialer of one's own turns it off
		DisableCompression:     true,
		MaxIdleConns:           8192,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHead,
	}
	r.anew = r.first.Clone()
	r.anew.DisableKeepAlives = true
	r.grants = &http.Transport{
		DialContext:            along(nil).dial,
		DialTLSContext:         along(s.secured(t.Anywhere(), "http/1.1")).dial,
		DisableKeepAlives:      true, // they are asked once an hour
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHead,
	}
	return r
}

// secured is TLS as an endpoint asks for it.
func (s *Sender) secured(t *delivery.TLS, protocols ...string) *tls.Config {
	c := tlsConfig(s.roots, protocols...)
	if t == nil {
		return c
	}
	c.ServerName = t.ServerName
	c.ClientSessionCache = tls.NewLRUClientSessionCache(sessions) // a session stands for a certificate
	if t.Authorities != "" {
		c.RootCAs = s.rootsWith(t.Authorities)
	}
	if len(t.Certificate.Certificate) > 0 {
		// Whatever authorities the server names: many name none, or too few.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &t.Certificate, nil }
	}
	return c
}

// rootsWith are the usual authorities and others.
func (s *Sender) rootsWith(authorities string) *x509.CertPool {
	roots := s.roots
	if roots == nil {
		system, err := x509.SystemCertPool()
		if err != nil {
			system = x509.NewCertPool() // then the others are all there are
		}
		roots = system
	}
	roots = roots.Clone()
	roots.AppendCertsFromPEM([]byte(authorities)) // that it is PEM was checked when the endpoint was registered
	return roots
}

func (r *route) send(ctx context.Context, to *target, q *delivery.Request) delivery.Response {
	if !to.secure {
		return r.plain.send(ctx, to, q)
	}
	if _, known := r.http1.Load(to.address); !known {
		return r.negotiate(ctx, to, q)
	}
	res := r.secure.send(ctx, to, q)
	if res.Reason == delivery.ReasonTLS {
		r.http1.Delete(to.address) // it may want HTTP/2 by now
	}
	return res
}

// shut closes the connections that no attempt uses.
func (r *route) shut() {
	r.plain.idle.shut()
	r.secure.idle.shut()
	r.first.CloseIdleConnections()
}

// routes are those of endpoints that ask for something of their own.
type routes struct {
	mu    sync.Mutex
	known map[way]*route
}

// route is the one that a request takes.
func (s *Sender) route(r *delivery.Request) *route {
	if r.Access == nil || r.Access.TLS == nil {
		return s.usual
	}
	w, now := way{r.Access.TLS.Key()}, time.Now()
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	found := s.own.known[w]
	if found == nil {
		s.own.makeRoom(now)
		found = s.newRoute(r.Access.TLS)
		s.own.known[w] = found
	}
	found.used.Store(now.Unix())
	return found
}

// makeRoom closes what nobody has used for long, such as the way with a certificate before the
// newest.
func (rs *routes) makeRoom(now time.Time) {
	if rs.known == nil {
		rs.known = map[way]*route{}
	}
	if len(rs.known) < routesKept {
		return
	}
	for w, r := range rs.known {
		if now.Unix()-r.used.Load() > int64(routeKept/time.Second) {
			go r.shut() // TLS says goodbye
			delete(rs.known, w)
		}
	}
}

func (rs *routes) shut() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.known {
		r.shut()
	}
}
