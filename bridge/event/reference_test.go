package event_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
)

// An IRI's characters pass, but for those that receivers with the SDK for Go refuse.
func TestReferences(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{
		"/shops/eu": true, "shop": true, "https://shop.example:8443/a?b=c#d": true, "urn:uuid:6e8bc430": true, "mailto:a@b.example": true,
		"tag:example.com,2026:shop": true, "a/b:c": true, "?a:b": true, "#a:b": true, "/caf\u00e9": true, "/a%20b": true, "http://[::1]/x": true, "//host/x": true, "": true,
		"my shop": false, "a\tb": false, "<a>": false, `"a"`: false, "a|b": false, "{id}": false, `a\b`: false, "a^b": false, "`a`": false,
		"%": false, "%2": false, "%zz": false, ":": false, "::not": false, "10.0.0.1:8080": false, "a b:c": false, "\u00e9:a": false,
		":foo": false, "1x:y": false, "?a?b": true, "?a#b?c": true, "#a#b": false, "#%zz": false, "?%zz": false, "*": true, "a@b": true, "//": true, "//?": true,
		"/a[b]": false, "?a[]=1": false, "#[": false, "a]": false, "///x": true, "http:////x": true, "http:": true, "http://": true, "file:///x": true,
		"http://host:port/": false, "http://host:/": true, "http://:80/": true, "http://host:80:80/": false, "db://a:1,b:2/": false, "http://h?q": true, "http://h#f": true,
		"http://[bad": false, "http://[bad]/": false, "http://[]/": false, "http://[1.2.3.4]/": false, "http://[v1.x]/": false, "http://[::1]:80/": true, "http://[::1]x/": false,
		"http://[::1]:x/": false, "http://[::ffff:1.2.3.4]": true, "http://[fe80::1%25en0]/": false, "http://[fe80::1%en0]/": false, "http://a[::1]/": false, "http://::1/": false,
		"http://user:pass@host/": true, "http://us%20er@host/": true, "http://u@s@host/": false, "http://\u00fc@host/": false, "http://@/": true, "http://u[@host/": false,
		"http://h\u00f6st/": true, "http://h%C3%B6st/": true, "http://h%41st/": false, "http://h%zzst/": false, "http://h%": false, "http://a%25b/": true, "http://a b/": false,
	} {
		if got := event.IsReference(v); got != want {
			t.Errorf("%q: %v", v, got)
		}
		if _, err := url.Parse(v); err != nil && want {
			t.Errorf("%q is wanted, and receivers with the SDK for Go refuse it: %v", v, err)
		}
	}
}

func TestURIs(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{
		"https://shop.example/order.json": true, "urn:shop:order": true, "https://shop.example/a#/defs/order": true,
		"": false, "/order.json": false, "//shop.example/order.json": false, "order.json": false, "1x:y": false, "http://[bad": false, "#a:b": false,
	} {
		if got := event.IsURI(v); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
}

// Every event is judged on its way.
func TestReferencesCostNoMemory(t *testing.T) {
	for _, v := range []string{"/sources/shop", "https://user@shop.example:8443/a%20b?c=d#e", "http://[2001:db8::1]:80/", "urn:uuid:6e8bc430"} {
		if n := testing.AllocsPerRun(100, func() { event.IsReference(v) }); n > 0 {
			t.Errorf("%q: %v allocations", v, n)
		}
	}
}

func BenchmarkIsReference(b *testing.B) {
	for _, v := range []string{"/sources/shop", "https://api.github.com/repos/acme/shop", "http://[2001:db8::1]:80/a?b=c#d"} {
		b.Run(strings.ReplaceAll(v, "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				event.IsReference(v)
			}
		})
	}
}
