package event_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
)

func TestReferences(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{
		"/shops/eu": true, "shop": true, "https://shop.example:8443/a?b=c#d": true, "urn:uuid:6e8bc430": true, "mailto:a@b.example": true,
		"tag:example.com,2026:shop": true, "a/b:c": true, "?a:b": true, "#a:b": true, "/caf\u00e9": true, "/a%20b": true, "http://[::1]/x": true, "//host/x": true, "": true,
		"my shop": false, "a\tb": false, "<a>": false, `"a"`: false, "a|b": false, "{id}": false, `a\b`: false, "a^b": false, "`a`": false,
		"%": false, "%2": false, "%zz": false, ":": false, "::not": false, "10.0.0.1:8080": false, "a b:c": false, "\u00e9:a": false,
	} {
		if got := event.IsReference(v); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{
		"application/json": true, "Text/Plain; charset=utf-8": true, "application/vnd.shop.v1+json": true, "a/b;c": true, " text/csv ": true,
		"": false, "json": false, "/json": false, "text/": false, "text/a b": false, "text/a/b": false, "text/\u00e9": false, ";charset=utf-8": false,
	} {
		if got := event.IsMediaType(v); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
}
