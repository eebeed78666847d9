package receiver_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
)

// catalog opens verifiers of the providers that Hookspan comes with.
func catalog(t testing.TB) func(string, provider.Config) (receiver.Verifier, error) {
	t.Helper()
	c, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return func(name string, config provider.Config) (receiver.Verifier, error) {
		p, ok := c.Provider(name)
		if !ok {
			return nil, fmt.Errorf("provider: %q is not known", name)
		}
		return p.Compile(config)
	}
}

// TestEverySampleOfTheSeedSystems sends what the providers' own declarations make.
func TestEverySampleOfTheSeedSystems(t *testing.T) {
	t.Parallel()
	c, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"sticker": secret, "cryptlex": secret, "corefy": secret, "sticky": "0123456789abcdef0123456789abcdef", "cloudevents": "a-bearer-token",
	} {
		p, ok := c.Provider(name)
		if !ok {
			t.Fatalf("provider %s is not known", name)
		}
		w := setup(t, func(o *receiver.Options) {
			o.Verifier = catalog(t)
			o.Sources = []receiver.Source{{Name: "in", Provider: name, Secrets: []string{key}}}
		})
		for i, kind := range p.Samples() {
			sample, err := p.Sample(provider.SampleRequest{Type: kind, Secret: key, URL: "http://" + w.addr + "/webhooks/in", Now: time.Now(), Seq: i + 1})
			if err != nil {
				t.Fatalf("%s %s: %v", name, kind, err)
			}
			for range 2 { // the second is a repeat
				q := w.request(sample.Method, "/webhooks/in", "", sample.Body, nil)
				q.Header = sample.Header.Clone()
				if got := w.do(q); got.status < 200 || got.status > 299 {
					t.Errorf("%s %s: %+v", name, kind, got)
				}
			}
			all := w.store.all()
			if len(all) != i+1 {
				t.Fatalf("%s %s: %d events are stored, want %d", name, kind, len(all), i+1)
			}
			e := all[i].event
			if topic := all[i].topic; !strings.HasPrefix(topic, "hookspan.events.in.") || !strings.HasSuffix(e.Type, strings.TrimPrefix(topic, "hookspan.events.in.")) {
				t.Errorf("%s %s: type %s went to %s", name, kind, e.Type, topic)
			}
			if err := e.Validate(); err != nil || e.Extension("recordedtime") == "" {
				t.Errorf("%s %s: %v, extensions %v", name, kind, err, e.Extensions)
			}
		}
		w.stop()
	}
}

func TestGzipBodies(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) {
		o.Verifier = catalog(t)
		o.Memory = 256 << 10
		o.Sources = []receiver.Source{{Name: "in", Provider: "sticker", Secrets: []string{secret}, MaxBody: 128 << 10}}
	})
	packed := func(size int) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		if _, err := fmt.Fprintf(z, `{"event":"order.created","data":{"order_id":"%d"%s}}`, size, strings.Repeat(" ", size)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for _, c := range []struct {
		name   string
		body   []byte
		status int
		code   string
	}{
		{"in bounds", packed(1000), 200, ""},
		{"a bomb", packed(4 << 20), 413, "too_large"},
		{"no gzip", []byte("{}"), 400, "bad_request"},
	} {
		got := w.do(w.request("POST", "/webhooks/in", "", c.body, http.Header{
			"Content-Encoding": {"gzip"}, "X-Sticker-Signature": {fmt.Sprintf("sha256=%x", sign(secret, c.body))},
		}))
		if got.status != c.status || got.code() != c.code {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	all := w.store.all()
	if len(all) != 1 || !bytes.HasPrefix(all[0].event.Data, []byte(`{"event":"order.created"`)) {
		t.Errorf("stored %+v", all)
	}
	if n := w.counted("hookspan_intake_memory_bytes"); n != 0 {
		t.Errorf("%v bytes are still charged", n)
	}
}

// The provider says how large its deliveries are, where neither the source nor the bus says less.
func TestTheProviderBoundsBodies(t *testing.T) {
	t.Parallel()
	large := []byte(`{"ref":"refs/heads/main","note":"` + strings.Repeat("x", 2<<20) + `"}`)
	for _, c := range []struct {
		name    string
		maxBody int64
		bus     int64
		status  int
	}{{"its own bound", 0, 0, 200}, {"the source's", 1 << 20, 0, 413}, {"the bus's", 0, 1 << 20, 413}} {
		w := setup(t, func(o *receiver.Options) {
			o.Verifier = catalog(t)
			o.Sources = []receiver.Source{{Name: "in", Provider: "github", Secrets: []string{secret}, MaxBody: setting.Size(c.maxBody)}}
			if c.bus > 0 {
				o.Publisher = narrow{o.Publisher.(*store), c.bus}
			}
		})
		got := w.do(w.request("POST", "/webhooks/in", "", large, http.Header{
			"X-Github-Event": {"push"}, "X-Hub-Signature-256": {fmt.Sprintf("sha256=%x", sign(secret, large))}}))
		if got.status != c.status {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestTheProvidersOwnAnswer(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) {
		o.Verifier = catalog(t)
		o.Sources = []receiver.Source{{Name: "in", Provider: "twilio", Secrets: []string{secret}, PublicURL: "https://hooks.example.org/webhooks/in"}}
	})
	h := hmac.New(sha1.New, []byte(secret))
	h.Write([]byte("https://hooks.example.org/webhooks/inMessageSidSM1SmsStatusreceived"))
	for range 2 { // a repeat is answered alike
		got := w.do(w.request("POST", "/webhooks/in", "", []byte("MessageSid=SM1&SmsStatus=received"), http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {base64.StdEncoding.EncodeToString(h.Sum(nil))}}))
		if got.status != 200 || got.body != "<Response/>" || got.header.Get("Content-Type") != "text/xml" {
			t.Errorf("%+v", got)
		}
	}
}

func TestCloudEventsHandshake(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) {
		o.Verifier = catalog(t)
		o.Sources = []receiver.Source{{Name: "in", Provider: "cloudevents", Secrets: []string{"a-bearer-token"}, Rate: receiver.Rate{PerSecond: 2}}}
	})
	q := w.request("OPTIONS", "/webhooks/in", "", nil, http.Header{"Webhook-Request-Origin": {"events.example.org"}})
	got := w.do(q)
	if got.status/100 != 2 || got.header.Get("WebHook-Allowed-Origin") != "events.example.org" || got.header.Get("WebHook-Allowed-Rate") != "120" {
		t.Errorf("answer %+v", got)
	}
	wrong := w.do(w.request("POST", "/webhooks/in", "", []byte("{}"), http.Header{"Content-Type": {"application/cloudevents+xml"}}))
	if wrong.status != 415 || wrong.code() != "media_type" {
		t.Errorf("an unknown CloudEvents format: %+v", wrong)
	}
}

// noHost is where no keys can be had.
type noHost struct{}

func (noHost) Fetch(context.Context, string, int64) ([]byte, time.Duration, error) {
	return nil, 0, errors.New("its host answered 500")
}

// A request that cannot be verified for want of the sender's keys may be genuine: it is no refusal.
func TestASenderWhoseKeysAreAwayComesAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) {
		known := catalog(t)
		o.Verifier = func(name string, c provider.Config) (receiver.Verifier, error) {
			c.Senders = provider.NewSenders(noHost{})
			return known(name, c)
		}
		o.Sources = []receiver.Source{{Name: "in", Provider: "google-pubsub", Options: map[string]string{"audience": "a", "email": "e"}, Verify: receiver.Observe}}
	})
	token := "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"
	got := w.do(w.request("POST", "/webhooks/in", "", []byte("{}"), http.Header{"Authorization": {"Bearer " + token}}))
	if got.status != 503 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "sender_unavailable") || len(w.store.all()) != 0 {
		t.Errorf("%+v, stored %v", got, w.store.all())
	}
	if r := w.refusals(1); len(r) != 1 || r[0].Reason != provider.Unreachable {
		t.Errorf("refusals %v", r)
	}
}

// Equal notifications of vendors that only say that something changed are no repeats.
func TestWhatIsEqualAndMeansSomethingElse(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) {
		o.Verifier = catalog(t)
		o.Sources = []receiver.Source{{Name: "in", Provider: "dropbox", Secrets: []string{secret}}}
	})
	body := []byte(`{"list_folder":{"accounts":["dbid:7"]}}`)
	header := http.Header{"Content-Type": {"application/json"}, "X-Dropbox-Signature": {fmt.Sprintf("%x", sign(secret, body))}}
	for range 2 {
		if got := w.do(w.request("POST", "/webhooks/in", "", body, header.Clone())); got.status != 200 {
			t.Fatalf("%+v", got)
		}
	}
	if all := w.store.all(); len(all) != 2 || all[0].event.ID == all[1].event.ID {
		t.Errorf("stored %+v", all)
	}
}

// Host is in no header map of net/http.
func TestASignatureMayCoverTheHost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		public, forwarded, signed string
	}{
		"as asked":       {"", "", ""},
		"by a proxy":     {"", "shop.example:8443", "shop.example:8443"},
		"the public URL": {"https://hooks.example/in", "shop.example", "hooks.example"},
	} {
		w := setup(t, func(o *receiver.Options) {
			o.Verifier, o.TrustedProxies = catalog(t), []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			o.Sources = []receiver.Source{{Name: "shop", Provider: "hmac", Secrets: []string{secret}, PublicURL: c.public, Tenant: "header:host",
				Options: map[string]string{"header": "X-Sig", "template": "{header:Host}.{body}"}}}
		})
		host := cmp.Or(c.forwarded, w.addr)
		header := http.Header{"X-Sig": {hex.EncodeToString(sign(secret, []byte(cmp.Or(c.signed, w.addr)+".{}")))}}
		if c.forwarded != "" {
			header.Set("X-Forwarded-Host", c.forwarded)
		}
		if a := w.do(w.request("POST", "/webhooks/shop", "1", []byte("{}"), header)); a.status != 200 {
			t.Errorf("%s: %+v, %s", name, a, w.log)
			continue
		}
		if got := w.store.all()[0].event.Extension("tenant"); got != host {
			t.Errorf("%s: the tenant is %q, want %q", name, got, host)
		}
	}
}
