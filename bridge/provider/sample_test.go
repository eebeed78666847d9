package provider_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

// secretOf is a secret of the form that the provider wants: any text; hex, which is base64 too
// and as long as a key of AES; or a private key, which signs.
func secretOf(t testing.TB, name string) string {
	t.Helper()
	const key = "0123456789abcdef0123456789abcdef"
	p, ok := catalog(t).Provider(name)
	if !ok {
		t.Fatalf("there is no provider %s", name)
	}
	for _, secret := range append([]string{"an invented shared secret", key, strings.Repeat(key, 4), base64.StdEncoding.EncodeToString(make([]byte, ed25519.PrivateKeySize))}, privateKeys()...) {
		if _, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{secret}, Options: optionsOf(name)}); err == nil {
			return secret
		}
	}
	t.Fatalf("no secret is one for %s", name)
	return ""
}

// privateKeys are keys of ECDSA and RSA as vendors write them.
var privateKeys = sync.OnceValue(func() (keys []string) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	factors, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	for _, key := range []any{curve, factors} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			panic(err)
		}
		keys = append(keys, base64.StdEncoding.EncodeToString(der))
	}
	return keys
})

func optionsOf(name string) map[string]string {
	if name == "hmac" {
		return map[string]string{"header": "X-Signature", "id": "/id", "type": "/type", "time": "/created"}
	}
	return nil
}

func request(s *provider.Sample, at time.Time) *provider.Request {
	return &provider.Request{Method: s.Method, URL: s.URL, Header: s.Header, Body: s.Body, Received: at}
}

func TestEverySampleIsAcceptedAndFresh(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, name := range c.Names() {
		p, _ := c.Provider(name)
		if len(p.Samples()) == 0 {
			t.Errorf("%s has no samples", name)
		}
		for _, kind := range p.Samples() {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{secretOf(t, name)}, Options: optionsOf(name)})
				if err != nil {
					t.Fatal(err)
				}
				ids := map[string]bool{}
				for seq := range 2 {
					s, err := p.Sample(provider.SampleRequest{Type: kind, Secret: secretOf(t, name), Options: optionsOf(name),
						URL: "https://hooks.example.com/webhooks/shop", Now: now, Seq: seq + 1})
					if err != nil {
						t.Fatal(err)
					}
					verdict, err := v.Verify(request(s, now))
					if err != nil || verdict.Invalid != "" {
						t.Fatalf("%v %s: %s", err, verdict.Invalid, s.Body)
					}
					if kind == "url_verification" {
						continue
					}
					e := verdict.Events[0]
					ids[e.ID] = true
					if name != "hmac" && !strings.HasSuffix(e.Type, kind) {
						t.Errorf("type is %s", e.Type)
					}
					if strings.Contains(string(e.Data), "${") {
						t.Errorf("a placeholder is left: %s", e.Data)
					}
				}
				if len(ids) != 2 && kind != "url_verification" {
					t.Errorf("two samples have the ids %v", ids)
				}
			})
		}
	}
}

func TestSampleTakesAnotherBodyAndEveryScheme(t *testing.T) {
	t.Parallel()
	p, _ := catalog(t).Provider("sticky")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, options := range []map[string]string{
		{"cipher": "aes-256-gcm"}, {"cipher": "aes-256-ecb", "encoding": "hex"}, {"container": "laravel"},
		{"container": "salted", "key": "pbkdf2(10)"}, {"container": "json:data", "iv": "json:iv"}, {"client_app_key": "app-key"},
	} {
		q := provider.SampleRequest{Secret: secretOf(t, "sticky"), Options: options, Now: now, Type: "product.deleted"}
		if options["client_app_key"] == "" {
			q.Body = []byte(`{"type":"product.deleted","data":{"id":"mine"}}`)
		}
		s, err := p.Sample(q)
		if err != nil {
			t.Fatalf("%v: %v", options, err)
		}
		v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{secretOf(t, "sticky")}, Options: options})
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := v.Verify(request(s, now))
		if err != nil {
			t.Fatalf("%v: %v", options, err)
		}
		if q.Body != nil && verdict.Events[0].ID != "mine" {
			t.Errorf("%v: %+v", options, verdict.Events[0])
		}
	}
}

func TestSampleOfAnUnknownTypeListsTheTypes(t *testing.T) {
	t.Parallel()
	p, _ := catalog(t).Provider("sticker")
	_, err := p.Sample(provider.SampleRequest{Type: "order.eaten", Secret: "an invented shared secret"})
	if err == nil || !strings.Contains(err.Error(), "order.shipped") {
		t.Error(err)
	}
	if !slices.Contains(p.Samples(), "order.shipped") {
		t.Error(p.Samples())
	}
}
