package webhook_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/sinks/certtest"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// shop is a receiver at shop.example that tells what came: protocol, host and, of TLS, the name
// that was asked for.
func shop(t *testing.T, kind string, authority *certtest.Authority) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := ""
		if r.TLS != nil {
			name = r.TLS.ServerName
		}
		host, _, _ := net.SplitHostPort(r.Host)
		io.WriteString(w, strings.Join([]string{r.Proto, host, name}, " "))
	}))
	scheme := "https"
	switch kind {
	case "http":
		scheme = "http"
		server.Start()
	case "h2":
		server.EnableHTTP2 = true
		fallthrough
	default:
		server.TLS = &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "shop.example")}}
		server.StartTLS()
	}
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	return scheme + "://shop.example:" + port + "/in"
}

// atHome resolves every name to 127.0.0.1.
func atHome(t *testing.T) *net.Resolver {
	t.Helper()
	return nameServer(t, func(int) (int, []string) { return noError, []string{"127.0.0.1"} })
}

// shopOnly lets a Sender reach shop.example, wherever it is, and nothing else that is not public.
func shopOnly() webhook.Egress { return webhook.Egress{Hosts: []string{"shop.example"}} }

// Whatever the proxy speaks, it is asked for the address that was judged, once for many attempts,
// and the endpoint sees the name: in Host and in TLS.
func TestThroughAProxy(t *testing.T) {
	t.Parallel()
	authority := certtest.New(t)
	for _, scheme := range []string{"http", "https", "socks5"} {
		for _, login := range []string{"", "me:p@ss word"} {
			for kind, want := range map[string]string{
				"http": "HTTP/1.1 shop.example ", "https": "HTTP/1.1 shop.example shop.example", "h2": "HTTP/2.0 shop.example shop.example",
			} {
				t.Run(scheme+" "+login+" "+kind, func(t *testing.T) {
					t.Parallel()
					r := &relay{scheme: scheme, login: login}
					if scheme == "https" {
						r.certs = &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "127.0.0.1")}}
					}
					r.start(t)
					s := webhook.New(webhook.Options{
						Egress: shopOnly(), RootCAs: authority.Pool(), Resolver: atHome(t),
						Proxy: r.url(strings.NewReplacer("@", "%40", " ", "%20").Replace(login)),
					})
					defer s.Close()
					url := shop(t, kind, authority)
					for range 4 {
						if res := post(s, t.Context(), url, 20*time.Second); res.Reason != "" || res.Body != want {
							t.Fatalf("%+v, want %q", res, want)
						}
					}
					most := 1
					if kind == "https" {
						most = 2 // the first one was made to find out what is spoken
					}
					if asked := r.targets(); len(asked) > most || strings.Trim(withoutPort(asked), "127.0 ") != "" {
						t.Errorf("the proxy was asked for %v", asked)
					}
				})
			}
		}
	}
}

// What went wrong with the proxy is no fault of the endpoint, and says so.
func TestProxyFaults(t *testing.T) {
	t.Parallel()
	const broken = "the proxy cannot be used: "
	for name, c := range map[string]struct {
		relay  *relay
		login  string
		reason delivery.Reason
		detail string
	}{
		"a login is wanted":        {&relay{scheme: "http", login: "me:right"}, "", delivery.ReasonProxy, broken + "it wants a login (407)"},
		"another login":            {&relay{scheme: "http", login: "me:right"}, "me:canary", delivery.ReasonProxy, broken + "it refuses the login, or wants another kind than Basic (407)"},
		"not let":                  {&relay{scheme: "http", refuses: 403}, "", delivery.ReasonProxy, broken + "it refuses to connect to the endpoint (403)"},
		"a redirect":               {&relay{scheme: "http", refuses: 302}, "", delivery.ReasonProxy, broken + "it refuses to connect to the endpoint (302)"},
		"the endpoint is away":     {&relay{scheme: "http", refuses: 503}, "", delivery.ReasonConnect, "the proxy could not connect to the endpoint (503)"},
		"the endpoint is silent":   {&relay{scheme: "http", refuses: 504}, "", delivery.ReasonConnect, "nobody answered the proxy at the endpoint's address in time (504)"},
		"no proxy":                 {&relay{scheme: "http", instead: func(c net.Conn) { io.WriteString(c, "220 canary smtp\r\n") }}, "", delivery.ReasonProxy, broken + "its answer cannot be read"},
		"closes":                   {&relay{scheme: "http", instead: func(net.Conn) {}}, "", delivery.ReasonProxy, broken + "it closed the connection without an answer"},
		"an endless answer":        {&relay{scheme: "http", instead: answer("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 70<<10))}, "", delivery.ReasonProxy, broken + "its answer is too long"},
		"endless hints":            {&relay{scheme: "http", instead: answer(strings.Repeat("HTTP/1.1 102 P\r\n\r\n", 2000))}, "", delivery.ReasonProxy, broken + "too many 1xx answers"},
		"words of its own":         {&relay{scheme: "http", trailing: fine}, "", delivery.ReasonProxy, broken + "it sent something that nobody had asked for"},
		"TLS to one without":       {&relay{scheme: "https"}, "", delivery.ReasonProxy, broken + "the server does not speak TLS"},
		"a SOCKS login is wanted":  {&relay{scheme: "socks5", login: "me:right"}, "", delivery.ReasonProxy, broken + "it wants a login; give user:password@ in its URL"},
		"another SOCKS login":      {&relay{scheme: "socks5", login: "me:right"}, "me:canary", delivery.ReasonProxy, broken + "it refuses the login"},
		"SOCKS rules":              {&relay{scheme: "socks5", refuses: 2}, "", delivery.ReasonProxy, broken + "its rules do not let it connect to the endpoint (SOCKS 2)"},
		"SOCKS fails":              {&relay{scheme: "socks5", refuses: 1}, "", delivery.ReasonProxy, broken + "it could not connect to the endpoint (SOCKS 1)"},
		"SOCKS without a way":      {&relay{scheme: "socks5", refuses: 4}, "", delivery.ReasonConnect, "the proxy has no way to the endpoint (SOCKS 4)"},
		"SOCKS refused":            {&relay{scheme: "socks5", refuses: 5}, "", delivery.ReasonConnect, "the endpoint refused the proxy's connection (SOCKS 5)"},
		"SOCKS in time":            {&relay{scheme: "socks5", refuses: 6}, "", delivery.ReasonConnect, "nobody answered the proxy at the endpoint's address in time (SOCKS 6)"},
		"no SOCKS":                 {&relay{scheme: "socks5", instead: func(c net.Conn) { io.ReadFull(c, make([]byte, 3)); io.WriteString(c, "HTTP/1.1 400 canary\r\n\r\n") }}, "", delivery.ReasonProxy, broken + "it does not speak SOCKS 5"},
		"half an answer of SOCKS":  {&relay{scheme: "socks5", instead: func(c net.Conn) { io.ReadFull(c, make([]byte, 3)); c.Write([]byte{5}) }}, "", delivery.ReasonProxy, broken + "it closed the connection without an answer"},
		"SOCKS that is not asked":  {&relay{scheme: "socks5", instead: func(c net.Conn) { io.ReadFull(c, make([]byte, 3)); c.Write([]byte{5, 2}); hold(c) }}, "", delivery.ReasonProxy, broken + "it wants a login; give user:password@ in its URL"},
		"an address that is none":  {&relay{scheme: "socks5", instead: func(c net.Conn) { io.ReadFull(c, make([]byte, 3)); c.Write([]byte{5, 0, 5, 0, 0, 9}); hold(c) }}, "", delivery.ReasonProxy, broken + "its answer cannot be read"},
		"a login nobody asked for": {&relay{scheme: "socks5", instead: func(c net.Conn) { io.ReadFull(c, make([]byte, 4)); c.Write([]byte{5, 3}); hold(c) }}, "me:canary", delivery.ReasonProxy, broken + "it takes no login by user and password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.relay.start(t)
			s := webhook.New(webhook.Options{Egress: shopOnly(), Resolver: atHome(t), Proxy: r.url(c.login)})
			defer s.Close()
			for _, url := range []string{"http://shop.example:9/", "https://shop.example:9/"} {
				if c.relay.trailing != "" {
					url = shop(t, "http", nil)
				}
				res := post(s, t.Context(), url, 20*time.Second)
				if res.Reason != c.reason || res.Refused || !strings.HasPrefix(res.Detail, c.detail) || strings.Contains(res.Detail, "canary") {
					t.Errorf("%s: %+v, want %s: %s", url, res, c.reason, c.detail)
				}
			}
		})
	}
}

// A proxy that cannot be reached, or is silent, is told apart as well; what it has not said by the
// end of an attempt counts for the endpoint as a direct connection that nobody took.
func TestProxyAway(t *testing.T) {
	t.Parallel()
	silent := func(scheme string) setting.Proxy {
		r := &relay{scheme: scheme, instead: hold}
		return r.start(t).url("")
	}
	for name, c := range map[string]struct {
		proxy  setting.Proxy
		within time.Duration
		reason delivery.Reason
		detail string
	}{
		"nobody there":        {"http://127.0.0.1:1", 20 * time.Second, delivery.ReasonProxy, "the proxy cannot be used: the connection was refused"},
		"no such name":        {"http://nowhere.example:1", 20 * time.Second, delivery.ReasonProxy, "the proxy cannot be used: the host"},
		"silent SOCKS":        {silent("socks5"), 2 * time.Second, delivery.ReasonProxy, "the proxy cannot be used: it did not answer in time"},
		"silent over CONNECT": {silent("http"), 2 * time.Second, delivery.ReasonTimeout, ""},
	} {
		s := webhook.New(webhook.Options{Egress: loopback(), Resolver: nowhere(), Proxy: c.proxy})
		if res := post(s, t.Context(), "http://127.0.0.1:9/", c.within); res.Reason != c.reason || res.Refused || !strings.HasPrefix(res.Detail, c.detail) {
			t.Errorf("%s: %+v", name, res)
		}
		s.Close()
	}
	// A proxy that waits for the endpoint until the attempt's time is over has done nothing wrong.
	two := webhook.New(webhook.Options{Egress: shopOnly(), Proxy: silent("http"), Resolver: nameServer(t, func(int) (int, []string) { return noError, []string{"127.0.0.1", "127.0.0.2"} })})
	defer two.Close()
	if res := post(two, t.Context(), "http://shop.example:9/", 2*time.Second); res.Reason != delivery.ReasonTimeout {
		t.Errorf("an endpoint of two addresses: %+v", res)
	}
	s := webhook.New(webhook.Options{Egress: loopback(), Proxy: silent("http")})
	defer s.Close()
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, stop)
	if res := post(s, ctx, "http://127.0.0.1:9/", time.Minute); res.Reason != delivery.ReasonStopped {
		t.Errorf("stopped: %+v", res)
	}
}

// The rules for addresses hold whoever connects: the proxy is not asked for what they refuse, and
// not for a name, which by then may lead elsewhere.
func TestProxyIsAskedForJudgedAddresses(t *testing.T) {
	t.Parallel()
	r := (&relay{scheme: "socks5"}).start(t)
	port := listen(t, "127.0.0.1:0", answerOK)
	var turn atomic.Int64
	s := webhook.New(webhook.Options{
		Egress: webhook.Egress{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, Proxy: r.url(""),
		Resolver: nameServer(t, func(int) (int, []string) {
			return noError, []string{[]string{"127.0.0.1", "169.254.169.254", "10.0.0.1"}[turn.Add(1)%3]}
		}),
	})
	defer s.Close()
	reasons := map[delivery.Reason]int{}
	for range 30 {
		reasons[post(s, t.Context(), "http://shop.example:"+port+"/", 20*time.Second).Reason]++
	}
	if reasons[""] == 0 || reasons[delivery.ReasonEgressDenied] == 0 || len(reasons) != 2 {
		t.Errorf("%v", reasons)
	}
	for _, to := range r.targets() {
		if to != "127.0.0.1:"+port {
			t.Errorf("the proxy was asked for %s", to)
		}
	}
	before := len(r.targets())
	for _, host := range metadataAddresses {
		if res := post(s, t.Context(), "https://"+host+"/", 20*time.Second); res.Reason != delivery.ReasonEgressDenied {
			t.Errorf("%s: %+v", host, res)
		}
	}
	if after := len(r.targets()); after != before {
		t.Errorf("the proxy was asked %d times for metadata services", after-before)
	}
}

// An endpoint has its own proxy, or none, and connections of one way serve no other.
func TestEachEndpointGoesItsWay(t *testing.T) {
	t.Parallel()
	first, second := (&relay{scheme: "http"}).start(t), (&relay{scheme: "socks5", login: "me:canary"}).start(t)
	s := webhook.New(webhook.Options{Egress: loopback(), Proxy: first.url("")})
	defer s.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }))
	defer server.Close()
	by := map[string]string{} // the address that the endpoint saw
	for range 3 {
		for name, r := range map[string]delivery.Request{
			"usual": {}, "none": {Proxy: "none"}, "none of the API's": {Proxy: "none", Guarded: true},
			"own": {Proxy: second.url("me:canary").Open()}, "own of the API's": {Proxy: second.url("me:canary").Open(), Guarded: true},
		} {
			r.URL, r.Header, r.Timeout = server.URL, http.Header{}, 20*time.Second
			res := s.Send(t.Context(), r)
			if res.Reason != "" || by[name] != "" && by[name] != res.Body {
				t.Errorf("%s: %+v, before from %s", name, res, by[name])
			}
			by[name] = res.Body
		}
	}
	if by["none"] != by["none of the API's"] {
		t.Errorf("two ways for none: %v", by)
	}
	delete(by, "none of the API's")
	seen := map[string]bool{}
	for _, from := range by {
		seen[from] = true
	}
	if len(seen) != 4 || len(first.targets()) != 1 || len(second.targets()) != 2 {
		t.Errorf("%v by %v and %v", by, first.targets(), second.targets())
	}
	res := s.Send(t.Context(), delivery.Request{URL: server.URL, Header: http.Header{}, Timeout: time.Minute, Proxy: "http://me:canary@"})
	if res.Reason != delivery.ReasonProxy || strings.Contains(res.Detail, "canary") {
		t.Errorf("no proxy: %+v", res)
	}
}

// Whoever may set an endpoint's proxy by the API must not reach more by it than by endpoints.
func TestProxiesOfTheAPIAreGuarded(t *testing.T) {
	t.Parallel()
	r := (&relay{scheme: "http"}).start(t)
	own := netip.MustParseAddrPort(r.address)
	url := shop(t, "http", nil)
	for name, c := range map[string]struct {
		proxy  setting.Proxy
		by     string
		egress webhook.Egress
		field  string // of the fault; "" where there is none
	}{
		"an operator's":          {r.url(""), endpoint.ByEnvironment, shopOnly(), ""},
		"the API's":              {r.url(""), endpoint.ByAPI, shopOnly(), "proxy"},
		"the API's, allowed":     {r.url(""), endpoint.ByAPI, loopback(), ""},
		"the API's, at a name":   {setting.Proxy("http://proxy.example:" + strings.Split(r.address, ":")[1]), endpoint.ByAPI, shopOnly(), "proxy"},
		"the API's, metadata":    {"http://169.254.169.254:3128", endpoint.ByAPI, everywhere(), "proxy"},
		"the API's, our own":     {r.url(""), endpoint.ByAPI, webhook.Egress{Allow: loopback().Allow, Own: func() []netip.AddrPort { return []netip.AddrPort{own} }}, "proxy"},
		"the API's, in the open": {"http://1.1.1.1:3128", endpoint.ByAPI, shopOnly(), "proxy"},
		"none of the API's":      {"none", endpoint.ByAPI, shopOnly(), ""},
	} {
		s := webhook.New(webhook.Options{Egress: c.egress, Resolver: atHome(t)})
		e := endpoint.Default()
		e.URL, e.Proxy, e.ManagedBy = url, c.proxy, c.by
		_, faults := s.CheckEndpoint(t.Context(), e)
		if (len(faults) > 0) != (c.field != "") || len(faults) > 0 && faults[0].Field != c.field {
			t.Errorf("%s: %v", name, faults)
		}
		res := s.Send(t.Context(), delivery.Request{URL: url, Header: http.Header{}, Timeout: 20 * time.Second, Proxy: c.proxy.Open(), Guarded: c.by == endpoint.ByAPI})
		if want := map[bool]delivery.Reason{true: "", false: delivery.ReasonProxy}[c.field == ""]; res.Reason != want {
			t.Errorf("%s: %+v", name, res)
		}
		s.Close()
	}
}

// Names that cannot be resolved here are refused, unless the operator has the proxy do it; a proxy
// of the API's never does.
func TestNamesThatTheProxyResolves(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "socks5"} {
		r := (&relay{scheme: scheme, leads: map[string]string{"shop.example": "127.0.0.1"}}).start(t)
		authority := certtest.New(t)
		secure, plain := shop(t, "h2", authority), shop(t, "http", nil)
		for name, c := range map[string]struct {
			resolves, guarded bool
			egress            webhook.Egress
			url               string
			reason            delivery.Reason
		}{
			"resolved here":             {false, false, webhook.Egress{}, secure, delivery.ReasonDNS},
			"by the proxy":              {true, false, webhook.Egress{}, secure, ""},
			"by a proxy of the API's":   {true, true, loopback(), secure, delivery.ReasonDNS},
			"an address":                {true, false, webhook.Egress{}, "https://127.0.0.1/", delivery.ReasonEgressDenied},
			"a port":                    {true, false, webhook.Egress{}, "https://shop.example:25/", delivery.ReasonEgressDenied},
			"plain http":                {true, false, webhook.Egress{}, plain, delivery.ReasonEgressDenied},
			"plain http to a named one": {true, false, shopOnly(), plain, ""},
		} {
			s := webhook.New(webhook.Options{Egress: c.egress, Resolver: nowhere(), RootCAs: authority.Pool(), ProxyResolves: c.resolves})
			res := s.Send(t.Context(), delivery.Request{URL: c.url, Header: http.Header{}, Timeout: 20 * time.Second, Proxy: r.url("").Open(), Guarded: c.guarded})
			if res.Reason != c.reason {
				t.Errorf("%s, %s: %+v", scheme, name, res)
			}
			e := endpoint.Default()
			e.URL, e.Proxy, e.ManagedBy = c.url, r.url(""), endpoint.ByFile
			if c.guarded {
				e.ManagedBy = endpoint.ByAPI
			}
			warning, faults := s.CheckEndpoint(t.Context(), e)
			if (len(faults) > 0) != (c.reason == delivery.ReasonEgressDenied) || (warning != "") != (c.reason == delivery.ReasonDNS) {
				t.Errorf("%s, %s: check says %q, %v", scheme, name, warning, faults)
			}
			s.Close()
		}
		if asked := withoutPort(r.targets()); strings.ReplaceAll(asked, "shop.example", "") != strings.Repeat(" ", len(r.targets())-1) {
			t.Errorf("%s: asked for %s", scheme, asked)
		}
	}
}

// A connection through a proxy that is lost with a request is made anew, as a direct one.
func TestReusedTunnelIsLost(t *testing.T) {
	t.Parallel()
	r := (&relay{scheme: "socks5"}).start(t)
	d := &dropper{drop: func(net.Conn) {}}
	url := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", d.serve) + "/"
	s := webhook.New(webhook.Options{Egress: loopback(), Proxy: r.url("")})
	defer s.Close()
	for i := range 2 {
		if res := post(s, t.Context(), url, time.Minute); res.Reason != "" {
			t.Fatalf("%d: %+v", i, res)
		}
	}
	if d.requests.Load() != 3 || len(r.targets()) != 2 {
		t.Errorf("%d requests over %d tunnels", d.requests.Load(), len(r.targets()))
	}
}

// The certificate that counts is the endpoint's, also behind a proxy with another one.
func TestTLSIsSpokenWithTheEndpoint(t *testing.T) {
	t.Parallel()
	ours, theirs := certtest.New(t), certtest.New(t)
	r := (&relay{scheme: "https", certs: &tls.Config{Certificates: []tls.Certificate{ours.Issue(t, "127.0.0.1")}}}).start(t)
	url := shop(t, "https", theirs)
	for name, c := range map[string]struct {
		roots  *x509.CertPool
		reason delivery.Reason
		detail string
	}{
		"the proxy's alone":    {ours.Pool(), delivery.ReasonTLS, "the certificate is signed by an unknown authority"},
		"the endpoint's alone": {theirs.Pool(), delivery.ReasonProxy, "the proxy cannot be used: the certificate is signed by an unknown authority"},
	} {
		s := webhook.New(webhook.Options{Egress: shopOnly(), Resolver: atHome(t), RootCAs: c.roots, Proxy: r.url("")})
		if res := post(s, t.Context(), url, 20*time.Second); res.Reason != c.reason || res.Detail != c.detail {
			t.Errorf("%s: %+v", name, res)
		}
		s.Close()
	}
}
