package webhook_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/porttest"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// lingering is what a server's connection does for half a second after it was closed early.
var lingering = goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")

// Many of these tests wait for the end of a timeout.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, lingering)
}

// loopback lets a Sender reach the servers of these tests.
func loopback() webhook.Egress {
	return webhook.Egress{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func sender(t *testing.T) *webhook.Sender {
	t.Helper()
	s := webhook.New(webhook.Options{Egress: loopback()})
	t.Cleanup(s.Close)
	return s
}

// listen serves raw connections and returns the port; a connection is closed when serve
// returns.
func listen(t *testing.T, address string, serve func(net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// readRequest takes one request off a connection.
func readRequest(c net.Conn) {
	if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
		io.Copy(io.Discard, r.Body)
	}
}

func answer(text string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		io.WriteString(c, text)
	}
}

func answerOK(c net.Conn) {
	answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")(c)
}

// hold keeps a connection open until the other side closes it.
func hold(c net.Conn) { io.Copy(io.Discard, c) }

func post(s *webhook.Sender, ctx context.Context, url string, timeout time.Duration) delivery.Response {
	return s.Send(ctx, delivery.Request{URL: url, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("canary-body"), Timeout: timeout})
}

func TestTimeoutCoversTheWholeAttempt(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(net.Conn){
		"never answers": hold,
		"drips its head": func(c net.Conn) {
			answer("HTTP/1.1 200 OK\r\n")(c)
			hold(c)
		},
		"drips its body": func(c net.Conn) {
			answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")(c)
			hold(c)
		},
	} {
		port := listen(t, "127.0.0.1:0", serve)
		if res := post(sender(t), t.Context(), "http://127.0.0.1:"+port+"/", 50*time.Millisecond); res.Reason != delivery.ReasonTimeout {
			t.Errorf("%s: %+v", name, res)
		}
	}
	port := listen(t, "127.0.0.1:0", hold)
	if res := post(sender(t), t.Context(), "https://127.0.0.1:"+port+"/", 50*time.Millisecond); res.Reason != delivery.ReasonTimeout {
		t.Errorf("a stalled handshake: %+v", res)
	}
}

func TestStoppedIsNotTheEndpointsFault(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	port := listen(t, "127.0.0.1:0", func(c net.Conn) {
		readRequest(c)
		stop(errors.New("stopping"))
		hold(c)
	})
	if res := post(sender(t), ctx, "http://127.0.0.1:"+port+"/", time.Minute); res.Reason != delivery.ReasonStopped {
		t.Errorf("got %+v", res)
	}
	body, stopBody := context.WithCancelCause(t.Context())
	port = listen(t, "127.0.0.1:0", func(c net.Conn) {
		answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")(c)
		stopBody(errors.New("stopping"))
		hold(c)
	})
	if res := post(sender(t), body, "http://127.0.0.1:"+port+"/", time.Minute); res.Reason != delivery.ReasonStopped {
		t.Errorf("inside the body: %+v", res)
	}
}

func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	res := post(sender(t), t.Context(), "http://"+porttest.Addresses(t, 1)[0]+"/", time.Minute)
	if res.Reason != delivery.ReasonConnect || !res.Refused || res.Detail != "the connection was refused" {
		t.Errorf("got %+v", res)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"without a body": "", "with a body": strings.Repeat("x", 60<<10)} {
		var opened atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie") != "" {
				t.Error("a cookie came back")
			}
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			io.WriteString(w, body)
		}))
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened.Add(1)
			}
		}
		server.Start()
		s := sender(t)
		for range 50 {
			if res := post(s, t.Context(), server.URL, 20*time.Second); res.Reason != "" {
				t.Fatalf("%+v", res)
			}
		}
		if opened.Load() != 1 {
			t.Errorf("%s: %d connections for 50 attempts", name, opened.Load())
		}
		server.Close()
	}
}

// A server that closes idle connections costs a new connection, not an attempt.
func TestIdleConnectionClosedByTheServer(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 10)
	port := listen(t, "127.0.0.1:0", func(c net.Conn) {
		answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(c)
		c.Close()
		closed <- struct{}{}
	})
	s := sender(t)
	for range 5 {
		if res := post(s, t.Context(), "http://127.0.0.1:"+port+"/", 20*time.Second); res.Reason != "" {
			t.Fatalf("%+v", res)
		}
		<-closed
	}
}

func TestRequestArrivesAsGiven(t *testing.T) {
	t.Parallel()
	type seen struct {
		method, uri, host, id, agent, length, body string
	}
	got := make(chan seen, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.RequestURI, r.Host, r.Header.Get("webhook-id"), r.UserAgent(), r.Header.Get("Content-Length"), string(body)}
	}))
	defer server.Close()
	h := http.Header{"Webhook-Id": {"msg_1"}, "User-Agent": {"Hookspan/1"}}
	sender(t).Send(t.Context(), delivery.Request{URL: server.URL + "/a%2Fb?x=1&y=%20", Header: h, Body: []byte("{}"), Timeout: time.Minute})
	want := seen{"POST", "/a%2Fb?x=1&y=%20", strings.TrimPrefix(server.URL, "http://"), "msg_1", "Hookspan/1", "2", "{}"}
	if s := <-got; s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	sender(t).Send(t.Context(), delivery.Request{URL: server.URL + "/?q=gr\u00fcn|[x]&p=100%", Header: h, Body: []byte("{}"), Timeout: time.Minute})
	if s, uri := <-got, "/?q=gr%C3%BCn%7C%5Bx%5D&p=100%25"; s.uri != uri {
		t.Errorf("got %s, want %s", s.uri, uri)
	}
	sender(t).Send(t.Context(), delivery.Request{URL: server.URL, Header: h, Timeout: time.Minute})
	if s := <-got; s.length != "0" || s.body != "" {
		t.Errorf("without a body: %+v", s)
	}
}

// Case says nothing in a host, and who verifies a signature over the URL sees what was signed.
func TestTheHostIsSentInSmallLetters(t *testing.T) {
	t.Parallel()
	hosts := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hosts <- r.Host }))
	defer server.Close()
	s := webhook.New(webhook.Options{Egress: loopback(), Resolver: nameServer(t, func(int) (int, []string) { return noError, []string{"127.0.0.1"} })})
	defer s.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	if res := post(s, t.Context(), "HTTP://Shop.Example:"+port+"/", 20*time.Second); res.Reason != "" {
		t.Fatalf("got %+v", res)
	}
	if got := <-hosts; got != "shop.example:"+port {
		t.Errorf("the host is %s", got)
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	s := webhook.New(webhook.Options{Egress: loopback(), Resolver: nameServer(t, func(int) (int, []string) { return noError, []string{"127.0.0.1"} })})
	defer s.Close()
	port := listen(t, "127.0.0.1:0", answerOK)
	if res := post(s, t.Context(), "http://shop.example:"+port+"/", 20*time.Second); res.Reason != "" {
		t.Errorf("got %+v", res)
	}
}
