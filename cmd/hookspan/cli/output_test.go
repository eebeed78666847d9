package cli

import (
	"bytes"
	"testing"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"plain, grün, 日本, 👍\tx\n": "plain, grün, 日本, 👍\tx\n",
		"\x1b[0m":                 `\u001b[0m`,
		"a\x00\x7f\u0085":         `a\u0000\u007f\u0085`,
		"\U000e0001":              `\udb40\udc01`,
		"\xff\xfe":                `\ufffd\ufffd`,
		"":                        "",
	} {
		var out bytes.Buffer
		if n, err := (guarded{&out}).Write([]byte(given)); n != len(given) || err != nil || out.String() != want {
			t.Errorf("%q: %q, want %q (%d, %v)", given, out.String(), want, n, err)
		}
	}
	if got := Plain("a\nb\tc"); got != `a\u000ab\u0009c` {
		t.Errorf("on one line: %q", got)
	}
}
