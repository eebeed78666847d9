package webhook

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// answers are heads as receivers write them, and whether they are plain.
var answers = map[string]bool{
	"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n":                    true,
	"HTTP/1.1 200 OK\r\nserver: nginx\r\ncontent-length: 2\r\nconnection: keep-alive\r\nX-A: \xe9\r\n\r\nok": true,
	"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length:\t3 \r\n\r\nabc":       true,
	"HTTP/1.1 204 No Content\r\nX:\r\n\r\n":                                                                  true,
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n":                                                true,
	"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nab":                                                           true, // cut off
	"HTTP/1.1 200 OK\r\n\r\nuntil the end":                                                                   false,
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab":                                    false,
	"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na":                                                         false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":                    false,
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n":                                      false,
	"HTTP/1.1 503 Slow\r\nContent-Length: 0\r\nRetry-After: 5\r\n\r\n":                                       false,
	"HTTP/1.1 200 OK\r\nA: b\n\r\nContent-Length: 0\r\n\r\n":                                                 false,
	"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n":                                             false,
	"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n":                                                  false,
	"HTTP/1.1 200 O\nK: v\r\nContent-Length: 0\r\n\r\n":                                                      false,
	"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n":                                                  false,
	"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n":                                                              false,
	"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n":                                                           false,
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n":                                                               false,
	"": false,
}

func TestPlainAnswers(t *testing.T) {
	t.Parallel()
	for text, plain := range answers {
		r := bufio.NewReader(strings.NewReader(text))
		if _, ok, err := readPlain(r); ok != plain || (err != nil) != (text == "") {
			t.Errorf("%q is plain: %v, %v", text, ok, err)
		}
		alike(t, []byte(text))
	}
}

// Whatever is read here is what net/http makes of it.
func FuzzPlain(f *testing.F) {
	for text := range answers {
		f.Add([]byte(text))
	}
	f.Fuzz(alike)
}

func alike(t *testing.T, text []byte) {
	r := bufio.NewReader(bytes.NewReader(text))
	got, ok, _ := readPlain(r)
	if !ok {
		return
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	want := answerOf(res)
	if got.status != want.status || got.wait != want.wait || got.delayed != want.delayed || got.closes != want.closes || (got.body == nil) != (want.body == nil) {
		t.Fatalf("%q: %+v, want %+v", text, got, want)
	}
	// A head that is longer keeps others of its headers; net/http adds one where there is a Pragma.
	if a, b := got.headers().Map(), want.headers().Map(); len(text) < maxHeaders && !maps.Equal(a, b) && want.header["Pragma"] == nil {
		t.Fatalf("%q: headers %q, want %q", text, a, b)
	}
	if got.body == nil {
		return
	}
	gotBody, gotErr := io.ReadAll(got.body)
	wantBody, wantErr := io.ReadAll(want.body)
	if !bytes.Equal(gotBody, wantBody) || !errors.Is(gotErr, wantErr) {
		t.Fatalf("%q: body %q (%v), want %q (%v)", text, gotBody, gotErr, wantBody, wantErr)
	}
}
