package provider_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

func publicKey(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func TestKeysOfAnotherKindAreRefused(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ provider, secret, want string }{
		"a curve for RSA": {"wise", publicKey(t, &curve.PublicKey), "it is no RSA key"},
		"a short RSA":     {"wise", publicKey(t, &short.PublicKey), "it is no RSA key that is long enough"},
		"RSA for a curve": {"sendgrid", publicKey(t, &short.PublicKey), "it is no ECDSA key"},
		"no key":          {"sendgrid", "bm8ga2V5IGF0IGFsbA==", "it holds no public key"},
		"no base64":       {"sendgrid", "an invented shared secret", "it is neither PEM, nor the base64 of a key, nor a JWK"},
		"a cut JWK":       {"plaid", `{"kty":"EC","crv":"P-256","x":`, "it begins like a JWK, and is no JSON"},
		"a JWK of HS256":  {"plaid", `{"kty":"oct","k":"aW52ZW50ZWQ"}`, "it is a JWK of no public key that is known here"},
		"another curve":   {"plaid", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, "it is no ECDSA P-256 key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := catalog(t).Provider(c.provider)
			_, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{c.secret}})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), c.secret) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAPublicKeyVerifiesAndSignsNothing(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&curve.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	p, _ := catalog(t).Provider("sendgrid")
	q := provider.SampleRequest{Secret: base64.StdEncoding.EncodeToString(private), Now: noon, URL: "https://hooks.example.com"}
	s, err := p.Sample(q)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{public}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(request(s, noon)); err != nil {
		t.Error(err)
	}
	q.Secret = public
	if _, err := p.Sample(q); err == nil || !strings.Contains(err.Error(), "signing needs the private one") {
		t.Errorf("%v", err)
	}
}
