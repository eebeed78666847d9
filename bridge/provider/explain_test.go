package provider_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

func words(findings []provider.Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Text, f.Remedy)
	}
	return strings.Join(all, "\n")
}

func TestExplainNamesTheMistake(t *testing.T) {
	t.Parallel()
	const body = "{\"event\": \"order.created\",\n \"n\": 1}"
	cases := map[string]struct {
		provider string
		cfg      provider.Config
		change   func(r *provider.Request)
		want     []string
	}{
		"line feed added": {"sticker", provider.Config{}, func(r *provider.Request) { r.Body = append(r.Body, '\n') },
			[]string{"bad_signature", "HMAC-SHA256 over {body}", "without the line end"}},
		"line ends changed": {"sticker", provider.Config{}, func(r *provider.Request) { r.Body = bytes.ReplaceAll(r.Body, []byte("\n"), []byte("\r\n")) },
			[]string{"LF instead of CR LF"}},
		"no signature": {"sticker", provider.Config{}, func(r *provider.Request) { r.Header.Del("X-Sticker-Signature") },
			[]string{"no_signature", "header X-Sticker-Signature is missing", "no header looks like a signature"}},
		"another header": {"sticker", provider.Config{}, func(r *provider.Request) {
			r.Header.Set("X-Other-Signature", r.Header.Get("X-Sticker-Signature"))
			r.Header.Del("X-Sticker-Signature")
		}, []string{"X-Other-Signature"}},
		"white space in the secret":      {"sticker", provider.Config{Secrets: []string{invented + "\n"}}, nil, []string{"white space around the secret"}},
		"secret without its prefix":      {"stripe", provider.Config{Secrets: []string{"whsec_" + invented}}, nil, []string{"without the prefix whsec_"}},
		"secret that the sender decodes": {"stripe", provider.Config{Secrets: []string{base64.StdEncoding.EncodeToString([]byte(invented))}}, nil, []string{"decoded as base64"}},
		"and its prefix":                 {"stripe", provider.Config{Secrets: []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte(invented))}}, nil, []string{"decoded as base64"}},
		"stale": {"stripe", provider.Config{}, func(r *provider.Request) { r.Received = r.Received.Add(time.Hour) },
			[]string{"stale", "1h0m0s ago", "everything but the time is right"}},
		"another hash": {"hmac", provider.Config{Options: map[string]string{"header": "X-Signature", "hash": "sha512"}}, nil, []string{"hash=sha256"}},
		"another host": {"twilio", provider.Config{}, func(r *provider.Request) { r.URL = strings.Replace(r.URL, "https://", "http://", 1) },
			[]string{"https instead of http", "public URL"}},
		"something else": {"sticker", provider.Config{Secrets: []string{"quite another shared secret"}}, nil, []string{"none of the usual mistakes"}},
		"another scheme": {"sticky", provider.Config{Options: map[string]string{"cipher": "aes-256-ecb"}}, nil, []string{"opens with another scheme: cipher=aes-256-cbc"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := body
			if c.provider == "twilio" {
				text = "a=b"
			}
			var options map[string]string
			if c.provider == "hmac" {
				options = map[string]string{"header": "X-Signature"}
			}
			r := sample(t, c.provider, text, options)
			if c.change != nil {
				c.change(r)
			}
			v := compile(t, c.provider, c.cfg)
			got := words(provider.Explain(v, r))
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in:\n%s", want, got)
				}
			}
			for _, secret := range append(c.cfg.Secrets, secretOf(t, c.provider)) {
				if strings.Contains(got, strings.TrimSpace(secret)) {
					t.Errorf("a secret is in:\n%s", got)
				}
			}
		})
	}
}

func TestExplainOfWhatIsRight(t *testing.T) {
	t.Parallel()
	v := compile(t, "sticker", provider.Config{})
	if got := words(provider.Explain(v, sample(t, "sticker", `{"event":"order.created"}`, nil))); !strings.Contains(got, "genuine: type com.sticker.order.created") {
		t.Error(got)
	}
	if got := words(provider.Explain(v, sample(t, "sticker", `nothing`, nil))); !strings.Contains(got, "not JSON") {
		t.Error(got)
	}
	slack := compile(t, "slack", provider.Config{})
	if got := words(provider.Explain(slack, sample(t, "slack", `{"type":"url_verification","challenge":"x"}`, nil))); !strings.Contains(got, "handshake") {
		t.Error(got)
	}
}

func TestProbeGivesOptionsThatWork(t *testing.T) {
	t.Parallel()
	p, _ := catalog(t).Provider("sticky")
	for _, f := range readVectors(t) {
		if f.Provider != "sticky" {
			continue
		}
		for _, v := range f.Vectors {
			results, err := p.Probe(nil, []byte(v.Body), v.Secrets[0])
			if err != nil || len(results) == 0 {
				t.Errorf("%s: %v %v", v.ID, results, err)
				continue
			}
			verifier, err := p.Compile(provider.Config{Source: "shop", Secrets: v.Secrets, Options: results[0].Axes})
			if err != nil {
				t.Errorf("%s: %s: %v", v.ID, results[0].Options, err)
				continue
			}
			accepted(t, verifier, v.Request())
		}
	}
	if results, err := p.Probe(nil, []byte("AAAA"), secretOf(t, "sticky")); err != nil || results == nil || len(results) != 0 {
		t.Errorf("%v %v", results, err)
	}
	other, _ := catalog(t).Provider("sticker")
	if _, err := other.Probe(nil, []byte("AAAA"), "x"); err == nil {
		t.Error("sticker does not encrypt")
	}
}
