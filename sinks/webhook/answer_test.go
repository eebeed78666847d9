package webhook_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	future := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		status int
		wait   string
		reason delivery.Reason
		least  time.Duration
	}{
		{200, "", "", 0}, {201, "", "", 0}, {202, "", "", 0}, {204, "", "", 0}, {299, "", "", 0},
		{301, "", delivery.ReasonRedirect, 0}, {302, "", delivery.ReasonRedirect, 0}, {304, "", delivery.ReasonRedirect, 0}, {307, "", delivery.ReasonRedirect, 0}, {308, "", delivery.ReasonRedirect, 0},
		{400, "", delivery.ReasonStatus, 0}, {401, "", delivery.ReasonStatus, 0}, {404, "", delivery.ReasonStatus, 0}, {415, "", delivery.ReasonStatus, 0}, {500, "", delivery.ReasonStatus, 0}, {599, "", delivery.ReasonStatus, 0},
		{410, "", delivery.ReasonGone, 0},
		{429, "", delivery.ReasonLimited, 0}, {429, "120", delivery.ReasonLimited, 120 * time.Second}, {429, "soon", delivery.ReasonLimited, 0},
		{503, "", delivery.ReasonStatus, 0}, {503, "soon", delivery.ReasonStatus, 0}, {503, "0", delivery.ReasonLimited, 0}, {503, "30", delivery.ReasonLimited, 30 * time.Second},
		{503, future, delivery.ReasonLimited, 59 * time.Minute}, {503, "-5", delivery.ReasonStatus, 0}, {429, "99999999999999999", delivery.ReasonLimited, 1000 * time.Hour},
		{429, "999999999999999999999999", delivery.ReasonLimited, 1000 * time.Hour}, {429, "000000000000000000000000000120", delivery.ReasonLimited, 120 * time.Second}, {429, "31.5", delivery.ReasonLimited, 0},
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
		reason delivery.Reason
		status int
	}{
		{"closes before reading", func(net.Conn) {}, delivery.ReasonClosed, 0},
		{"closes without an answer", readRequest, delivery.ReasonClosed, 0},
		{"resets", func(c net.Conn) { readRequest(c); c.(*net.TCPConn).SetLinger(0) }, delivery.ReasonClosed, 0},
		{"closes inside the head", answer("HTTP/1.1 200 OK\r\nServer: x\r\n"), delivery.ReasonClosed, 0},
		{"closes inside the body", answer(head + "Content-Length: 10\r\n\r\nabc"), delivery.ReasonClosed, 200},
		{"closes inside a chunk", answer(head + "Transfer-Encoding: chunked\r\n\r\nff\r\nabc"), delivery.ReasonClosed, 200},
		{"breaks off an error", answer("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\nabc"), delivery.ReasonStatus, 500},
		{"no HTTP", answer("canary-answer 220 smtp ready\r\n\r\n"), delivery.ReasonProtocol, 0},
		{"no status", answer("HTTP/1.1 abc\r\n\r\n"), delivery.ReasonProtocol, 0},
		{"bad header", answer("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), delivery.ReasonProtocol, 0},
		{"two lengths", answer(head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), delivery.ReasonProtocol, 0},
		{"bad chunk", answer(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"), delivery.ReasonProtocol, 200},
		{"endless head", func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; i < 100_000; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: %d\r\n", i, i); err != nil {
					return
				}
			}
		}, delivery.ReasonProtocol, 0},
		{"flood of early hints", func(c net.Conn) {
			readRequest(c)
			for range 100_000 {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n"); err != nil {
					return
				}
			}
		}, delivery.ReasonProtocol, 0},
		{"switches protocols", func(c net.Conn) {
			answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")(c)
			hold(c)
		}, delivery.ReasonProtocol, 101},
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

// What counts as success is the request's to say, and only what arrived whole does.
func TestOtherSuccess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		serve  func(net.Conn)
		reason delivery.Reason
	}{
		"its own":    {answer("HTTP/1.1 404 None\r\nContent-Length: 3\r\n\r\nabc"), ""},
		"broken off": {answer("HTTP/1.1 404 None\r\nContent-Length: 10\r\n\r\nabc"), delivery.ReasonClosed},
		"not 202":    {answer("HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n"), delivery.ReasonStatus},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := sender(t).Send(t.Context(), delivery.Request{
				URL: "http://127.0.0.1:" + listen(t, "127.0.0.1:0", c.serve) + "/", Header: http.Header{}, Timeout: 20 * time.Second,
				Success: func(status int) bool { return status == 404 },
			})
			if res.Reason != c.reason || res.Status == 0 {
				t.Errorf("got %+v, want %q", res, c.reason)
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
		reason delivery.Reason
	}{{1, ""}, {5, ""}, {6, ""}, {100, ""}, {1000, ""}, {1001, delivery.ReasonProtocol}} {
		port := listen(t, "127.0.0.1:0", answer(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", c.hints)+"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
		res := post(sender(t), t.Context(), "http://127.0.0.1:"+port+"/", 20*time.Second)
		if res.Reason != c.reason || c.reason == "" && res.Body != "ok" {
			t.Errorf("%d hints: %+v", c.hints, res)
		}
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
	for name, c := range map[string]struct{ body, text, binary string }{
		"text":              {"no such order\n", "no such order\n", ""},
		"no UTF-8":          {"a\xff\xfeb", "", "a\xff\xfeb"},
		"terminal escape":   {"\x1b[2J\u009b", "\uFFFD[2J\uFFFD", ""},
		"a picture":         {"\x89PNG\r\n\x1a\n\x00", "", "\x89PNG\r\n\x1a\n\x00"},
		"NUL":               {"a\x00b", "", "a\x00b"},
		"cut in a letter":   {strings.Repeat("a", 4095) + "ü" + strings.Repeat("b", 100), strings.Repeat("a", 4095), ""},
		"ends in a letter":  {"a\xc3", "", "a\xc3"},
		"binary and longer": {strings.Repeat("\xff", 5000), "", strings.Repeat("\xff", 4096)},
		"empty":             {"", "", ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, c.body) }))
		if res := post(sender(t), t.Context(), server.URL, 20*time.Second); res.Body != c.text || res.Binary != c.binary || res.Reason != "" {
			t.Errorf("%s: %q, binary %q, reason %q", name, res.Body, res.Binary, res.Reason)
		}
		server.Close()
	}
}
