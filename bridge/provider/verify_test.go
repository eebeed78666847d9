package provider_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func compile(t testing.TB, name string, cfg provider.Config) *provider.Verifier {
	t.Helper()
	p, ok := catalog(t).Provider(name)
	if !ok {
		t.Fatalf("no provider %s", name)
	}
	if cfg.Source == "" {
		cfg.Source = "shop"
	}
	if cfg.Secrets == nil {
		cfg.Secrets = []string{secretOf(t, name)}
	}
	v, err := p.Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sample makes a request of a provider with a body of the test's own.
func sample(t testing.TB, name, body string, options map[string]string) *provider.Request {
	t.Helper()
	p, _ := catalog(t).Provider(name)
	s, err := p.Sample(provider.SampleRequest{Secret: secretOf(t, name), Options: options, Now: noon, Body: []byte(body),
		URL: "https://hooks.example.com/webhooks/shop"})
	if err != nil {
		t.Fatal(err)
	}
	return request(s, noon)
}

func reason(t testing.TB, v *provider.Verifier, r *provider.Request) *provider.Refusal {
	t.Helper()
	_, err := v.Verify(r)
	var refusal *provider.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("accepted, %v", err)
	}
	return refusal
}

func accepted(t testing.TB, v *provider.Verifier, r *provider.Request) provider.Verdict {
	t.Helper()
	verdict, err := v.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

func TestStickyTimesAreEasternWithSummerTime(t *testing.T) {
	t.Parallel()
	v := compile(t, "sticky", provider.Config{})
	cases := map[string]string{
		"2024-12-18 14:48:11": "2024-12-18T19:48:11Z", // winter
		"2024-07-01 14:48:11": "2024-07-01T18:48:11Z", // summer
		"2024-11-03 01:30:00": "2024-11-03T05:30:00Z", // shown twice: the earlier one
		"2024-11-03 00:59:59": "2024-11-03T04:59:59Z",
		"2024-11-03 02:00:00": "2024-11-03T07:00:00Z",
		"2024-03-10 02:30:00": "2024-03-10T07:30:00Z", // never shown
		"2024-03-10 01:59:59": "2024-03-10T06:59:59Z",
		"2024-03-10 03:00:00": "2024-03-10T07:00:00Z",
		"yesterday":           noon.Format(time.RFC3339), // unreadable: receipt
	}
	for local, want := range cases {
		e := accepted(t, v, sample(t, "sticky", `{"type":"product.created","time":"`+local+`","data":{"id":"i"}}`, nil)).Events[0]
		if got := e.Time.UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s is %s, want %s", local, got, want)
		}
	}
}

func TestStickyTypesAndIds(t *testing.T) {
	t.Parallel()
	v := compile(t, "sticky", provider.Config{})
	cases := []struct{ body, kind, id, subject string }{
		{`{"type":"recovery_attempt_failed","data":{"id":"a"}}`, "io.sticky.recovery.attempt_failed", "a", ""},
		{`{"type":"recovery.attempt_failed","data":{"id":"a"}}`, "io.sticky.recovery.attempt_failed", "a", ""},
		{`{"type":"refund_successful","data":{"id":"a"}}`, "io.sticky.refund.successful", "a", ""},
		{`{"type":"payment.profile.updated","data":{"id":"a","object":{"id":5}}}`, "io.sticky.payment.profile.updated", "a", "5"},
		{`{"type":"bulk.variant.created","data":{"id":"a","object":[{"id":1},{"id":2}]}}`, "io.sticky.bulk.variant.created", "a", ""},
		{`{"message":"hello","reference":"r","URL":"https://example.com"}`, "io.sticky.test", "", ""},
	}
	for _, c := range cases {
		verdict := accepted(t, v, sample(t, "sticky", c.body, nil))
		e := verdict.Events[0]
		if len(verdict.Events) != 1 || e.Type != c.kind || e.Subject != c.subject || (c.id != "" && e.ID != c.id) || (c.id == "" && len(e.ID) != 64) {
			t.Errorf("%s: %+v", c.body, e)
		}
		if string(e.Data) != c.body || e.DataContentType != "application/json" {
			t.Errorf("%s: data %s of type %s", c.body, e.Data, e.DataContentType)
		}
	}
}

func TestStickyClientAppKeyIsASecondCheck(t *testing.T) {
	t.Parallel()
	v := compile(t, "sticky", provider.Config{Options: map[string]string{"client_app_key": "right-key"}})
	accepted(t, v, sample(t, "sticky", `{"clientAppKey":"right-key","type":"x","data":{"id":"1"}}`, nil))
	accepted(t, v, sample(t, "sticky", `{"message":"test events have no key"}`, nil))
	for _, body := range []string{`{"clientAppKey":"wrong-key","type":"x"}`, `{"type":"x"}`, `{"clientAppKey":null,"type":"x"}`} {
		if r := reason(t, v, sample(t, "sticky", body, nil)); r.Reason != provider.ClientKey || strings.Contains(r.Detail, "right-key") {
			t.Errorf("%s: %v", body, r)
		}
	}
}

func TestUnauthenticatedCiphersHaveOneRefusal(t *testing.T) {
	t.Parallel()
	v := compile(t, "sticky", provider.Config{})
	good := sample(t, "sticky", `{"type":"x"}`, nil)
	broken := map[string][]byte{
		"no base64":         []byte("%%%"),
		"empty":             {},
		"too short":         []byte("AAAA"),
		"half a block":      good.Body[:len(good.Body)-8],
		"bad padding":       append(bytes.Clone(good.Body[:20]), bytes.Repeat([]byte("A"), len(good.Body)-20)...),
		"not JSON":          sample(t, "sticky", `hello`, nil).Body,
		"not an object":     sample(t, "sticky", `[1]`, nil).Body,
		"not UTF-8":         sample(t, "sticky", "{\"type\":\"\xff\"}", nil).Body,
		"no type, no test":  sample(t, "sticky", `{"other":1}`, nil).Body,
		"truncated JSON":    sample(t, "sticky", `{"type":"x"`, nil).Body,
		"type is no string": sample(t, "sticky", `{"type":{}}`, nil).Body,
	}
	first := reason(t, v, &provider.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte("AAAA"), Received: noon})
	for name, body := range broken {
		r := *good
		r.Body = body
		if got := reason(t, v, &r); *got != *first || got.Reason != provider.Decryption {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAuthenticatedCiphersTellInvalidFromForged(t *testing.T) {
	t.Parallel()
	options := map[string]string{"cipher": "aes-256-gcm"}
	v := compile(t, "sticky", provider.Config{Options: options})
	verdict := accepted(t, v, sample(t, "sticky", "hello", options))
	if verdict.Invalid == "" || string(verdict.Events[0].Data) != "hello" || verdict.Events[0].Type != "io.sticky.invalid" {
		t.Errorf("%+v", verdict)
	}
}

func TestTolerance(t *testing.T) {
	t.Parallel()
	hour := time.Hour
	cases := []struct{ name, header string }{{"sticker", "X-Sticker-Timestamp"}}
	for _, c := range cases {
		r := sample(t, c.name, `{"event":"order.created"}`, nil)
		late := *r
		late.Received = noon.Add(2 * time.Hour)
		accepted(t, compile(t, c.name, provider.Config{}), &late)
		asked := compile(t, c.name, provider.Config{Tolerance: &hour})
		if got := reason(t, asked, &late); got.Reason != provider.Stale {
			t.Errorf("%s: %v", c.name, got)
		}
		accepted(t, asked, r)
		r.Header.Del(c.header)
		if got := reason(t, asked, r); got.Reason != provider.Stale {
			t.Errorf("%s without its time: %v", c.name, got)
		}
	}
	p, _ := catalog(t).Provider("github")
	if _, err := p.Compile(provider.Config{Source: "s", Secrets: []string{"x"}, Tolerance: &hour}); err == nil || !strings.Contains(err.Error(), "tolerance") {
		t.Errorf("github has no time: %v", err)
	}
	off := time.Duration(0)
	r := sample(t, "stripe", `{"id":"evt_1","type":"x"}`, nil)
	r.Received = noon.AddDate(1, 0, 0)
	accepted(t, compile(t, "stripe", provider.Config{Tolerance: &off}), r)
}

func TestStickyToleranceReadsTheLocalTime(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	v := compile(t, "sticky", provider.Config{Tolerance: &minute})
	accepted(t, v, sample(t, "sticky", `{"type":"x","time":"2026-03-01 07:00:30"}`, nil))
	if r := reason(t, v, sample(t, "sticky", `{"type":"x","time":"2026-03-01 12:00:00"}`, nil)); r.Reason != provider.Future {
		t.Error(r)
	}
}

func TestGzipIsVerifiedAsItCameAndPublishedUnpacked(t *testing.T) {
	t.Parallel()
	const body = `{"event":"order.created","data":{"order_id":"o"}}`
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	v := compile(t, "sticker", provider.Config{})
	r := sample(t, "sticker", packed.String(), nil)
	r.Header.Set("Content-Encoding", "gzip")
	e := accepted(t, v, r).Events[0]
	if string(e.Data) != body || e.Subject != "o" {
		t.Errorf("%+v", e)
	}
	small := compile(t, "sticker", provider.Config{MaxBody: 10})
	for what, c := range map[string]struct {
		v        *provider.Verifier
		encoding string
		body     string
		reason   provider.Reason
		status   int
	}{
		"too large":        {small, "gzip", packed.String(), provider.TooLarge, 413},
		"not gzip":         {v, "gzip", body, provider.InvalidBody, 400},
		"cut short":        {v, "gzip", packed.String()[:20], provider.InvalidBody, 400},
		"unknown encoding": {v, "br", body, provider.MediaType, 415},
	} {
		r := sample(t, "sticker", c.body, nil)
		r.Header.Set("Content-Encoding", c.encoding)
		got := reason(t, c.v, r)
		if got.Reason != c.reason || c.v.StatusOf(got) != c.status {
			t.Errorf("%s: %v, status %d", what, got, c.v.StatusOf(got))
		}
		r.Body = []byte("forged")
		if got := reason(t, c.v, r); got.Reason != provider.BadSignature || c.v.StatusOf(got) != 401 {
			t.Errorf("%s, forged: %v", what, got)
		}
	}
}

func TestSourceAndPrefixOfTheConfiguration(t *testing.T) {
	t.Parallel()
	cfg := provider.Config{URI: "urn:shop", TypePrefix: "org.example"}
	e := accepted(t, compile(t, "github", cfg), sample(t, "github", `{"ref":"r","repository":{"url":"https://x"}}`, nil)).Events[0]
	if e.Source != "urn:shop" || e.Type != "org.example.push" {
		t.Errorf("%+v", e)
	}
}

func TestAttributesThatCannotBeWrittenAreLeftOut(t *testing.T) {
	t.Parallel()
	v := compile(t, "hmac", provider.Config{Options: map[string]string{"header": "X-Signature", "id": "/id", "type": "/type", "subject": "/subject"}})
	body := `{"id":"a\u0000b","type":" a//b c..d\u0007/ ","subject":"` + strings.Repeat("s", 2000) + `"}`
	e := accepted(t, v, sample(t, "hmac", body, map[string]string{"header": "X-Signature"})).Events[0]
	if len(e.ID) != 64 || e.Subject != "" || e.Type != "webhook.shop.a.b.c.d_" || e.Extension("partitionkey") != "" {
		t.Errorf("%+v", e)
	}
}

func TestCompileRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	negative := -time.Second
	cases := []struct {
		provider string
		cfg      provider.Config
		want     string
	}{
		{"sticker", provider.Config{Secrets: []string{}}, "secrets"},
		{"sticker", provider.Config{Secrets: []string{"ok-secret-of-length", ""}}, "secret 2 is empty"},
		{"standard-webhooks", provider.Config{Secrets: []string{"whsec_"}}, "it is empty"},
		{"standard-webhooks", provider.Config{Secrets: []string{"whsec_!!"}}, "base64"},
		{"sticker", provider.Config{Options: map[string]string{"colour": "red"}}, "option colour is unknown"},
		{"hmac", provider.Config{Options: map[string]string{"heade": "X-Sig"}}, "option heade is unknown here; did you mean header?"}, // not: header is needed
		{"hmac", provider.Config{}, "option header is needed"},
		{"hmac", provider.Config{Options: map[string]string{"header": "X", "hash": "crc32"}}, "option hash"},
		{"hmac", provider.Config{Options: map[string]string{"header": "X", "template": "{body"}}, "template"},
		{"hmac", provider.Config{Options: map[string]string{"header": "X", "template": "{moon}"}}, "{moon}"},
		{"hmac", provider.Config{Options: map[string]string{"header": "X", "id": "/~9"}}, "JSON pointer"},
		{"sticky", provider.Config{Secrets: []string{"too short"}}, "aes-256 needs 32"},
		{"sticky", provider.Config{Options: map[string]string{"iv": "none"}}, "option iv"},
		{"stripe", provider.Config{Tolerance: &negative}, "tolerance"},
		{"sticker", provider.Config{Secrets: slices.Repeat([]string{"one of many secrets"}, 33)}, "33 are more than 32"},
		{"sticker", provider.Config{Secrets: []string{"fine and long enough", strings.Repeat("x", 16<<10+1)}}, "secret 2 is 16385 bytes"},
		{"hmac", provider.Config{Options: map[string]string{"header": "X", "template": "{body}" + strings.Repeat("x", 4<<10)}}, "option template: 4102 bytes"},
		{"sticky", provider.Config{Secrets: []string{"blue", "kettle"}}, "there are 2 secrets"},
	}
	for _, c := range cases {
		p, _ := catalog(t).Provider(c.provider)
		cfg := c.cfg
		cfg.Source = "shop"
		if cfg.Secrets == nil {
			cfg.Secrets = []string{secretOf(t, c.provider)}
		}
		if _, err := p.Compile(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v", c.provider, c.cfg.Options, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	if w := compile(t, "sticker", provider.Config{}).Warnings(); len(w) != 0 {
		t.Error(w)
	}
	w := compile(t, "sticker", provider.Config{Secrets: []string{"long enough to be one", "short\n"}}).Warnings()
	if len(w) != 2 || !strings.Contains(strings.Join(w, " "), "secret 2") || strings.Contains(strings.Join(w, " "), "short\n") {
		t.Errorf("%q", w)
	}
}

func TestShortKeyPhrasesAreWarnedOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		secret  string
		options map[string]string
		want    string
	}{
		{"blue kettle", map[string]string{"key": "sha256"}, "key phrase 1 is only 11 bytes"},
		{"blue", map[string]string{"container": "salted"}, "key phrase 1 is only 4 bytes"},
		{strings.Repeat("k", 32), map[string]string{"client_app_key": "abc"}, "client_app_key is only 3 bytes"},
		{"blue kettle on the stove", map[string]string{"key": "md5-hex"}, ""},
	} {
		w := strings.Join(compile(t, "sticky", provider.Config{Secrets: []string{c.secret}, Options: c.options}).Warnings(), "; ")
		if !strings.Contains(w, c.want) || c.want == "" && w != "" || strings.Contains(w, c.secret) {
			t.Errorf("%v: %q", c.options, w)
		}
	}
}

func TestCloudEventsSource(t *testing.T) {
	t.Parallel()
	v := compile(t, "cloudevents", provider.Config{Rate: 120, Options: map[string]string{"allowed_origins": "good.example.com"}})
	for contentType, want := range map[string]bool{
		"application/json": true, "": true, "application/cloudevents+json; charset=utf-8": true,
		"application/cloudevents-batch+json": true, "application/cloudevents+protobuf": false, "application/cloudevents": false,
	} {
		if v.AcceptsMediaType(contentType) != want {
			t.Errorf("%q", contentType)
		}
	}
	if !v.KeepsAttributes() || strings.Join(v.Methods(), " ") != "POST OPTIONS" {
		t.Errorf("%v", v.Methods())
	}
	r := &provider.Request{Method: http.MethodOptions, Header: http.Header{"Webhook-Request-Origin": {"good.example.com"}}, Received: noon}
	if a := accepted(t, v, r).Answer; a.Header.Get("WebHook-Allowed-Rate") != "120" {
		t.Errorf("%+v", a)
	}
	r.Header.Set("WebHook-Request-Origin", "good.example.com.evil.com")
	if got := reason(t, v, r); got.Reason != provider.Challenge {
		t.Error(got)
	}
	r.Method = http.MethodGet
	if got := reason(t, v, r); got.Reason != provider.Challenge {
		t.Error(got)
	}
	basic := compile(t, "cloudevents", provider.Config{Secrets: []string{"user:password-of-length"}})
	post := sample(t, "cloudevents", "{}", nil)
	if got := reason(t, basic, post); got.Reason != provider.Token {
		t.Error(got)
	}
}

func TestOneVerifierServesManyAtOnce(t *testing.T) {
	t.Parallel()
	v := compile(t, "stripe", provider.Config{Secrets: []string{"another secret of some length", secretOf(t, "stripe")}})
	var group sync.WaitGroup
	for worker := range 8 {
		id := "evt_" + strings.Repeat("x", worker+1)
		r := sample(t, "stripe", `{"id":"`+id+`","type":"customer.created","created":1772366400}`, nil)
		group.Go(func() {
			for range 200 {
				verdict, err := v.Verify(r)
				if err != nil || verdict.Events[0].ID != id || string(verdict.Events[0].Data) != string(r.Body) {
					t.Errorf("%+v, %v", verdict, err)
					return
				}
			}
		})
	}
	group.Wait()
}
