package endpoint_test

import (
	"testing"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://crm.example":                          "https://crm.example",
		"HTTPS://crm.example/a%2Fb?x=1&y=%20&z":        "HTTPS://crm.example/a%2Fb?x=1&y=%20&z",
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
