package webhook_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// Every attempt gets the answer to its own request, also when others are cut off in between.
func TestAnswersBelongToTheirRequests(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(string(body), "hang") {
			<-r.Context().Done()
			return
		}
		fmt.Fprintf(w, "answer to %s", body)
	}))
	defer server.Close()
	s := sender(t)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for j := range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				body := fmt.Sprintf("request %d.%d %s", i, j, strings.Repeat("x", j*100))
				timeout := 20 * time.Second
				if j%10 == 9 {
					body, timeout = "hang", time.Millisecond
				}
				res := s.Send(ctx, delivery.Request{URL: server.URL, Header: http.Header{}, Body: []byte(body), Timeout: timeout})
				cancel() // after the attempt: must not reach into the connection's next one
				if timeout < time.Second {
					if res.Reason != delivery.ReasonTimeout {
						t.Errorf("hanging: %+v", res)
					}
				} else if want := ("answer to " + body); res.Body != want[:min(len(want), 4096)] {
					t.Errorf("%q got %.80q, reason %s: %s", body[:20], res.Body, res.Reason, res.Detail)
				}
			}
		})
	}
	all.Wait()
}

// An answer that nobody asked for must not become the answer to the next request.
func TestUnaskedAnswerIsNotUsed(t *testing.T) {
	t.Parallel()
	sent := make(chan struct{}, 10)
	var opened atomic.Int64
	port := listen(t, "127.0.0.1:0", func(c net.Conn) {
		opened.Add(1)
		answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(c)
		io.WriteString(c, "HTTP/1.1 500 Late\r\nContent-Length: 0\r\n\r\n")
		sent <- struct{}{}
		hold(c)
	})
	s := sender(t)
	for range 3 {
		if res := post(s, t.Context(), "http://127.0.0.1:"+port+"/", 20*time.Second); res.Status != 200 {
			t.Errorf("got %+v", res)
		}
		<-sent
	}
	if opened.Load() != 3 {
		t.Errorf("%d connections for 3 attempts", opened.Load())
	}
}

func TestAnswerBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}))
	defer server.Close()
	res := sender(t).Send(t.Context(), delivery.Request{
		URL: server.URL, Header: http.Header{}, Body: bytes.Repeat([]byte("x"), 200<<10), Timeout: 20 * time.Second,
	})
	if res.Status != http.StatusRequestEntityTooLarge || res.Reason != delivery.ReasonStatus {
		t.Errorf("got %+v", res)
	}
}

func TestHeadersCannotSmuggle(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, len(r.Header), r.ContentLength, r.TransferEncoding, r.Host)
	}))
	defer server.Close()
	s := sender(t)
	for name, h := range map[string]http.Header{
		"line break in a value": {"X-A": {"b\r\nX-Bad: 1"}},
		"line feed in a value":  {"X-A": {"b\nX-Bad: 1"}},
		"NUL in a value":        {"X-A": {"b\x00"}},
		"colon in a name":       {"X-Bad: 1\r\nX-A": {"b"}},
		"empty name":            {"": {"b"}},
	} {
		res := s.Send(t.Context(), delivery.Request{URL: server.URL, Header: h, Body: []byte("b"), Timeout: 20 * time.Second})
		if res.Reason != delivery.ReasonProtocol || res.Status != 0 {
			t.Errorf("%s: %+v", name, res)
		}
	}
	res := s.Send(t.Context(), delivery.Request{URL: server.URL, Body: []byte("b"), Timeout: 20 * time.Second, Header: http.Header{
		"Host": {"other.example"}, "Content-Length": {"9"}, "Transfer-Encoding": {"chunked"}, "Connection": {"close"}, "Upgrade": {"x"}, "Expect": {"100-continue"}, "Trailer": {"X"}, "Te": {"x"},
	}})
	if want := "1 1 []" + strings.TrimPrefix(server.URL, "http://"); res.Body != want {
		t.Errorf("the server saw %q, want %q", res.Body, want)
	}
}

// The first answer tells whether a server speaks HTTP/1.1; from then on it has connections
// of its own, which are used again like all others.
func TestHTTPSWithoutHTTP2(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Proto, body)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := webhook.New(webhook.Options{Egress: loopback(), RootCAs: roots})
	defer s.Close()
	for range 10 {
		if res := post(s, t.Context(), server.URL, 20*time.Second); res.Body != "HTTP/1.1 canary-body" || res.Reason != "" {
			t.Errorf("got %+v", res)
		}
	}
	if opened.Load() != 2 {
		t.Errorf("%d connections for 10 attempts", opened.Load())
	}
}
