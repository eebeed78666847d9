package signature_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/providertest"
	"github.com/hookspan/hookspan/bridge/signature"
)

func schemes(t *testing.T) signature.Schemes {
	t.Helper()
	c, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return signature.Schemes{Providers: c}
}

// examples are options without which a provider cannot be used.
func examples(p *provider.Provider) map[string]string {
	options := map[string]string{}
	for _, o := range p.Options {
		if o.Required {
			options[o.Name] = o.Example
		}
	}
	return options
}

// refusals are those as whom nobody else can send, and why.
const refusals = `adyen: nobody else can sign as adyen: each member of its list at /notificationItems proves who sent it
aws-sns: nobody else can sign as aws-sns: its token stands in {json:/TopicArn} and not in a header
azure-event-grid: nobody else can sign as azure-event-grid: its token stands in {query:code} and not in a header
braintree: nobody else can sign as braintree: its value {form:bt_payload} has to look like something that not every event does
contentful: nobody else can sign as contentful: its signature covers {method}\n{path}\n{headers:X-Contentful-Signed-Headers}\n{body}, which not every event has
ecwid: nobody else can sign as ecwid: its signature covers {json:/eventCreated}.{json:/eventId}, which not every event has
kinde: nobody else can sign as kinde: its body is a token, and nothing beside it is sent
linear: nobody else can sign as linear: its time of sending is {json:/webhookTimestamp}, which not every event has
liqpay: nobody else can sign as liqpay: its signature stands in {form:signature} and not in a header
mailgun: nobody else can sign as mailgun: its signature stands in {json:/signature/signature} and not in a header
mandrill: nobody else can sign as mandrill: its signature covers {url}{sorted-form}, which not every event has
mercado-pago: nobody else can sign as mercado-pago: its signature covers {?id:{query:data.id|lower};?}{?request-id:{header:X-Request-Id};?}ts:{item:ts};, which not every event has
microsoft-graph: nobody else can sign as microsoft-graph: each member of its list at /value proves who sent it
midtrans: nobody else can sign as midtrans: its signature stands in {json:/signature_key} and not in a header
pandadoc: nobody else can sign as pandadoc: its signature stands in {query:signature} and not in a header
plivo: nobody else can sign as plivo: its signature covers {bare-url}{??{sorted-query}?}{?{unless:sorted-query}{if:body}?{sorted-fields}?}{?{if:sorted-query}{if:body}.{sorted-fields}?}.{header:X-Plivo-Signature-V3-Nonce}, which not every event has
twilio: nobody else can sign as twilio: it signs in several ways, by what a request holds
x: nobody else can sign as x: its value {body} has to look like something that not every event does`

// Whoever can sign as a provider is taken for it by what verifies the provider's own deliveries;
// those as whom nobody can sign are refused for what they are, not for a secret.
func TestSignsAsEveryProvider(t *testing.T) {
	t.Parallel()
	all := schemes(t)
	var encrypting, refused []string
	for _, name := range all.Providers.(*provider.Catalog).Names() {
		p, _ := all.Providers.Provider(name)
		s, secret, err := signerOf(all, p)
		if err != nil {
			var field *signature.FieldError
			if !errors.As(err, &field) || field.Field != "signature" || !strings.Contains(field.Detail, "as "+name) {
				t.Errorf("%s: %v", name, err)
			}
			refused = append(refused, name+": "+field.Detail)
			continue
		}
		m, h := message(), http.Header{"Content-Type": {"application/json"}}
		if e := s.Encryption(); e != nil {
			plain := []byte(`{"type":"product.created","time":"2026-05-04 06:00:00","data":{"id":"7","object":{"id":7}}}`)
			if m.Body, err = e.Encrypt(h, plain); err != nil || bytes.Contains(m.Body, []byte("product")) {
				t.Errorf("%s: encrypted to %s, %v", name, m.Body, err)
			}
			encrypting = append(encrypting, name)
		}
		sign(t, s, h, m)
		v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{secret}, Options: examples(p)})
		if err != nil {
			t.Fatal(err)
		}
		r := &provider.Request{Method: m.Method, URL: m.URL, Header: h, Body: m.Body, Received: at}
		if _, err := v.Verify(r); err != nil {
			t.Errorf("%s does not take for its own what is signed as it: %v", name, err)
		}
		if h.Get("webhook-id") != m.ID || h.Get("webhook-timestamp") != "1800000000" {
			t.Errorf("%s: no id and timestamp in %v", name, h)
		}
	}
	if fmt.Sprint(encrypting) != "[sticky]" {
		t.Errorf("%v encrypt", encrypting)
	}
	if text := strings.Join(refused, "\n"); text != refusals {
		t.Errorf("%d cannot be signed as, others than before:\n%s", len(refused), text)
	}
}

// signerOf is the scheme with the first of the invented secrets that serves.
func signerOf(all signature.Schemes, p *provider.Provider) (s *signature.Scheme, secret string, err error) {
	for _, secret = range providertest.Secrets() {
		var field *signature.FieldError
		s, err = all.Compile("provider:"+p.Name, examples(p), []string{secret})
		if err == nil || errors.As(err, &field) && field.Field == "signature" {
			break
		}
	}
	return s, secret, err
}

func TestSignsWithTheProvidersHeaders(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]map[string]string{
		"github":  {"X-Github-Delivery": message().ID, "X-Github-Event": "com.example.paid"},
		"sticker": {"X-Sticker-Delivery-Id": message().ID, "X-Sticker-Event": "com.example.paid", "X-Sticker-Timestamp": "1800000000"},
		"svix":    {"Svix-Id": message().ID, "Svix-Timestamp": "1800000000"},
		"slack":   {"X-Slack-Request-Timestamp": "1800000000"},
		"hubspot": {"X-Hubspot-Request-Timestamp": "1800000000000"},
	} {
		all := schemes(t)
		p, _ := all.Providers.Provider(name)
		s, _, err := signerOf(all, p)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		sign(t, s, h, message())
		for field, value := range want {
			if h.Get(field) != value {
				t.Errorf("%s: %s is %q, want %q", name, field, h.Get(field), value)
			}
		}
	}
}

func TestRefusesToSignAs(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("k", 32)
	public := strings.Repeat("0", 64)
	for _, c := range []struct{ scheme, option, secret, field, says string }{
		{"provider:nobody", "", good, "signature", "provider list"},
		{"provider:", "", good, "signature", "provider list"},
		{"github", "", good, "signature", "provider:github"},
		{"provider:github", "", "", "secrets", "the webhook's secret"},
		{"provider:discord", "", public, "secrets[0]", "private"},
		{"provider:discord", "", good, "secrets[0]", "hex"},
		{"provider:twilio", "", good, "signature", "several ways"},
		{"provider:sticky", "", "short", "secrets[0]", "32"},
		{"provider:sticky", "encrypt", good, "options.encrypt", "encrypts by itself"},
		{"provider:sticky", "client_app_key", good, "signature", "proves who sent them"},
		{"provider:mailgun", "", good, "signature", "not in a header"},
		{"provider:ecwid", "", good, "signature", "not every event"},
		{"provider:linear", "", good, "signature", "time of sending"},
		{"provider:svix", "headers", good, "options.headers", "webhook, svix"},
	} {
		var secrets []string
		if c.secret != "" {
			secrets = []string{c.secret}
		}
		_, err := schemes(t).Compile(c.scheme, map[string]string{c.option: "other"}, secrets)
		var field *signature.FieldError
		if !errors.As(err, &field) || field.Field != c.field || !strings.Contains(field.Detail, c.says) {
			t.Errorf("%s: %v, want one of %s that says %q", c.scheme, err, c.field, c.says)
		}
	}
	if _, err := signature.Compile("provider:github", nil, []string{good}); err == nil {
		t.Error("a provider's scheme without a catalogue")
	}
}
