package event_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
)

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
