package request

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/providertest"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A sample is what trigger makes of a provider, with what it was made of.
type sample struct {
	*provider.Provider
	secret  string
	options []string // key=value
	made    *provider.Sample
}

const sampleURL = "http://hooks.example/webhooks/shop"

// sampleOf signs with the first secret whose form the provider takes.
func sampleOf(t *testing.T, p *provider.Provider) *sample {
	t.Helper()
	s := &sample{Provider: p}
	for _, o := range p.Options {
		if o.Required {
			s.options = append(s.options, o.Name+"="+o.Example)
		}
	}
	options, err := cli.Pairs("option", s.options, "=")
	if err != nil {
		t.Fatal(err)
	}
	for _, s.secret = range providertest.Secrets() {
		if s.made, err = p.Sample(provider.SampleRequest{Secret: s.secret, Options: options, URL: sampleURL, Now: time.Now(), Seq: 1}); err == nil {
			return s
		}
	}
	t.Fatalf("no secret is one for %s: %v", p.Name, err)
	return nil
}

// What trigger prints is what verify takes, for every provider.
func TestSamplesOfEveryProviderVerify(t *testing.T) {
	t.Parallel()
	catalog, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range catalog.Names() {
		p, _ := catalog.Provider(name)
		s := sampleOf(t, p)
		var text bytes.Buffer
		request := provider.Request{Received: time.Now()}
		if err := errors.Join(writeRequest(&text, s.made), readRequest(&request, text.Bytes())); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		request.URL = "http://hooks.example" + request.URL
		by, err := (&requestFlags{secret: cli.SecretFlags{Secrets: []string{s.secret}}, options: s.options}).judgeOf(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if j, err := by.judge(&request, ""); err != nil || !j.Genuine || len(j.Events) == 0 {
			t.Errorf("%s: %+v, %v of\n%s", name, j, err, text.String())
		}
	}
}
