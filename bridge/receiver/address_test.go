package receiver_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/receiver"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// forwardedBy is a request from a proxy on loopback; headers are "Name: value" lines.
func forwardedBy(target, host string, headers ...string) *http.Request {
	q := httptest.NewRequest(http.MethodPost, target, nil)
	q.Host, q.RemoteAddr = host, "127.0.0.1:5000"
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		q.Header.Add(name, value)
	}
	return q
}

func TestRequestURLBehindProxies(t *testing.T) {
	t.Parallel()
	const inner = "10.1.2.3:8080"
	for name, c := range map[string]struct {
		host    string
		headers []string
		want    string
	}{
		"nothing said":                {"a.example", nil, "http://a.example"},
		"proto":                       {"a.example", []string{"X-Forwarded-Proto: https"}, "https://a.example"},
		"capitals":                    {"a.example", []string{"X-Forwarded-Proto: HTTPS"}, "https://a.example"},
		"outer https, inner http":     {"a.example", []string{"X-Forwarded-Proto: https, http"}, "https://a.example"},
		"the same in two lines":       {"a.example", []string{"X-Forwarded-Proto: https", "X-Forwarded-Proto: http"}, "https://a.example"},
		"an empty member":             {"a.example", []string{"X-Forwarded-Proto: ,https"}, "https://a.example"},
		"no scheme of the web":        {"a.example", []string{"X-Forwarded-Proto: gopher"}, "http://a.example"},
		"host":                        {inner, []string{"X-Forwarded-Host: a.example, b.internal"}, "http://a.example"},
		"host with port":              {inner, []string{"X-Forwarded-Host: a.example:8443", "X-Forwarded-Proto: https"}, "https://a.example:8443"},
		"port":                        {inner, []string{"X-Forwarded-Host: a.example", "X-Forwarded-Proto: https", "X-Forwarded-Port: 8443"}, "https://a.example:8443"},
		"port of the inner one":       {"a.example:8080", []string{"X-Forwarded-Proto: https", "X-Forwarded-Port: 443"}, "https://a.example"},
		"default port":                {"a.example", []string{"X-Forwarded-Proto: https", "X-Forwarded-Port: 443"}, "https://a.example"},
		"several ports":               {"a.example", []string{"X-Forwarded-Proto: https", "X-Forwarded-Port: 8443, 80"}, "https://a.example:8443"},
		"host names the port already": {inner, []string{"X-Forwarded-Host: a.example:8443", "X-Forwarded-Port: 443", "X-Forwarded-Proto: https"}, "https://a.example:8443"},
		"no port":                     {"a.example", []string{"X-Forwarded-Port: 99999"}, "http://a.example"},
		"IPv6":                        {"[::1]:80", []string{"X-Forwarded-Host: [2001:db8::1]", "X-Forwarded-Port: 8080"}, "http://[2001:db8::1]:8080"},
		"a host that is none":         {"a.example", []string{"X-Forwarded-Host: evil.example/x?"}, "http://a.example"},
		"Forwarded":                   {inner, []string{"Forwarded: for=192.0.2.1;proto=https;host=a.example"}, "https://a.example"},
		"Forwarded, quoted and spelt": {inner, []string{`Forwarded: For="[2001:db8::7]:4711" ; PROTO=HTTPS; Host="a.example:8443", for=10.0.0.1;proto=http;host=b.internal`}, "https://a.example:8443"},
		"Forwarded in two lines":      {inner, []string{"Forwarded: for=192.0.2.1;proto=https", "Forwarded: for=10.0.0.1;proto=http;host=a.example"}, "https://a.example"},
		"Forwarded is unreadable":     {"a.example", []string{`Forwarded: proto="https`}, "http://a.example"},
		"both":                        {inner, []string{"Forwarded: proto=http;host=b.example", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.example"}, "https://a.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := forwardedBy("/webhooks/shop?b=x+y&a=%20", c.host, c.headers...)
			const behind = "/webhooks/shop?b=x+y&a=%20"
			if got := receiver.RequestURL(q, "", loopback); got != c.want+behind {
				t.Errorf("trusted: %s, want %s", got, c.want+behind)
			}
			if got := receiver.RequestURL(q, "", nil); got != "http://"+c.host+behind {
				t.Errorf("not trusted: %s", got)
			}
			if got := receiver.RequestURL(q, "https://told.example/hook", loopback); got != "https://told.example/hook?b=x+y&a=%20" {
				t.Errorf("with a public URL: %s", got)
			}
			q.TLS = &tls.ConnectionState{}
			if got := receiver.RequestURL(q, "", nil); got != "https://"+c.host+behind {
				t.Errorf("over TLS: %s", got)
			}
		})
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add(`for="[2001:db8::7]:4711" ; proto=https;host="a\"b"`, "https, http", "a.example", "8443")
	f.Add(`for=a;=;,;;;=","`, ",", "[::1]:1", "0")
	f.Fuzz(func(t *testing.T, forwarded, proto, host, port string) {
		q := forwardedBy("/webhooks/shop", "a.example", "Forwarded: "+forwarded, "X-Forwarded-Proto: "+proto, "X-Forwarded-Host: "+host, "X-Forwarded-Port: "+port)
		got := receiver.RequestURL(q, "", loopback)
		if !strings.HasPrefix(got, "http://") && !strings.HasPrefix(got, "https://") || !strings.HasSuffix(got, "/webhooks/shop") {
			t.Fatalf("%q", got)
		}
		if u, err := url.Parse(got); err == nil && (u.Path != "/webhooks/shop" || u.RawQuery != "" || u.User != nil) {
			t.Fatalf("the headers reached beyond the host: %q", got)
		}
	})
}
