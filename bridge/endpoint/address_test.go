package endpoint_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://crm.example":                          "https://crm.example/",
		"https://crm.example:8443?x":                   "https://crm.example:8443/?x",
		"HTTPS://CRM.example/a%2Fb?x=1&y=%20&z":        "https://crm.example/a%2Fb?x=1&y=%20&z",
		"https://crm.example/a%2fb/{id}/[x]?":          "https://crm.example/a%2fb/%7Bid%7D/[x]?",
		"https://crm.example//a|b\"<c>^`#":             "https://crm.example//a%7Cb%22%3Cc%3E%5E%60",
		"https://crm.example/?q=grüße":                 "https://crm.example/?q=gr%C3%BC%C3%9Fe",
		"https://crm.example/?a[]=1&b={x}|\"<>^`":      "https://crm.example/?a%5B%5D=1&b=%7Bx%7D%7C%22%3C%3E%5E%60",
		"https://crm.example/?p=100%&q=%zz&r=%4":       "https://crm.example/?p=100%25&q=%25zz&r=%254",
		"https://crm.example/?q=a\u202eb\u0085":        "https://crm.example/?q=a%E2%80%AEb%C2%85",
		"https://crm.example/café/{id}?x":              "https://crm.example/caf%C3%A9/%7Bid%7D?x",
		"https://crm.example/x?a='(b)'*c+d,e;f:g@h/i?": "https://crm.example/x?a='(b)'*c+d,e;f:g@h/i?",
	} {
		e := receiver("crm")
		e.URL = given
		if got := e.Address(); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
		if faults := e.Validate(); len(faults) > 0 {
			t.Errorf("%q: %v", given, faults)
		}
	}
}

// Whatever a URL is, the request that net/http makes of its form leads where the URL does, and has
// that form's bytes.
func FuzzEncodeURL(f *testing.F) {
	for _, raw := range []string{"https://crm.example", "http://a/b%2Fc/{d}|é?e={f}", "https://a?#", "https://[::1]:80//x/%zz", "HTTPS://A/%7b%7D?%"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		given, err := url.Parse(raw)
		if err != nil || given.Scheme != "https" || given.Host == "" || strings.ContainsFunc(given.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`%/?#@\"<>^{|}`+"`", r) }) {
			return // is refused
		}
		form := endpoint.EncodeURL(raw)
		u, err := url.Parse(form)
		if err != nil {
			t.Fatalf("%q has the form %q: %v", raw, form, err)
		}
		if sent := u.Scheme + "://" + u.Host + u.RequestURI(); sent != form || endpoint.EncodeURL(form) != form {
			t.Errorf("%q has the form %q and is sent as %q", raw, form, sent)
		}
		if given.Path != "" && u.Path != given.Path {
			t.Errorf("%q leads to %q, its form to %q", raw, given.Path, u.Path)
		}
	})
}
