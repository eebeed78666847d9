package provider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

// FuzzVerify gives every provider a request that nobody would send. Nothing may panic, and a
// signature that was not made with the secret may not be taken for one.
func FuzzVerify(f *testing.F) {
	c := catalog(f)
	verifiers := map[string]*provider.Verifier{}
	for _, name := range c.Names() {
		p, _ := c.Provider(name)
		v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{secretOf(f, name)}, Options: optionsOf(name)})
		if err != nil {
			f.Fatal(err)
		}
		verifiers[name] = v
	}
	for _, file := range readVectors(f) {
		for _, v := range file.Vectors {
			var headers []string
			for name, value := range v.Headers {
				headers = append(headers, name+": "+value)
			}
			f.Add(file.Provider, v.Method, v.Request().URL, strings.Join(headers, "\n"), []byte(v.Body))
		}
	}
	f.Fuzz(func(t *testing.T, name, method, url, headers string, body []byte) {
		v, ok := verifiers[name]
		if !ok {
			return
		}
		r := &provider.Request{Method: method, URL: url, Header: http.Header{}, Body: body, Received: noon}
		for line := range strings.SplitSeq(headers, "\n") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				r.Header.Add(name, value)
			}
		}
		verdict, err := v.Verify(r)
		if err == nil && verdict.Answer == nil {
			t.Fatalf("accepted without the secret: %+v", verdict)
		}
	})
}

// FuzzMeaning gives genuine requests any body: what they mean must always be writable.
func FuzzMeaning(f *testing.F) {
	for _, file := range readVectors(f) {
		for _, v := range file.Vectors {
			f.Add([]byte(v.Body), v.Headers["Content-Type"])
		}
	}
	c := catalog(f)
	names := []string{"sticker", "slack", "github", "shopify", "corefy", "cloudevents", "sticky"}
	verifiers, samplers := map[string]*provider.Verifier{}, map[string]*provider.Sampler{}
	for _, name := range names {
		p, _ := c.Provider(name)
		sampler, err := p.Sampler(provider.SampleRequest{Secret: secretOf(f, name)})
		if err != nil {
			f.Fatal(err)
		}
		verifiers[name], samplers[name] = compile(f, name, provider.Config{}), sampler
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		for _, name := range names {
			s, err := samplers[name].Make(provider.SampleRequest{Now: noon, Body: append([]byte{}, body...), URL: "https://hooks.example.com/"})
			if err != nil {
				t.Fatal(err)
			}
			if contentType != "" {
				s.Header.Set("Content-Type", contentType)
			}
			verdict, err := verifiers[name].Verify(request(s, noon))
			if err != nil && name != "sticky" {
				t.Fatalf("%s: %v", name, err)
			}
			for i := range verdict.Events {
				if err := verdict.Events[i].Validate(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
	})
}

// FuzzOptions writes anything into the options of the generic provider.
func FuzzOptions(f *testing.F) {
	f.Add("X-Sig", "{item:t}.{body}", "v1", ",", "/id", "header:X")
	f.Add("X", "{{}}{hmac:sha256:hex:/a}|", "", ";", "{json:/a|parent}", "{if:/a}b")
	f.Add("X", "{header:}", "", "", "${id}", "[:")
	c := catalog(f)
	p, _ := c.Provider("hmac")
	f.Fuzz(func(t *testing.T, header, template, item, separator, id, kind string) {
		v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{invented}, Options: map[string]string{
			"header": header, "template": template, "item": item, "separator": separator, "id": id, "type": kind}})
		if err != nil {
			return
		}
		_, _ = v.Verify(post(`{"id":"1","a":["b"]}`, header, "t=1,v1=00", "X", "y"))
	})
}
