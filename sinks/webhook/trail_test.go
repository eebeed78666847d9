package webhook_test

import (
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/sinks/porttest"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// Of an attempt whose time is over, nearly all of it went into the phase that did not end.
func TestTheTimeOfAnAttemptIsThatOfItsPhases(t *testing.T) {
	t.Parallel()
	const timeout, most = 3 * time.Second, 2 * time.Second
	silent := "127.0.0.1:" + listen(t, "127.0.0.1:0", hold)
	head := "127.0.0.1:" + listen(t, "127.0.0.1:0", func(c net.Conn) { answer("HTTP/1.1 200 OK\r\n")(c); hold(c) })
	body := "127.0.0.1:" + listen(t, "127.0.0.1:0", func(c net.Conn) { answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")(c); hold(c) })
	for name, c := range map[string]struct {
		url, proxy, address string
		names               int // what the name server does
		longest             func(p delivery.Phases) delivery.Micros
		sent, heard         bool
	}{
		"names that do not come": {"http://shop.example:80/", "", "", silence, func(p delivery.Phases) delivery.Micros { return p.DNS }, false, false},
		"a proxy that is silent": {"http://" + head + "/", "http://" + silent, head, noError, func(p delivery.Phases) delivery.Micros { return p.Connect }, false, false},
		"a handshake":            {"https://" + silent + "/", "", silent, noError, func(p delivery.Phases) delivery.Micros { return p.TLS }, false, false},
		"no answer":              {"http://" + silent + "/", "", silent, noError, nil, true, false},
		"half a head":            {"http://" + head + "/", "", head, noError, nil, true, true},
		"half a body":            {"http://" + body + "/", "", body, noError, nil, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := webhook.New(webhook.Options{
				Egress: loopback(), Proxy: setting.Proxy(c.proxy), Resolver: nameServer(t, func(int) (int, []string) { return c.names, nil }),
			})
			defer s.Close()
			res := post(s, t.Context(), c.url, timeout)
			if res.Reason == "" || res.Sent != c.sent || res.Address != c.address || (res.Phases.FirstByte > 0) != c.heard {
				t.Errorf("%+v", res)
			}
			p := res.Phases
			if all := p.DNS + p.Connect + p.TLS + p.FirstByte; c.longest != nil && (c.longest(p) < delivery.MicrosOf(most) || all > 2*c.longest(p)) {
				t.Errorf("%+v", p)
			} else if c.longest == nil && all > delivery.MicrosOf(most) {
				t.Errorf("waiting counts as a phase: %+v", p)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	address := porttest.Addresses(t, 1)[0]
	for _, scheme := range []string{"http", "https"} {
		res := post(sender(t), t.Context(), scheme+"://"+address+"/", time.Minute)
		if res.Reason != delivery.ReasonConnect || res.Address != address || res.Sent || res.Phases.TLS != 0 || res.Phases.FirstByte != 0 {
			t.Errorf("%s: %+v", scheme, res)
		}
	}
	strict := webhook.New(webhook.Options{})
	defer strict.Close()
	if res := post(strict, t.Context(), "http://"+address+"/", time.Minute); res.Reason != delivery.ReasonEgressDenied || res.Address != "" || res.Sent || res.Phases.Connect != 0 {
		t.Errorf("denied: %+v", res)
	}
}

// What a connection took to open counts for the attempt that it was opened for.
func TestAKeptConnectionTakesNothingToOpen(t *testing.T) {
	t.Parallel()
	for _, proto := range []string{"http", "HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("X-Proto", r.Proto)
			}))
			server.EnableHTTP2 = proto == "HTTP/2.0"
			roots := x509.NewCertPool()
			if proto == "http" {
				server.Start()
			} else {
				server.StartTLS()
				roots.AddCert(server.Certificate())
			}
			defer server.Close()
			names := nameServer(t, func(int) (int, []string) { return noError, []string{"127.0.0.1"} })
			s := webhook.New(webhook.Options{Egress: loopback(), RootCAs: roots, Resolver: names})
			defer s.Close()
			at := server.Listener.Addr().String()
			_, port, _ := net.SplitHostPort(at)
			url := "http://example.com:" + port + "/" // which the server's certificate is for
			if proto != "http" {
				url = "https://example.com:" + port + "/"
			}
			for n := range 3 {
				// Over HTTP/1.1 the second attempt is the first on a connection of the sender's own.
				opened := n == 0 || n == 1 && proto == "HTTP/1.1"
				res := s.Send(t.Context(), delivery.Request{URL: url, Header: http.Header{}, Body: []byte("b"), Timeout: time.Minute, Whole: n == 2})
				p := res.Phases
				if res.Reason != "" || res.Address != at || !res.Sent || p.FirstByte <= 0 {
					t.Errorf("%d: %+v", n, res)
				}
				if (p.DNS > 0) != opened || (p.Connect > 0) != opened || (p.TLS > 0) != (opened && proto != "http") {
					t.Errorf("%d: %+v, want a connection opened: %v", n, p, opened)
				}
				if got := res.Headers.Map()["X-Proto"] != ""; got != (n == 2) {
					t.Errorf("%d: headers %q", n, res.Headers)
				}
			}
		})
	}
}

// The address is that of the endpoint, also where a proxy connects to it.
func TestTheProxysAddressIsNotShown(t *testing.T) {
	t.Parallel()
	r := (&relay{scheme: "http"}).start(t)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	s := webhook.New(webhook.Options{Egress: loopback(), Proxy: r.url("")})
	defer s.Close()
	if res := post(s, t.Context(), server.URL, time.Minute); res.Reason != "" || res.Address != server.Listener.Addr().String() || res.Phases.Connect <= 0 {
		t.Errorf("%+v", res)
	}
}

// The headers of an answer are kept where it failed, or where they are asked for; so many bytes of them.
func TestHeadersOfAnAnswer(t *testing.T) {
	t.Parallel()
	const fields = "x-request-id: 7f31\r\nVary: a\r\nContent-Length: 2\r\nVary: b\r\n\r\n"
	want := map[string]string{"X-Request-Id": "7f31", "Vary": "a, b"}
	for name, c := range map[string]struct {
		answer string
		whole  bool
		kept   bool
	}{
		"a success":             {"HTTP/1.1 200 OK\r\n" + fields + "ok", false, false},
		"a success, asked for":  {"HTTP/1.1 200 OK\r\n" + fields + "ok", true, true},
		"a failure":             {"HTTP/1.1 500 Oops\r\n" + fields + "ok", false, true},
		"a success, broken off": {"HTTP/1.1 200 OK\r\n" + fields + "o", false, true},
		// What comes later is read into the memory that the headers came in.
		"broken off much later":    {"HTTP/1.1 200 OK\r\n" + strings.Replace(fields, "Length: 2", "Length: 6000", 1) + strings.Repeat("o", 5000), false, true},
		"a failure, no plain one":  {"HTTP/1.1 500 Oops\r\nConnection: close\r\n" + fields + "ok", false, true},
		"broken off, no plain one": {"HTTP/1.1 200 OK\r\nConnection: close\r\n" + fields + "o", false, true},
		"no plain one":             {"HTTP/1.1 200 OK\r\nConnection: close\r\n" + fields + "ok", false, false},
		"many and long ones": {
			"HTTP/1.1 500 Oops\r\nX-Long: " + strings.Repeat("l", 2000) + "\r\n" + strings.Repeat("X-Many: "+strings.Repeat("m", 500)+"\r\n", 100) + fields + "ok", false, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", answer(c.answer)) + "/"
			res := sender(t).Send(t.Context(), delivery.Request{URL: url, Header: http.Header{}, Timeout: time.Minute, Whole: c.whole})
			if len(res.Headers) > 4<<10 || (res.Headers != "") != c.kept {
				t.Fatalf("%d bytes of headers: %q", len(res.Headers), res.Headers)
			}
			got := res.Headers.Map()
			if long := got["X-Long"]; long != "" && len(long) != 1<<10 {
				t.Errorf("%d bytes of one header", len(long))
			}
			for name, value := range want {
				if c.kept && got[name] != value {
					t.Errorf("%s: %q, want %q", name, got[name], value)
				}
			}
		})
	}
}
