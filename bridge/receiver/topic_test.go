package receiver_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/receiver"
)

func TestTopic(t *testing.T) {
	t.Parallel()
	const base = "hookspan.events.shop"
	for _, c := range []struct{ name, eventType, prefix, want string }{
		{"prefix removed", "com.sticker.order.shipped", "com.sticker", base + ".order.shipped"},
		{"another prefix", "org.other.thing", "com.sticker", base + ".org.other.thing"},
		{"prefix without its dot", "com.stickery.order", "com.sticker", base + ".com.stickery.order"},
		{"no prefix", "order.shipped", "", base + ".order.shipped"},
		{"only the prefix", "com.sticker", "com.sticker", base + ".com.sticker"},
		{"prefix and nothing", "com.sticker.", "com.sticker", base + "._"},
		{"empty", "", "", base + "._"},
		{"wildcards", "p.a*b.>.*", "p", base + ".a_b._._"},
		{"spaces and controls", "p.a b\tc\r\nd\x00e\x7f", "p", base + ".a_b_c__d_e_"},
		{"empty tokens", "p..a..b.", "p", base + "._.a._.b._"},
		{"not UTF-8", "p.a\xff\xfeb", "p", base + ".a__b"},
		{"letters beyond ASCII", "p.größe", "p", base + ".größe"},
		{"invisible", "p.a\u200bb\u00a0c\u2028d", "p", base + ".a_b_c_d"},
		{"long", "p." + strings.Repeat("a", 500), "p", base + "." + strings.Repeat("a", 200)},
		{"cut before a character", "p." + strings.Repeat("a", 199) + "ß", "p", base + "." + strings.Repeat("a", 199)},
	} {
		if got := receiver.Topic(base, c.eventType, c.prefix); got != c.want {
			t.Errorf("%s: Topic(%q, %q) = %q, want %q", c.name, c.eventType, c.prefix, got, c.want)
		}
	}
}

func FuzzTopic(f *testing.F) {
	f.Add("com.sticker.order.shipped", "com.sticker")
	f.Add("..>*. \x00\xff", "")
	f.Add(strings.Repeat("é.", 300), "p")
	f.Fuzz(func(t *testing.T, eventType, prefix string) {
		const base = "hookspan.events.shop"
		got := receiver.Topic(base, eventType, prefix)
		name, ok := strings.CutPrefix(got, base+".")
		if !ok {
			t.Fatalf("%q does not begin with the base", got)
		}
		if len(name) > 600 || !utf8.ValidString(name) {
			t.Fatalf("%q is too long or not UTF-8", name)
		}
		for token := range strings.SplitSeq(name, ".") {
			if token == "" || strings.ContainsFunc(token, func(r rune) bool {
				return r == '*' || r == '>' || unicode.IsSpace(r) || unicode.IsControl(r)
			}) {
				t.Fatalf("token %q of %q is not one of a subject", token, got)
			}
		}
		if again := receiver.Topic(base, name, ""); len(name) <= 200 && again != got {
			t.Fatalf("%q is not stable: %q", got, again)
		}
	})
}
