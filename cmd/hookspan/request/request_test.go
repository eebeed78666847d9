package request

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

func TestSavedRequestsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, method, url, header, body string }{
		"as sent":           {"POST /in?a=1 HTTP/1.1\r\nHost: h.example\r\nX-A: b\r\n\r\n{\r\n}\r\n", "POST", "/in?a=1", "b", "{\r\n}\r\n"},
		"saved by hand":     {"PUT https://h.example/in\nX-A: b\n\nbody\n", "PUT", "https://h.example/in", "b", "body\n"},
		"with a length":     {"POST /in HTTP/1.1\nHost: h\nX-A: b\nContent-Length: 4\n\nbody\n", "POST", "/in", "b", "body"},
		"length is too big": {"POST /in HTTP/1.1\nHost: h\nX-A: b\nContent-Length: 99\n\nbody", "POST", "/in", "b", "body"},
		"no body":           {"GET /in HTTP/1.1\nHost: h\nX-A: b\n\n", "GET", "/in", "b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r provider.Request
			if err := readRequest(&r, []byte(c.text)); err != nil {
				t.Fatal(err)
			}
			if r.Method != c.method || r.URL != c.url || r.Header.Get("X-A") != c.header || string(r.Body) != c.body {
				t.Errorf("%s %s, X-A %q, body %q", r.Method, r.URL, r.Header.Get("X-A"), r.Body)
			}
		})
	}
}

func FuzzReadRequest(f *testing.F) {
	for _, seed := range []string{"", "POST", "POST / HTTP/1.1\n\nx", "POST /\nContent-Length: -1\n\nx", "GET /\n: x\n\n", "\x00\n\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r provider.Request
		if readRequest(&r, []byte(text)) == nil && !strings.HasSuffix(text, string(r.Body)) && r.Header.Get("Content-Length") == "" {
			t.Errorf("body %q is not the end of %q", r.Body, text)
		}
	})
}
