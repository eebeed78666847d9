package provider_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

// Every provider with types of its own is known to send those of its samples, as a source publishes them.
func TestTypesOfProviders(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	for _, name := range c.Names() {
		p, _ := c.Provider(name)
		prefix, types, err := p.Types(provider.Config{Source: "shop", Options: optionsOf(name)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if free := slices.Contains([]string{"cloudevents", "hmac", "standard-webhooks"}, name); free != (len(types) == 0) {
			t.Errorf("%s: %d types are known", name, len(types))
		}
		for _, d := range types {
			if d.Type != prefix && !strings.HasPrefix(d.Type, prefix+".") || d.DataContentType == "" {
				t.Errorf("%s: %q of %q behind %q", name, d.Type, d.DataContentType, prefix)
			}
		}
	}
}

func TestTypesAreAsASourcePublishesThem(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	typesOf := func(name string, cfg provider.Config) string {
		p, _ := c.Provider(name)
		prefix, types, err := p.Types(cfg)
		if err != nil {
			return err.Error()
		}
		text := prefix + ":"
		for _, d := range types {
			text += " " + d.Type
		}
		return text
	}
	for want, got := range map[string]string{
		"com.sticker: com.sticker.order.created com.sticker.order.delivered com.sticker.order.shipped": typesOf("sticker", provider.Config{Source: "shop"}),
		"shop: shop.order.created shop.order.delivered shop.order.shipped":                             typesOf("sticker", provider.Config{Source: "shop", TypePrefix: "shop"}),
		"webhook.shop:": typesOf("hmac", provider.Config{Source: "shop", Options: map[string]string{"header": "X-Sig"}}),
		"option header is needed: the header that holds the signature": typesOf("hmac", provider.Config{Source: "shop"}),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	p, _ := c.Provider("sticker")
	_, types, _ := p.Types(provider.Config{Source: "shop"})
	if text := string(types[0].Data); !strings.HasPrefix(text, `{"event":"order.created"`) || strings.Contains(text, "${") {
		t.Errorf("the sample is %s", text)
	}
}
