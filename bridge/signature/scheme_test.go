package signature_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/signature"
)

// tolerance is that of Standard Webhooks.
const tolerance = 5 * time.Minute

var at = time.Unix(1_800_000_000, 0)

func message() signature.Message {
	return signature.Message{
		ID: signature.MessageID("/sources/shop", "1"), Time: at, Delivery: "d1", Type: "com.example.paid",
		Method: http.MethodPost, URL: "https://example.com/in", Body: []byte(`{"total":3}`),
	}
}

// arrived is what a receiver knows of a message beside its headers.
func arrived(m signature.Message) signature.Message {
	return signature.Message{Method: m.Method, URL: m.URL, Body: m.Body}
}

func compile(t *testing.T, name string, options map[string]string, secrets ...string) *signature.Scheme {
	t.Helper()
	s, err := signature.Compile(name, options, secrets)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reason is why Verify refuses, "" where it does not.
func reason(err error) scheme.Reason {
	if refusal, ok := errors.AsType[*scheme.Refusal](err); ok {
		return refusal.Reason
	}
	return ""
}

// signing are the schemes that sign at all.
func signing() []string {
	return slices.DeleteFunc(signature.Names(), func(name string) bool { return !signature.NeedsSecret(name) })
}

func sign(t *testing.T, s *signature.Scheme, h http.Header, m signature.Message) {
	t.Helper()
	if err := s.Sign(h, m); err != nil {
		t.Fatal(err)
	}
}

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	options := map[string]map[string]string{
		"hmac": {"template": "{id}|{timestamp}|{method}{url}{header:Host}{header:X-Extra}{body}", "prefix": "t={timestamp},v1="},
	}
	for _, name := range signature.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, current, other := signature.GenerateSecret(name), signature.GenerateSecret(name), signature.GenerateSecret(name)
			h := http.Header{"X-Extra": {"e"}}
			m := message()
			sign(t, compile(t, name, options[name], current, old), h, m)
			if h.Get("webhook-id") != m.ID || h.Get("webhook-timestamp") != "1800000000" {
				t.Errorf("id and timestamp are %q and %q", h.Get("webhook-id"), h.Get("webhook-timestamp"))
			}
			if err := compile(t, name, options[name], old, current).Verify(h, arrived(m), at); err != nil {
				t.Errorf("a receiver with both secrets: %v", err)
			}
			if !signature.NeedsSecret(name) {
				return
			}
			if err := compile(t, name, options[name], other).Verify(h, arrived(m), at); reason(err) != scheme.BadSignature {
				t.Errorf("a receiver with another secret: %v", err)
			}
			s := compile(t, name, options[name], current)
			changed := arrived(m)
			changed.Body = bytes.ToUpper(m.Body)
			if err := s.Verify(h, changed, at); reason(err) != scheme.BadSignature {
				t.Errorf("another body: %v", err)
			}
			if err := s.Verify(http.Header{}, arrived(m), at); reason(err) != scheme.NoSignature {
				t.Errorf("no headers: %v", err)
			}
		})
	}
}

func TestRotationCarriesBothSignatures(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]string{"standard": "v1,", "standard-ed25519": "v1a,"} {
		old, current := signature.GenerateSecret(name), signature.GenerateSecret(name)
		h := http.Header{}
		sign(t, compile(t, name, nil, current, old), h, message())
		list := strings.Fields(h.Get("webhook-signature"))
		if len(list) != 2 || !strings.HasPrefix(list[0], version) || !strings.HasPrefix(list[1], version) {
			t.Errorf("%s: signatures are %v", name, list)
		}
		for _, secret := range []string{old, current} {
			if err := compile(t, name, nil, secret).Verify(h, arrived(message()), at); err != nil {
				t.Errorf("%s: a receiver with one of the secrets: %v", name, err)
			}
		}
		h.Set("webhook-signature", "v9,AAAA not-a-signature "+list[1])
		if err := compile(t, name, nil, old).Verify(h, arrived(message()), at); err != nil {
			t.Errorf("%s: a list with unknown entries: %v", name, err)
		}
	}
}

func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	for _, name := range signing() {
		s := compile(t, name, nil, signature.GenerateSecret(name))
		h := http.Header{}
		m := arrived(message())
		sign(t, s, h, message())
		for i := range len(m.Body) * 8 {
			changed := m
			changed.Body = bytes.Clone(m.Body)
			changed.Body[i/8] ^= 1 << (i % 8)
			if s.Verify(h, changed, at) == nil {
				t.Fatalf("%s: bit %d of the body flipped, still verified", name, i)
			}
		}
	}
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	timed := map[string]string{"template": "{timestamp}.{body}"}
	for _, c := range []struct {
		name    string
		options map[string]string
		bound   bool
	}{
		{"standard", nil, true},
		{"standard-ed25519", nil, true},
		{"hmac", timed, true},
		{"hmac", nil, false},
		{"sticker", nil, false},
		{"cryptlex", nil, false},
	} {
		s := compile(t, c.name, c.options, signature.GenerateSecret(c.name))
		h := http.Header{}
		sign(t, s, h, message())
		for _, age := range []time.Duration{tolerance + time.Second, -tolerance - time.Second} {
			if err := s.Verify(h, arrived(message()), at.Add(age)); (reason(err) == scheme.Stale || reason(err) == scheme.Future) != c.bound {
				t.Errorf("%s %v, %v old: %v", c.name, c.options, age, err)
			}
		}
		if err := s.Verify(h, arrived(message()), at.Add(tolerance)); err != nil {
			t.Errorf("%s %v, just fresh: %v", c.name, c.options, err)
		}
	}
}

func TestStickerHeaders(t *testing.T) {
	t.Parallel()
	m := message()
	m.Type = "order\r\nX-Bad: 1"
	h := http.Header{}
	sign(t, compile(t, "sticker", map[string]string{"header_prefix": "X-Acme"}, strings.Repeat("k", 16)), h, m)
	for name, want := range map[string]string{"X-Acme-Event": "orderX-Bad: 1", "X-Acme-Delivery-Id": "d1", "X-Acme-Timestamp": "1800000000"} {
		if h.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, h.Get(name), want)
		}
	}
	if !strings.HasPrefix(h.Get("X-Acme-Signature"), "sha256=") || len(h) != 6 {
		t.Errorf("headers are %v", h)
	}
	h = http.Header{}
	sign(t, compile(t, "sticker", nil, strings.Repeat("k", 16)), h, m)
	if h.Get("X-Webhook-Signature") == "" {
		t.Errorf("without a prefix the headers are %v", h)
	}
}

func TestStandardWebhooksLibraryAgrees(t *testing.T) {
	t.Parallel()
	secret := signature.GenerateSecret("standard")
	library, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	ours, m, h := compile(t, "standard", nil, secret), message(), http.Header{}
	m.Time = time.Now()
	sign(t, ours, h, m)
	if err := library.Verify(m.Body, h); err != nil {
		t.Errorf("the library refuses our signature: %v", err)
	}
	theirs, err := library.Sign(m.ID, m.Time, m.Body)
	if err != nil {
		t.Fatal(err)
	}
	h.Set("webhook-signature", theirs)
	if err := ours.Verify(h, arrived(m), m.Time); err != nil {
		t.Errorf("we refuse the library's signature: %v", err)
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("k", 16)
	whsec := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	foreign := append(slices.Clone(private[:32]), make([]byte, 32)...)
	for _, c := range []struct {
		scheme, option, value, secret, field string
	}{
		{"rsa", "", "", good, "signature"},
		{"", "", "", good, "signature"},
		{"standard", "", "", "", "secrets[0]"},
		{"standard", "", "", "whsec_", "secrets[0]"},
		{"standard", "", "", whsec(23), "secrets[0]"},
		{"standard", "", "", whsec(65), "secrets[0]"},
		{"standard", "", "", "whsec_*", "secrets[0]"},
		{"standard", "", "", base64.StdEncoding.EncodeToString(make([]byte, 32)), "secrets[0]"},
		{"standard-ed25519", "", "", whsec(32), "secrets[0]"},
		{"standard-ed25519", "", "", "whsk_" + base64.StdEncoding.EncodeToString(make([]byte, 31)), "secrets[0]"},
		{"standard-ed25519", "", "", "whsk_" + base64.StdEncoding.EncodeToString(foreign), "secrets[0]"},
		{"sticker", "", "", "", "secrets[0]"},
		{"sticker", "", "", "eight-by", "secrets[0]"},
		{"sticker", "header_prefix", "X Acme", good, "options.header_prefix"},
		{"sticker", "header_prefix", "X\r\nA", good, "options.header_prefix"},
		{"cryptlex", "", "", "fifteen-bytes-k", "secrets[0]"},
		{"hmac", "", "", "", "secrets[0]"},
		{"hmac", "header", "Host", good, "options.header"},
		{"hmac", "header", "content-length", good, "options.header"},
		{"hmac", "header", "webhook-id", good, "options.header"},
		{"hmac", "header", "ce-id", good, "options.header"},
		{"hmac", "header", "a b", good, "options.header"},
		{"hmac", "hash", "md4", good, "options.hash"},
		{"hmac", "encoding", "base32", good, "options.encoding"},
		{"hmac", "key_encoding", "rot13", good, "options.key_encoding"},
		{"hmac", "key_encoding", "hex", good, "secrets[0]"},
		{"hmac", "prefix", "a\nb", good, "options.prefix"},
		{"hmac", "prefix", "{body}", good, "options.prefix"},
		{"hmac", "template", "{id}", good, "options.template"},
		{"hmac", "template", "{body", good, "options.template"},
		{"hmac", "template", "{body}{nothing}", good, "options.template"},
		{"hmac", "template", "{body}{header:}", good, "options.template"},
	} {
		_, err := signature.Compile(c.scheme, map[string]string{c.option: c.value}, []string{c.secret})
		var field *signature.FieldError
		if !errors.As(err, &field) || field.Field != c.field {
			t.Errorf("%s %s=%q: error %v, want one of %s", c.scheme, c.option, c.value, err, c.field)
			continue
		}
		if len(c.secret) > 8 && strings.Contains(err.Error(), c.secret) {
			t.Errorf("%s: the error holds the secret: %v", c.scheme, err)
		}
	}
	for _, name := range signature.Names() {
		_, err := signature.Compile(name, nil, nil)
		if (err != nil) != signature.NeedsSecret(name) {
			t.Errorf("%s without secrets: %v", name, err)
		}
	}
	if _, err := signature.Compile("sticker", nil, []string{good, "short"}); err == nil || !strings.HasPrefix(err.Error(), "secrets[1]: ") {
		t.Errorf("a short second secret: %v", err)
	}
}

func TestMessageID(t *testing.T) {
	t.Parallel()
	id := signature.MessageID("/sources/shop", "ev-1")
	if id != "msg_jb3ciirnlaopt7aik76ubkec7uhsvcqp" {
		t.Errorf("the id is %q; receivers know events by it, so it must never change", id)
	}
	seen := map[string]bool{id: true}
	for _, pair := range [][2]string{{"/sources/shop", "ev-2"}, {"/sources/shope", "v-1"}, {"", ""}, {strings.Repeat("s", 400), "1"}} {
		seen[signature.MessageID(pair[0], pair[1])] = true
	}
	for _, batch := range [][]string{{"a", "bc"}, {"ab", "c"}, {"abc"}, {""}, nil} {
		seen[signature.BatchID(batch)] = true
	}
	if len(seen) != 10 {
		t.Errorf("%d ids of 10 are different", len(seen))
	}
}

func FuzzHMACTemplate(f *testing.F) {
	f.Add("{id}.{timestamp}.{body}", "t={timestamp},v1=")
	f.Add("{body}{header:X-A}{secret}{{", "")
	f.Fuzz(func(t *testing.T, template, prefix string) {
		s, err := signature.Compile("hmac", map[string]string{"template": template, "prefix": prefix}, []string{strings.Repeat("k", 16)})
		if err != nil {
			var field *signature.FieldError
			if !errors.As(err, &field) {
				t.Fatalf("%v is no FieldError", err)
			}
			return
		}
		h, m := http.Header{}, message()
		sign(t, s, h, m)
		m.ID, m.Time = "", time.Time{}
		if err := s.Verify(h, m, at); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add("v1,AAAA v1,", "msg_1", "1800000000", []byte("x"))
	f.Fuzz(func(t *testing.T, list, id, stamp string, body []byte) {
		h := http.Header{"Webhook-Signature": {list}, "Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "X-Webhook-Signature": {list}}
		for _, name := range signing() {
			s, err := signature.Compile(name, nil, []string{signature.GenerateSecret(name)})
			if err != nil {
				t.Fatal(err)
			}
			if s.Verify(h, signature.Message{Body: body}, at) == nil {
				t.Fatalf("%s accepted what nobody signed", name)
			}
		}
	})
}

// The host of a URL is sent as Host, and is in no header before.
func TestASignatureMayCoverTheHost(t *testing.T) {
	t.Parallel()
	secret := signature.GenerateSecret("hmac")
	s := compile(t, "hmac", map[string]string{"template": "{header:Host}{body}"}, secret)
	h, m := http.Header{}, message()
	m.URL = "https://a.example:8443/x"
	sign(t, s, h, m)
	m.URL = "https://b.example/x"
	if err := s.Verify(h, arrived(m), at); reason(err) != scheme.BadSignature {
		t.Errorf("another host: %v", err)
	}
}

// A URL is signed as it is sent, whatever its owner wrote.
func TestTheURLIsSignedInSmallLetters(t *testing.T) {
	t.Parallel()
	secret := signature.GenerateSecret("hmac")
	written, sent := http.Header{}, http.Header{}
	m := message()
	for h, url := range map[*http.Header]string{&written: "HTTPS://A.example:8443/In?B=C", &sent: "https://a.example:8443/In?B=C"} {
		m.URL = url
		sign(t, compile(t, "hmac", map[string]string{"template": "{header:Host}{url}{body}"}, secret), *h, m)
	}
	if !reflect.DeepEqual(written, sent) {
		t.Errorf("written %v, sent %v", written, sent)
	}
}
