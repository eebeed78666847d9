package provider_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/providertest"
)

// secretOf is a secret of the form that the provider wants.
func secretOf(t testing.TB, name string) string {
	t.Helper()
	p, ok := catalog(t).Provider(name)
	if !ok {
		t.Fatalf("there is no provider %s", name)
	}
	for _, secret := range providertest.Secrets() {
		if _, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{secret}, Options: optionsOf(name)}); err == nil {
			return secret
		}
	}
	t.Fatalf("no secret is one for %s", name)
	return ""
}

// optionsOf are the examples of those that a provider asks for.
func optionsOf(name string) map[string]string {
	if name == "hmac" {
		return map[string]string{"header": "X-Signature", "id": "/id", "type": "/type", "time": "/created"}
	}
	c, err := load()
	if err != nil {
		return nil // whoever compiles says so
	}
	options := map[string]string{}
	if p, ok := c.Provider(name); ok {
		for _, o := range p.Options {
			if o.Required {
				options[o.Name] = o.Example
			}
		}
	}
	return options
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
					if verdict.Proof != v.Proof() || v.Proof() == provider.Verified && p.Proof != provider.Verified {
						t.Errorf("it is %s, its verifier %s, the provider %s", verdict.Proof, v.Proof(), p.Proof)
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
