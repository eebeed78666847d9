package webhook_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
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

	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// lingering is what a server's connection does for half a second after it was closed early.
var lingering = goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, lingering) }

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

func post(s *webhook.Sender, ctx context.Context, url string, timeout time.Duration) dispatch.Response {
	return s.Send(ctx, dispatch.Request{URL: url, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("canary-body"), Timeout: timeout})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	future := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		status int
		wait   string
		reason dispatch.Reason
		least  time.Duration
	}{
		{200, "", "", 0}, {201, "", "", 0}, {202, "", "", 0}, {204, "", "", 0}, {299, "", "", 0},
		{301, "", dispatch.Redirect, 0}, {302, "", dispatch.Redirect, 0}, {304, "", dispatch.Redirect, 0}, {307, "", dispatch.Redirect, 0}, {308, "", dispatch.Redirect, 0},
		{400, "", dispatch.Status, 0}, {401, "", dispatch.Status, 0}, {404, "", dispatch.Status, 0}, {415, "", dispatch.Status, 0}, {500, "", dispatch.Status, 0}, {599, "", dispatch.Status, 0},
		{410, "", dispatch.Gone, 0},
		{429, "", dispatch.Limited, 0}, {429, "120", dispatch.Limited, 120 * time.Second}, {429, "soon", dispatch.Limited, 0},
		{503, "", dispatch.Status, 0}, {503, "soon", dispatch.Status, 0}, {503, "0", dispatch.Limited, 0}, {503, "30", dispatch.Limited, 30 * time.Second},
		{503, future, dispatch.Limited, 59 * time.Minute}, {503, "-5", dispatch.Status, 0}, {429, "99999999999999999", dispatch.Limited, 1000 * time.Hour},
		{429, "999999999999999999999999", dispatch.Limited, 1000 * time.Hour}, {429, "000000000000000000000000000120", dispatch.Limited, 120 * time.Second}, {429, "31.5", dispatch.Limited, 0},
	} {
		t.Run(fmt.Sprint(c.status, c.wait), func(t *testing.T) {
			t.Parallel()
			followed := atomic.Bool{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					followed.Store(true)
				}
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Retry-After", c.wait)
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			res := post(sender(t), t.Context(), server.URL+"/?token=canary", time.Minute)
			if res.Status != c.status || res.Reason != c.reason || res.RetryAfter < c.least || (c.least == 0) != (res.RetryAfter == 0) {
				t.Errorf("got %+v", res)
			}
			if followed.Load() || (res.Reason == "") != (res.Detail == "") || strings.Contains(res.Detail, "canary") {
				t.Errorf("redirect followed: %v; detail %q", followed.Load(), res.Detail)
			}
		})
	}
}

func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	for _, c := range []struct {
		name   string
		serve  func(net.Conn)
		reason dispatch.Reason
		status int
	}{
		{"closes before reading", func(net.Conn) {}, dispatch.Closed, 0},
		{"closes without an answer", readRequest, dispatch.Closed, 0},
		{"resets", func(c net.Conn) { readRequest(c); c.(*net.TCPConn).SetLinger(0) }, dispatch.Closed, 0},
		{"closes inside the head", answer("HTTP/1.1 200 OK\r\nServer: x\r\n"), dispatch.Closed, 0},
		{"closes inside the body", answer(head + "Content-Length: 10\r\n\r\nabc"), dispatch.Closed, 200},
		{"closes inside a chunk", answer(head + "Transfer-Encoding: chunked\r\n\r\nff\r\nabc"), dispatch.Closed, 200},
		{"breaks off an error", answer("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\nabc"), dispatch.Status, 500},
		{"no HTTP", answer("canary-answer 220 smtp ready\r\n\r\n"), dispatch.Protocol, 0},
		{"no status", answer("HTTP/1.1 abc\r\n\r\n"), dispatch.Protocol, 0},
		{"bad header", answer("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), dispatch.Protocol, 0},
		{"two lengths", answer(head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), dispatch.Protocol, 0},
		{"bad chunk", answer(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"), dispatch.Protocol, 200},
		{"endless head", func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; i < 100_000; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: %d\r\n", i, i); err != nil {
					return
				}
			}
		}, dispatch.Protocol, 0},
		{"flood of early hints", func(c net.Conn) {
			readRequest(c)
			for range 100_000 {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n"); err != nil {
					return
				}
			}
		}, dispatch.Protocol, 0},
		{"switches protocols", func(c net.Conn) {
			answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")(c)
			hold(c)
		}, dispatch.Protocol, 101},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := listen(t, "127.0.0.1:0", c.serve)
			res := post(sender(t), t.Context(), "http://127.0.0.1:"+port+"/?token=canary", 20*time.Second)
			if res.Reason != c.reason || res.Status != c.status || strings.Contains(res.Detail, "canary") || res.Detail == "" {
				t.Errorf("got %+v", res)
			}
		})
	}
}

// Answers that only announce the real one, as 102 does to keep a connection alive, are passed
// over; their number has a bound all the same.
func TestHintsBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hints  int
		reason dispatch.Reason
	}{{1, ""}, {5, ""}, {6, ""}, {100, ""}, {1000, ""}, {1001, dispatch.Protocol}} {
		port := listen(t, "127.0.0.1:0", answer(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", c.hints)+"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
		res := post(sender(t), t.Context(), "http://127.0.0.1:"+port+"/", 20*time.Second)
		if res.Reason != c.reason || c.reason == "" && res.Body != "ok" {
			t.Errorf("%d hints: %+v", c.hints, res)
		}
	}
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
		if res := post(sender(t), t.Context(), "http://127.0.0.1:"+port+"/", 50*time.Millisecond); res.Reason != dispatch.Timeout {
			t.Errorf("%s: %+v", name, res)
		}
	}
	port := listen(t, "127.0.0.1:0", hold)
	if res := post(sender(t), t.Context(), "https://127.0.0.1:"+port+"/", 50*time.Millisecond); res.Reason != dispatch.Timeout {
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
	if res := post(sender(t), ctx, "http://127.0.0.1:"+port+"/", time.Minute); res.Reason != dispatch.Stopped {
		t.Errorf("got %+v", res)
	}
	body, stopBody := context.WithCancelCause(t.Context())
	port = listen(t, "127.0.0.1:0", func(c net.Conn) {
		answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")(c)
		stopBody(errors.New("stopping"))
		hold(c)
	})
	if res := post(sender(t), body, "http://127.0.0.1:"+port+"/", time.Minute); res.Reason != dispatch.Stopped {
		t.Errorf("inside the body: %+v", res)
	}
}

func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	res := post(sender(t), t.Context(), "http://"+address+"/", time.Minute)
	if res.Reason != dispatch.Connect || res.Detail != "the connection was refused" {
		t.Errorf("got %+v", res)
	}
}

func TestEndlessBodyIsCut(t *testing.T) {
	t.Parallel()
	written := make(chan int64, 1)
	port := listen(t, "127.0.0.1:0", func(c net.Conn) {
		readRequest(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
		n, _ := io.Copy(c, io.LimitReader(zeros{}, 1_000_000_000))
		written <- n
	})
	res := post(sender(t), t.Context(), "http://127.0.0.1:"+port+"/", 20*time.Second)
	if res.Status != 200 || res.Reason != "" || len(res.Body) > 16<<10 {
		t.Errorf("status %d, reason %q, %d bytes kept", res.Status, res.Reason, len(res.Body))
	}
	if n := <-written; n > 100<<20 {
		t.Errorf("the server could write %d bytes", n)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestGzipIsNotUnpacked(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	io.CopyN(w, zeros{}, 20<<20)
	w.Close()
	asked := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	}))
	defer server.Close()
	res := post(sender(t), t.Context(), server.URL, 20*time.Second)
	if got := <-asked; got != "" || res.Reason != "" || len(res.Body) > 16<<10 {
		t.Errorf("asked for %q, reason %q, %d bytes kept", got, res.Reason, len(res.Body))
	}
}

func TestBodyIsReadableText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"text":            {"no such order\n", "no such order\n"},
		"no UTF-8":        {"a\xff\xfeb", "a\uFFFD\uFFFDb"},
		"terminal escape": {"\x1b[2J\x00\u009b", "\uFFFD[2J\uFFFD\uFFFD"},
		"cut in a letter": {strings.Repeat("a", 4095) + "ü" + strings.Repeat("b", 100), strings.Repeat("a", 4095)},
		"empty":           {"", ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, c.body) }))
		if res := post(sender(t), t.Context(), server.URL, 20*time.Second); res.Body != c.want || res.Reason != "" {
			t.Errorf("%s: %q, reason %q", name, res.Body, res.Reason)
		}
		server.Close()
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
	sender(t).Send(t.Context(), dispatch.Request{URL: server.URL + "/a%2Fb?x=1&y=%20", Header: h, Body: []byte("{}"), Timeout: time.Minute})
	want := seen{"POST", "/a%2Fb?x=1&y=%20", strings.TrimPrefix(server.URL, "http://"), "msg_1", "Hookspan/1", "2", "{}"}
	if s := <-got; s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	sender(t).Send(t.Context(), dispatch.Request{URL: server.URL + "/?q=gr\u00fcn|[x]&p=100%", Header: h, Body: []byte("{}"), Timeout: time.Minute})
	if s, uri := <-got, "/?q=gr%C3%BCn%7C%5Bx%5D&p=100%25"; s.uri != uri {
		t.Errorf("got %s, want %s", s.uri, uri)
	}
	sender(t).Send(t.Context(), dispatch.Request{URL: server.URL, Header: h, Timeout: time.Minute})
	if s := <-got; s.length != "0" || s.body != "" {
		t.Errorf("without a body: %+v", s)
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
