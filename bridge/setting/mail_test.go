package setting_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/setting"
)

func TestMailServers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{ // as it is shown; "" is refused
		"smtp://mail.example":            "smtp://mail.example",
		" smtps://10.0.0.1/ ":            "smtps://10.0.0.1/",
		"smtp://[::1]:25":                "smtp://[::1]:25",
		"smtp://me:can%40ary@mail":       "smtp://***@mail",
		"smtp://canary@shop@mail":        "smtp://***@mail",
		"smtps://canary%40shop@mail:465": "smtps://***@mail:465",
		"smtp://:canary@mail":            "",
		"smtp://***@mail":                "",
		"smtp://me:canary%0d%0aX@mail":   "",
		"smtp://canary%0a@mail":          "",
		"http://canary@mail":             "",
		"mail:587":                       "",
		"mail":                           "",
		"smtp://":                        "",
		"smtp://mail:0":                  "",
		"smtp://mail:65536":              "",
		"smtp://mail:":                   "",
		"smtp://mail/path":               "",
		"smtp://mail?canary":             "",
		"smtp://mail#canary":             "",
		"smtp://ma il":                   "",
		"":                               "",
	} {
		var s setting.MailServer
		err := s.Parse(text)
		if (err != nil) != (want == "") || err == nil && s.Show() != want {
			t.Errorf("%q: %v, %v, want %q", text, s.Show(), err, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", text, err)
		}
	}
	var unset setting.MailServer
	if !unset.IsZero() || unset.Show() != nil {
		t.Errorf("nothing: %v", unset)
	}
	for text, host := range map[string]string{"smtp://m": "m:587", "smtps://m": "m:465", "smtp://[::1]": "[::1]:587", "smtp://m:25": "m:25"} {
		if u, err := setting.ReadMailServer(text); err != nil || u.Host != host {
			t.Errorf("%s: %v, %v; want %s", text, u, err, host)
		}
	}
}

func TestMailboxes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"a@b.example": true, "a+b@c": true, "a@[127.0.0.1]": true,
		"a": false, "": false, "A <a@b.example>": false, "a@b.example\n": false, "a b@c": false, `"a"@b`: false, "a@b,c@d": false, "ä@b": false,
		"<a@b.example>": false, strings.Repeat("a", 250) + "@b.example": false,
	} {
		if got := setting.IsMailbox(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	var list setting.Mailboxes
	if err := list.Parse("a@b, c@d"); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if err := list.Parse("a@b, c"); err == nil {
		t.Error("what is no address is taken")
	}
	for text, want := range map[string]bool{"a@b.example": true, "Hooks <a@b.example>": true, " a@b.example ": true, "a": false, "": false, "A\x01 <a@b>": false} {
		var m setting.Mailbox
		if err := m.Parse(text); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
