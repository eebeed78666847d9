package webhook_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// Whatever the server speaks, the rules are the same. Each case is asked twice: to find out what is
// spoken, and when that is known.
func TestBothProtocolsKeepTheRules(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	const packed = "\x1f\x8b\x08\x00"
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		within time.Duration
		want   delivery.Response // its Body is the beginning
	}{
		"success": {func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			io.WriteString(w, strings.Join([]string{r.Method, r.RequestURI, r.Header.Get("Content-Length"), r.Header.Get("Webhook-Id"), r.UserAgent(), r.Header.Get("Accept-Encoding"), string(body)}, "|"))
		}, 0, delivery.Response{Status: 200, Body: "POST|/in?a=b|4|msg_1|Hookspan/1||body"}},
		"a long body": {func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("long "), 1<<20)) }, 0, delivery.Response{Status: 200, Body: "long long"}},
		"a long head": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Long", strings.Repeat("a", 70<<10)) }, 0, delivery.Response{Reason: delivery.ReasonProtocol}},
		"a redirect": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(307)
		}, 0, delivery.Response{Status: 307, Reason: delivery.ReasonRedirect}},
		"gone":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, 0, delivery.Response{Status: 410, Reason: delivery.ReasonGone}},
		"asks for fewer": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "7"); w.WriteHeader(429) }, 0, delivery.Response{Status: 429, Reason: delivery.ReasonLimited, RetryAfter: 7 * time.Second}},
		"is not unpacked": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, packed)
		}, 0, delivery.Response{Status: 200, Binary: packed}},
		"never answers": {func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // else it answers whoever hangs up
		}, time.Second, delivery.Response{Reason: delivery.ReasonTimeout}},
		"never ends": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}, 3 * time.Second, delivery.Response{Status: 200, Body: "begun", Reason: delivery.ReasonTimeout}},
		"ends in the middle": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 0, delivery.Response{Status: 200, Body: "half", Reason: delivery.ReasonClosed}},
	} {
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
			t.Run(proto+" "+name, func(t *testing.T) {
				t.Parallel()
				s, url := over(t, proto, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/elsewhere" {
						elsewhere.Add(1)
					}
					if r.Proto != proto || r.Header.Get("Cookie") != "" {
						t.Errorf("%s with %v", r.Proto, r.Header)
					}
					body, _ := io.ReadAll(r.Body) // else a server does not see that its client is gone
					r.Body = io.NopCloser(bytes.NewReader(body))
					w.Header().Set("Set-Cookie", "a=b")
					c.answer(w, r)
				})
				for range 2 {
					res := s.Send(t.Context(), delivery.Request{
						URL: url + "/in?a=b", Header: http.Header{"Webhook-Id": {"msg_1"}, "User-Agent": {"Hookspan/1"}}, Body: []byte("body"),
						Timeout: cmp.Or(c.within, 20*time.Second),
					})
					if res.Status != c.want.Status || res.Reason != c.want.Reason || res.RetryAfter != c.want.RetryAfter || !strings.HasPrefix(res.Body, c.want.Body) || res.Binary != c.want.Binary {
						t.Errorf("%+v, want %+v", res, c.want)
					}
				}
			})
		}
	}
	t.Cleanup(func() {
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("%d redirects were followed", n)
		}
	})
}

// over serves one protocol, and returns who trusts the server.
func over(t *testing.T, proto string, answer http.HandlerFunc) (*webhook.Sender, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(answer)
	server.EnableHTTP2 = proto == "HTTP/2.0"
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := webhook.New(webhook.Options{Egress: loopback(), RootCAs: roots})
	t.Cleanup(s.Close)
	return s, server.URL
}

// Of an answer without end little lies in memory: the server can write no more than what is read
// and what the window has room for.
func TestAnswersOverHTTP2AreHeldBack(t *testing.T) {
	t.Parallel()
	written := make(chan int, 1)
	s, url := over(t, "HTTP/2.0", func(w http.ResponseWriter, _ *http.Request) {
		total, piece := 0, make([]byte, 16<<10)
		for total < 64<<20 {
			n, err := w.Write(piece)
			total += n
			if err != nil {
				break
			}
		}
		written <- total
	})
	if res := post(s, t.Context(), url, 20*time.Second); res.Reason != "" {
		t.Fatalf("%+v", res)
	}
	if n := <-written; n > 512<<10 {
		t.Errorf("the server could write %d bytes", n)
	}
}

// Attempts share a connection; one that is stopped, or has no time left, takes no other with it.
func TestRequestsOfAConnectionAreApart(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 1)
	var remote atomic.Value
	s, url := over(t, "HTTP/2.0", func(w http.ResponseWriter, r *http.Request) {
		if first := remote.Load(); first == nil {
			remote.Store(r.RemoteAddr)
		} else if first != r.RemoteAddr {
			t.Error("another connection")
		}
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-r.Context().Done()
		}
	})
	if res := post(s, t.Context(), url, 20*time.Second); res.Reason != "" {
		t.Fatalf("%+v", res)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan delivery.Response, 1)
	go func() { stopped <- post(s, ctx, url+"/slow", 20*time.Second) }()
	<-entered
	if res := post(s, t.Context(), url, 20*time.Second); res.Reason != "" {
		t.Errorf("beside one that hangs: %+v", res)
	}
	stop()
	if res := <-stopped; res.Reason != delivery.ReasonStopped {
		t.Errorf("stopped: %+v", res)
	}
	if res := post(s, t.Context(), url, 20*time.Second); res.Reason != "" {
		t.Errorf("after one that was stopped: %+v", res)
	}
}
