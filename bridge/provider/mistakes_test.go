package provider_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

func TestExplainKnowsHowBodiesAreChanged(t *testing.T) {
	t.Parallel()
	const compact, spaced = `{"a":1,"b":["x, y: z",{"c":"é/😀"}]}`, `{"a": 1, "b": ["x, y: z", {"c": "é/😀"}]}`
	const two = "{\n  \"a\": 1,\n  \"b\": [\n    \"x, y: z\",\n    {\n      \"c\": \"é/😀\"\n    }\n  ]\n}"
	four, tabs := strings.ReplaceAll(two, "  ", "    "), strings.ReplaceAll(two, "  ", "\t")
	for name, c := range map[string]struct{ signed, sent, want string }{
		"printed without white space": {two, compact, "indented by two spaces"},
		"lines joined":                {two, strings.ReplaceAll(two, "\n", ""), "indented by two spaces"},
		"four spaces":                 {four, compact, "indented by four spaces"},
		"tabs":                        {tabs, two, "indented by tabs"},
		"with a line feed":            {two + "\n", compact, "indented by two spaces, and a line feed at the end"},
		"indented on the way":         {compact, two, "written without white space"},
		"as Python writes it":         {spaced, compact, "a space behind colons and commas"},
		"slashes escaped":             {strings.ReplaceAll(compact, "/", `\/`), compact, `slashes written \/`},
		"slashes unescaped":           {compact, strings.ReplaceAll(compact, "/", `\/`), `slashes not written \/`},
		"characters unescaped":        {`{"a":1,"b":["x, y: z",{"c":"\u00e9/\ud83d\ude00"}]}`, compact, `written \u`},
		"two spaces and CR LF":        {strings.ReplaceAll(two, "\n", "\r\n"), compact, "indented by two spaces, in lines that end in CR LF"},
		"four spaces and CR LF":       {strings.ReplaceAll(four, "\n", "\r\n"), two, "indented by four spaces, in lines that end in CR LF"},
		"tabs and CR LF at the end":   {strings.ReplaceAll(tabs+"\n", "\n", "\r\n"), spaced, "indented by tabs, in lines that end in CR LF, and CR LF at the end"},
		"as PHP writes it":            {`{"a":1,"b":["x, y: z",{"c":"\u00e9\/\ud83d\ude00"}]}`, compact, `slashes written \/, and other characters than ASCII written \u`},
		"as PHP writes it in lines":   {strings.NewReplacer("é", `\u00e9`, "/", `\/`, "😀", `\ud83d\ude00`).Replace(four), compact, `indented by four spaces, slashes written \/, and other`},
		"as Python wrote it anew":     {compact, strings.NewReplacer("é", `\u00e9`, "😀", `\ud83d\ude00`).Replace(spaced), `written without white space, slashes not written \/, and no character \u`},
		"as Go writes it":             {`{"a":"\u003cb\u003e \u0026 é"}`, `{"a":"<b> & é"}`, `<, > and & written \u`},
		"what has to be escaped":      {`{"a":"\u0001\\u00e9\"\u0022 é/"}`, `{"a":"\u0001\\u00e9\"\u0022 \u00e9\/"}`, `slashes not written \/, and no character \u`},
		"mark lost":                   {mark + compact, compact, "with a byte order mark"},
		"mark added":                  {compact, mark + compact, "without the byte order mark"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := compile(t, "hmac", provider.Config{Secrets: []string{invented}, Options: map[string]string{"header": "X-Sig"}})
			if got := words(provider.Explain(v, post(c.sent, "X-Sig", hexHMAC(c.signed)))); !strings.Contains(got, c.want) {
				t.Errorf("%q is not in:\n%s", c.want, got)
			}
		})
	}
	v := compile(t, "hmac", provider.Config{Secrets: []string{invented}, Options: map[string]string{"header": "X-Sig"}})
	r := post(zip(t, compact), "X-Sig", hexHMAC(compact), "Content-Encoding", "gzip")
	if got := words(provider.Explain(v, r)); !strings.Contains(got, "the body before gzip") || !strings.Contains(got, "{unpacked}") {
		t.Error(got)
	}
}

func TestExplainFindsTheURLThatWasSigned(t *testing.T) {
	t.Parallel()
	v := compile(t, "hmac", provider.Config{Secrets: []string{invented}, Options: map[string]string{"header": "X-Sig", "template": "{url}{body}"}})
	const path = "/webhooks/shop?token=hidden"
	for _, c := range []struct {
		seen, signed string
		headers      []string
		want         string
	}{
		{"http://a.example", "https://a.example", nil, "https instead of http"},
		{"http://a.example", "https://a.example:8443", nil, "https instead of http and the port 8443"},
		{"https://a.example:8443", "https://a.example:3000", nil, "the port 3000"},
		{"https://a.example", "https://a.example:7777", []string{"X-Forwarded-Port", "7777"}, "the port 7777"},
		{"http://10.0.0.1:8080", "https://a.example", []string{"X-Forwarded-Host", "a.example, b"}, "https instead of http and the host a.example"},
	} {
		r := lines("x", append(c.headers, "X-Sig", hexHMAC(c.signed+path+"x"))...)
		r.URL = c.seen + path
		got := words(provider.Explain(v, r))
		for _, want := range []string{c.want + ": signed was " + c.signed + "/webhooks/shop", "compared with the URL " + c.seen + "/webhooks/shop?token=…", "_PUBLIC_URL"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in:\n%s", want, got)
			}
		}
		if strings.Contains(got, "hidden") {
			t.Errorf("a value of the query is shown:\n%s", got)
		}
	}
	for signed, want := range map[string]string{
		"https://hooks.example.com/webhooks/shop/?a=1": "a slash at the end of the path",
		"https://hooks.example.com/webhooks/shop":      "no query",
	} {
		r := post("x", "X-Sig", hexHMAC(signed+"x"))
		r.URL += "?a=1"
		if got := words(provider.Explain(v, r)); !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

func TestExplainTriesTheWholeSecret(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	v := compile(t, "standard-webhooks", provider.Config{Secrets: []string{secret}})
	sender := compile(t, "hmac", provider.Config{Secrets: []string{secret}, Options: map[string]string{
		"header": "webhook-signature", "version": "v1", "encoding": "base64", "template": "{header:webhook-id}.{header:webhook-timestamp}.{body}"}})
	p := sender.Provider()
	s, err := p.Sample(provider.SampleRequest{Secret: secret, Now: noon, URL: hookURL, Body: []byte(`{"type":"a"}`), Options: map[string]string{
		"header": "webhook-signature", "version": "v1", "encoding": "base64", "template": "{header:webhook-id}.{header:webhook-timestamp}.{body}"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := words(provider.Explain(v, request(s, noon))); !strings.Contains(got, "whole secret") || strings.Contains(got, secret) {
		t.Error(got)
	}
}

func FuzzExplain(f *testing.F) {
	f.Add("https://a.example:1/x?y=z", `{"a":[1]}`, "gzip")
	f.Add("://[::1]:", "\xff\\", "")
	v := compile(f, "hmac", provider.Config{Secrets: []string{invented}, Options: map[string]string{"header": "X-Sig", "template": "{url}{body}"}})
	f.Fuzz(func(t *testing.T, url, body, encoding string) {
		r := post(body, "X-Sig", "00", "Content-Encoding", encoding, "X-Forwarded-Host", url, "X-Forwarded-Port", encoding)
		r.URL = url
		if got := words(provider.Explain(v, r)); strings.Contains(got, "genuine") && strings.Contains(got, invented) {
			t.Error(got)
		}
	})
}
