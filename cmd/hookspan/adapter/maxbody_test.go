package adapter_test

import (
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
)

// The embedded server takes what the providers of all sources send.
func TestTheEmbeddedBusTakesTheLargestBody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ []string
		most    int64
	}{
		"usual":          {[]string{"HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker"}, 1 << 20},
		"the provider's": {[]string{"HOOKSPAN_SOURCE_SHOP_PROVIDER=github"}, 25 << 20},
		"the source's":   {[]string{"HOOKSPAN_SOURCE_SHOP_PROVIDER=github", "HOOKSPAN_SOURCE_SHOP_MAX_BODY=2MiB"}, 2 << 20},
		"base64 in JSON": {[]string{"HOOKSPAN_SOURCE_SHOP_PROVIDER=github", "HOOKSPAN_SOURCE_SHOP_CONTENT=structured"}, 25 << 20 / 3 * 4},
	} {
		cfg, err := server.Configured(t.Context(), append(c.environ, "HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_SECRETS=0123456789abcdef0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		if got := int64(adapter.MaxPayload(cfg)); got < c.most || got > c.most+128<<10 {
			t.Errorf("%s: messages of %d bytes, want %d and headers", name, got, c.most)
		}
	}
}
