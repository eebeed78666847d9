package provider_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/providertest"
)

// signatureFamilies are the kinds of signature, as files name them.
var signatureFamilies = []string{"hmac", "ed25519", "ecdsa", "rsa"}

// signedBy is a provider whose deliveries have one signature of a family, over content.
func signedBy(t *testing.T, family, content, rest string) (*provider.Verifier, string) {
	t.Helper()
	spec := family + ": {header: X-Sig" + content
	if family == "ed25519" {
		spec += ", key: base64"
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

const sampled = "\nevent: {prefix: com.own, body: any}\nsamples: [{type: a, body: '{\"id\":1}'}]\n"

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

func TestEverySignatureOverTheURLIsTriedWithAndWithoutPort(t *testing.T) {
	t.Parallel()
	for _, family := range signatureFamilies {
		v, secret := signedBy(t, family, ", content: \"{url}{header:X-Id}{body}\"", sampled)
		with443, with8443 := "https://hooks.example.com:443/webhooks/shop", "https://hooks.example.com:8443/webhooks/shop"
		for _, c := range []struct{ signed, came string }{{hookURL, with443}, {with443, hookURL}, {hookURL, with8443}} {
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
		r.URL = hookURL + "/other"
		if got := reason(t, v, r); got.Reason != provider.BadSignature || !strings.Contains(got.Detail, "the URL "+r.URL) {
			t.Errorf("%s: %v", family, got)
		}
	}
}
