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
	"github.com/hookspan/hookspan/bridge/setting"
)

const (
	// Of an answer over HTTP/2 so much may lie unread in memory; what a reader takes is bounded
	// anyway (maxRead).
	streamBuffer     = 64 << 10
	connectionBuffer = 1 << 20
	// A connection over HTTP/2 carries many requests: one that is silent is asked whether it is
	// still there.
	askSilent = 15 * time.Second
	awaitPong = 10 * time.Second

	// offerAgain is how long an address is known to have chosen HTTP/1.1.
	offerAgain = time.Hour

	routesKept = 256              // before those that nobody uses are closed
	routeKept  = 10 * time.Minute // since its last attempt
	sessions   = 16               // of TLS that a route of its own resumes
)

// A way is how endpoints are reached: those with the same one may share connections.
type way struct {
	proxy   string // as delivery.Request names it
	guarded bool
	tls     delivery.Key
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
	http1  sync.Map        // address → when it chose HTTP/1.1
	keeps  sync.Map        // addresses to which first may keep a connection
	used   atomic.Int64    // seconds of the last attempt
	places *places
}

// newRoute goes straight without a proxy; a nil t asks for nothing of its own.
func (s *Sender) newRoute(p *proxy, t *delivery.TLS) *route {
	along := func(secured *tls.Config) *dialer {
		return &dialer{egress: &s.egress, resolver: s.resolver, proxy: p, tls: secured, places: s.places}
	}
	plain := along(nil)
	either := along(s.secured(t, "h2", "http/1.1"))
	r := &route{places: s.places, plain: newDirect(plain), secure: newDirect(along(s.secured(t, "http/1.1")))}
	r.first = &http.Transport{ // no proxy of the environment, nothing unpacked
		DialContext:            plain.dial,
		DialTLSContext:         either.dial,
		TLSClientConfig:        either.tls,
		ForceAttemptHTTP2:      true, // a dialer of one's own turns it off
		DisableCompression:     true,
		MaxIdleConns:           8192,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHead,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: streamBuffer, MaxReceiveBufferPerConnection: connectionBuffer,
			SendPingTimeout: askSilent, PingTimeout: awaitPong,
		},
	}
	r.anew = r.first.Clone()
	r.anew.DisableKeepAlives = true
	r.grants = &http.Transport{
		DialContext:            plain.dial,
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
	if !r.speaksHTTP1(to.address) {
		return r.negotiate(ctx, to, q)
	}
	res := r.secure.send(ctx, to, q)
	if res.Reason == delivery.ReasonTLS {
		r.http1.Delete(to.address) // it may want HTTP/2 by now
	}
	return res
}

// speaksHTTP1: the address was offered HTTP/2 not long ago, and chose the other.
func (r *route) speaksHTTP1(address string) bool {
	since, known := r.http1.Load(address)
	return known && time.Since(since.(time.Time)) < offerAgain
}

// shut closes the connections that no attempt uses.
func (r *route) shut() {
	r.plain.idle.shut()
	r.secure.idle.shut()
	r.first.CloseIdleConnections()
}

// routes are those of endpoints with a proxy, or TLS, of their own.
type routes struct {
	mu    sync.Mutex
	known map[way]*route
}

// route is the sender's own, or one with what the endpoint asks for.
func (s *Sender) route(r *delivery.Request) (*route, error) {
	none := setting.Proxy(r.Proxy) == setting.NoProxy
	var t *delivery.TLS
	if r.Access != nil {
		t = r.Access.TLS
	}
	if t == nil && (r.Proxy == "" || none && s.through.IsZero()) {
		return s.usual, s.unusable
	}
	through := r.Proxy
	if through == "" {
		through = s.through.Open()
	}
	if none || r.Proxy == "" {
		r.Guarded = false // there is nothing to guard: one route for all
	}
	w, now := way{r.Proxy, r.Guarded, t.Key()}, time.Now()
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	found := s.own.known[w]
	if found == nil {
		p, err := s.readProxy(through, r.Guarded)
		if err != nil {
			return nil, err
		}
		s.own.makeRoom(now)
		found = s.newRoute(p, t)
		s.own.known[w] = found
	}
	found.used.Store(now.Unix())
	return found, nil
}

// makeRoom closes what nobody has used for long, such as the way with a password before the
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

// all are the routes that there are.
func (rs *routes) all(usual *route) []*route {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	all := append(make([]*route, 0, len(rs.known)+1), usual)
	for _, r := range rs.known {
		all = append(all, r)
	}
	return all
}

func (rs *routes) shut() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.known {
		r.shut()
	}
}
