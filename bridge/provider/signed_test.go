package provider_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/providertest"
)

// signatureFamilies are the kinds of signature over content, as files name them.
var signatureFamilies = []string{"hmac", "ed25519", "ecdsa", "rsa"}

// signedBy is a provider whose deliveries have one signature of a family, over content. A token
// has it as a claim.
func signedBy(t *testing.T, family, content, rest string) (*provider.Verifier, string) {
	t.Helper()
	spec := family + ": {header: X-Sig" + content
	switch family {
	case "ed25519":
		spec += ", key: base64"
	case "jws":
		spec = strings.Replace(spec, ", content: ", ", claims: {covers: ", 1) + "}"
	}
	c, err := userFiles(t, map[string]string{"own.yaml": "name: own\nverify: [{" + spec + "}}]" + rest})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Provider("own")
	for _, secret := range providertest.Secrets() {
		if v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{secret}}); err == nil {
			return v, secret
		}
	}
	t.Fatalf("no secret is one for %s", family)
	return nil, ""
}

const sampled = "\nevent: {prefix: com.own, body: any}\nsamples: [{type: a, headers: {X-Id: a}, body: '{\"id\":1}'}]\n"

func TestEverySignatureHasToCoverTheDelivery(t *testing.T) {
	t.Parallel()
	for _, family := range signatureFamilies {
		for _, content := range []string{"{header:X-Time}", "{url}", "fixed", "{if:body}{header:X-Time}"} {
			_, err := userFiles(t, map[string]string{"own.yaml": "name: own\nverify: [{" + family + ": {header: X-Sig, content: \"" + content + "\"}}]" + anyBody})
			if err == nil || !strings.Contains(err.Error(), "{body}") {
				t.Errorf("%s over %s: %v", family, content, err)
			}
		}
		v, secret := signedBy(t, family, "", sampled)
		s, err := v.Provider().Sample(provider.SampleRequest{Secret: secret, Now: noon, URL: hookURL})
		if err != nil {
			t.Fatal(err)
		}
		r := request(s, noon)
		accepted(t, v, r)
		r.Body = []byte("forged")
		if got := reason(t, v, r); got.Reason != provider.BadSignature {
			t.Errorf("%s without content is over %v", family, got)
		}
	}
}

func TestASignatureOverTheURLLeavesNoRoomForABody(t *testing.T) {
	t.Parallel()
	for _, family := range signatureFamilies {
		v, secret := signedBy(t, family, ", content: \"{url}\"", "\nmethods: [GET]"+sampled)
		s, err := v.Provider().Sample(provider.SampleRequest{Secret: secret, Now: noon, URL: hookURL + "?a=1"})
		if err != nil {
			t.Fatal(err)
		}
		r := request(s, noon)
		r.Body = nil
		accepted(t, v, r)
		r.Body = []byte("forged")
		if got := reason(t, v, r); got.Reason != provider.BadSignature {
			t.Errorf("%s: %v", family, got)
		}
	}
}

func TestEverySignatureOverTheURLIsTriedInItsForms(t *testing.T) {
	t.Parallel()
	for _, family := range append(slices.Clip(signatureFamilies), "jws") {
		v, secret := signedBy(t, family, ", content: \"{url}{header:X-Id}{body}\"", sampled)
		with443, with8443 := "https://hooks.example.com:443/webhooks/shop", "https://hooks.example.com:8443/webhooks/shop"
		capitals := "HTTPS://Hooks.Example.com/webhooks/shop"
		for _, c := range []struct{ signed, came string }{
			{hookURL, with443}, {with443, hookURL}, {hookURL, with8443}, {hookURL, capitals}, {with443, capitals}, {capitals, capitals}, {hookURL, strings.Replace(with8443, "hooks", "Hooks", 1)},
		} {
			s, err := v.Provider().Sample(provider.SampleRequest{Secret: secret, Now: noon, URL: c.signed})
			if err != nil {
				t.Fatalf("%s: %v", family, err)
			}
			r := request(s, noon)
			r.URL = c.came
			accepted(t, v, r)
		}
		s, err := v.Provider().Sample(provider.SampleRequest{Secret: secret, Now: noon, URL: hookURL})
		if err != nil {
			t.Fatal(err)
		}
		r := request(s, noon)
		for _, other := range []string{strings.Replace(hookURL, "shop", "Shop", 1), "http" + strings.TrimPrefix(hookURL, "https")} {
			r.URL = other
			reason(t, v, r)
		}
		r.URL = hookURL + "/other"
		if got := reason(t, v, r); got.Reason != provider.BadSignature || !strings.Contains(got.Detail, "the URL "+r.URL) {
			t.Errorf("%s: %v", family, got)
		}
	}
}

func TestEveryProviderThatSignsTheURLTakesItWithAndWithoutPort(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	tried := 0
	for _, name := range c.Names() {
		p, _ := c.Provider(name)
		v := compile(t, name, provider.Config{Options: optionsOf(name)})
		if !v.SignsURL() {
			continue
		}
		s, err := p.Sample(provider.SampleRequest{Secret: secretOf(t, name), Now: noon, URL: hookURL, Options: optionsOf(name)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := request(s, noon)
		_, behind, _ := strings.Cut(s.URL, "hooks.example.com")
		for _, host := range []string{"hooks.example.com:443", "hooks.example.com:8443"} {
			r.URL = "https://" + host + behind
			accepted(t, v, r)
		}
		r.URL = "https://other.example.com" + behind
		if _, err := v.Verify(r); err == nil {
			continue // it also signs without the URL, as the sample is
		} else if tried++; !strings.Contains(err.Error(), "the URL "+r.URL) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if tried == 0 {
		t.Error("no provider signs the URL")
	}
}
