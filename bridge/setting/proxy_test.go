package setting_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/setting"
)

func TestProxies(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 256)
	for text, want := range map[string]string{ // as it is shown; "" is refused
		"none":                                "none",
		"http://proxy.example:3128":           "http://proxy.example:3128",
		" https://10.0.0.1/ ":                 "https://10.0.0.1/",
		"socks5://[::1]:1080":                 "socks5://[::1]:1080",
		"http://me:can%40ary@proxy":           "http://***@proxy",
		"socks5://me:canary@proxy:9":          "socks5://***@proxy:9",
		"http://canary@proxy":                 "http://***@proxy",
		"socks5://canary@proxy":               "",
		"socks5://me:" + long + "@proxy":      "",
		"http://:canary@proxy":                "",
		"http://me%3Acanary:x@proxy":          "",
		"http://me:canary%0d%0aX:%20y@proxy":  "",
		"http://***@proxy":                    "",
		"http://***:canary@proxy":             "",
		"socks5h://canary@proxy":              "",
		"socks4://canary@proxy":               "",
		"proxy:3128":                          "",
		"//proxy:3128":                        "",
		"http://":                             "",
		"http://proxy:0":                      "",
		"http://proxy:65536":                  "",
		"http://proxy:":                       "",
		"http://proxy/path":                   "",
		"http://proxy?canary":                 "",
		"http://proxy#canary":                 "",
		"http://pro xy":                       "",
		"http://proxy\\@canary":               "",
		"http://prüxy":                        "",
		"http://[fe80::1%25eth0]:1":           "",
		"http://" + strings.Repeat(long, 10):  "",
		"http://proxy:3128,http://other:3128": "",
	} {
		var p setting.Proxy
		err := p.Parse(text)
		if (err != nil) != (want == "") || err == nil && p.Show() != want {
			t.Errorf("%q: %v, %v, want %q", text, p.Show(), err, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") || len(p.Check()) == 0 != (want != "") {
			t.Errorf("%q: %v, %v", text, err, p.Check())
		}
	}
	var unset setting.Proxy
	if err := unset.Parse(""); err != nil || !unset.IsZero() || unset.Show() != nil {
		t.Errorf("nothing: %v, %v", unset, err)
	}
	for text, host := range map[string]string{"http://p": "p:80", "https://p": "p:443", "socks5://p": "p:1080", "http://[::1]": "[::1]:80", "http://p:81": "p:81"} {
		if u, err := setting.ReadProxy(text); err != nil || u.Host != host {
			t.Errorf("%s: %v, %v", text, u, err)
		}
	}
}

func FuzzReadProxy(f *testing.F) {
	f.Add("http://me:canary@proxy.example:3128")
	f.Add("socks5://a%3Ab:c@[::1]:1")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := setting.ReadProxy(text)
		if err != nil {
			return
		}
		if u.Hostname() == "" || u.Port() == "" || strings.ContainsAny(u.Host, " @\\/\r\n") {
			t.Fatalf("%q was read as %q", text, u.Host)
		}
		if u.User == nil {
			return
		}
		if shown := setting.Proxy(text).String(); strings.Contains(shown, u.User.String()+"@") || !strings.Contains(shown, "***@") {
			t.Fatalf("%q is shown as %q", text, shown)
		}
	})
}
