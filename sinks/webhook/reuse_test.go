package webhook_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// A dropper answers the first request of each connection, and does with the second one what
// drop says.
type dropper struct {
	conns, requests atomic.Int64
	drop            func(net.Conn)
}

func (d *dropper) serve(c net.Conn) {
	d.conns.Add(1)
	r := bufio.NewReader(c)
	for n := 0; ; n++ {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		d.requests.Add(1)
		if n == 1 {
			d.drop(c)
			return
		}
		io.WriteString(c, fine)
	}
}

func reset(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }

// What a receiver closes in the moment when the next request is on its way to it costs another
// connection, not an attempt. Any byte of an answer says that the request was heard.
func TestReusedConnectionIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		drop     func(net.Conn)
		reason   delivery.Reason
		requests int64 // of both attempts
	}{
		"closed":              {func(net.Conn) {}, "", 3},
		"reset":               {reset, "", 3},
		"closed after a byte": {func(c net.Conn) { io.WriteString(c, "H") }, delivery.ReasonProtocol, 2},
		"closed after a hint": {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 102 Processing\r\n\r\n") }, delivery.ReasonClosed, 2},
		"closed in the body":  {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab") }, delivery.ReasonClosed, 2},
		"not HTTP":            {func(c net.Conn) { io.WriteString(c, "hello\r\n\r\n") }, delivery.ReasonProtocol, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &dropper{drop: c.drop}
			url := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", d.serve) + "/"
			s := sender(t)
			if res := post(s, t.Context(), url, time.Minute); res.Reason != "" {
				t.Fatalf("first: %+v", res)
			}
			if res := post(s, t.Context(), url, time.Minute); res.Reason != c.reason || d.requests.Load() != c.requests {
				t.Errorf("got %+v after %d requests, want %q after %d", res, d.requests.Load(), c.reason, c.requests)
			}
		})
	}
}

// Only one more try, whatever waits in the pool, and none on a connection that was new.
func TestLostTwiceIsAFailure(t *testing.T) {
	t.Parallel()
	var requests, lost atomic.Int64
	url := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", func(c net.Conn) {
		for r := bufio.NewReader(c); ; {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			io.Copy(io.Discard, req.Body)
			requests.Add(1)
			if lost.Load() != 0 {
				return
			}
			io.WriteString(c, fine)
		}
	}) + "/"
	s := sender(t)
	ready := make(chan struct{}, 8)
	for range cap(ready) { // so that several connections wait
		go func() { post(s, t.Context(), url, time.Minute); ready <- struct{}{} }()
	}
	for range cap(ready) {
		<-ready
	}
	before := requests.Load()
	lost.Store(1)
	if res := post(s, t.Context(), url, time.Minute); res.Reason != delivery.ReasonClosed || requests.Load() != before+2 {
		t.Errorf("got %+v after %d requests", res, requests.Load()-before)
	}
	fresh := sender(t)
	before = requests.Load()
	if res := post(fresh, t.Context(), url, time.Minute); res.Reason != delivery.ReasonClosed || requests.Load() != before+1 {
		t.Errorf("on a new connection: %+v after %d requests", res, requests.Load()-before)
	}
}

// The second request is within the time of the attempt, and where it must wait for the
// endpoint's rate, it does; where there is no room, the attempt has failed.
func TestSecondRequestKeepsToTheLimits(t *testing.T) {
	t.Parallel()
	again := func(s *webhook.Sender, ctx context.Context, url string, timeout time.Duration, ask func(time.Time) (time.Duration, bool)) delivery.Response {
		return s.Send(ctx, delivery.Request{URL: url, Header: http.Header{}, Body: []byte("b"), Timeout: timeout, Again: ask})
	}
	setup := func() (*dropper, *webhook.Sender, string) {
		d := &dropper{drop: reset}
		url := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", d.serve) + "/"
		s := sender(t)
		post(s, t.Context(), url, time.Minute)
		return d, s, url
	}
	d, s, url := setup()
	begin := time.Now()
	res := again(s, t.Context(), url, time.Minute, func(end time.Time) (time.Duration, bool) {
		if left := time.Until(end); left <= 0 || left > time.Minute {
			t.Errorf("the attempt ends in %v", left)
		}
		return 30 * time.Millisecond, true
	})
	if res.Reason != "" || d.requests.Load() != 3 || time.Since(begin) < 30*time.Millisecond {
		t.Errorf("got %+v after %d requests and %v", res, d.requests.Load(), time.Since(begin))
	}
	d, s, url = setup()
	res = again(s, t.Context(), url, time.Minute, func(time.Time) (time.Duration, bool) { return 0, false })
	if res.Reason != delivery.ReasonClosed || d.requests.Load() != 2 {
		t.Errorf("without room: %+v after %d requests", res, d.requests.Load())
	}
	d, s, url = setup()
	ctx, stop := context.WithCancel(t.Context())
	res = again(s, ctx, url, time.Minute, func(time.Time) (time.Duration, bool) { stop(); return time.Hour, true })
	if res.Reason != delivery.ReasonStopped || d.requests.Load() != 2 {
		t.Errorf("stopped while it waits: %+v after %d requests", res, d.requests.Load())
	}
	d, s, url = setup()
	if res = post(s, t.Context(), url, 30*time.Second); res.Reason != "" || d.conns.Load() != 2 {
		t.Errorf("without a limit: %+v on %d connections", res, d.conns.Load())
	}
}

// The same over TLS: with HTTP/1.1 the connections are the sender's own, with HTTP/2 those of
// the transport, where a stream of a reused connection may be lost.
func TestReusedSecureConnectionIsLost(t *testing.T) {
	t.Parallel()
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			var conns connections
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				switch requests.Add(1) {
				case 4: // the connection has carried others before
					conns.cut()
					<-r.Context().Done()
				default:
					io.WriteString(w, r.Proto)
				}
			}))
			server.EnableHTTP2 = proto == "HTTP/2.0"
			server.Listener = &tapped{server.Listener, &conns}
			server.StartTLS()
			defer server.Close()
			roots := x509.NewCertPool()
			roots.AddCert(server.Certificate())
			s := webhook.New(webhook.Options{Egress: loopback(), RootCAs: roots})
			defer s.Close()
			for i := range 5 {
				if res := post(s, t.Context(), server.URL, 20*time.Second); res.Reason != "" || res.Body != proto {
					t.Fatalf("%d: %+v", i, res)
				}
			}
			if requests.Load() != 6 {
				t.Errorf("%d requests for 5 attempts", requests.Load())
			}
		})
	}
}

// connections are those that a server has accepted.
type connections struct {
	mu  sync.Mutex
	all []net.Conn
}

// cut resets them all.
func (cs *connections) cut() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, c := range cs.all {
		reset(c)
		c.Close()
	}
	cs.all = nil
}

// tapped is a listener that remembers what it accepts.
type tapped struct {
	net.Listener
	conns *connections
}

func (l *tapped) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.conns.mu.Lock()
		l.conns.all = append(l.conns.all, c)
		l.conns.mu.Unlock()
	}
	return c, err
}
