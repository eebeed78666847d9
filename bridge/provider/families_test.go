package provider_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

const invented = "an invented shared secret"

func hexHMAC(content string) string { return hex.EncodeToString(macOf(invented, content)) }

// macOf is an HMAC with SHA-256.
func macOf(secret, text string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return h.Sum(nil)
}

func post(body string, headers ...string) *provider.Request {
	r := &provider.Request{Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/shop", Header: http.Header{}, Body: []byte(body), Received: noon}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestNumberedHeaders(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
verify: [{hmac: {header: X-Sig, numbered: true, encoding: base64}}]
event: {prefix: com.own, body: any}
`, provider.Config{})
	sum, _ := hex.DecodeString(hexHMAC("x"))
	right := base64.StdEncoding.EncodeToString(sum)
	accepted(t, v, post("x", "X-Sig-1", "AAAA", "X-Sig-2", right))
	if r := reason(t, v, post("x", "X-Sig-1", "AAAA")); r.Reason != provider.BadSignature {
		t.Error(r)
	}
	reason(t, v, post("x", "X-Sig", right))
}

func TestSignatureInsideTheBody(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
verify: [{hmac: {in: /signature/value, content: "{json:/signature/timestamp}{json:/signature/token}"}}]
freshness: {time: /signature/timestamp}
event: {prefix: com.own, id: /data/id, type: /data/event}
`, provider.Config{})
	now := "1772366400"
	body := `{"signature":{"timestamp":"` + now + `","token":"tok","value":"` + hexHMAC(now+"tok") + `"},"data":{"id":"i","event":"opened"}}`
	e := accepted(t, v, post(body)).Events[0]
	if e.ID != "i" || e.Type != "com.own.opened" {
		t.Errorf("%+v", e)
	}
	late := post(body)
	late.Received = noon.AddDate(0, 0, 1)
	if r := reason(t, v, late); r.Reason != provider.Stale {
		t.Error(r)
	}
	reason(t, v, post(strings.Replace(body, "tok", "kot", 1)))
	reason(t, v, post("not json"))
}

func TestTokensStandWhereTheFileSays(t *testing.T) {
	t.Parallel()
	for in, r := range map[string]*provider.Request{
		"header:X-Token": post("{}", "X-Token", invented),
		"bearer":         post("{}", "Authorization", "Bearer "+invented),
		"basic":          post("{}", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(invented))),
		"/token":         post(`{"token":"` + invented + `"}`),
	} {
		v := userProvider(t, "own", "verify: [{token: {in: \""+in+"\"}}]\nevent: {prefix: com.own}\n", provider.Config{})
		accepted(t, v, r)
		if got := reason(t, v, post("{}")); got.Reason != provider.Token {
			t.Errorf("%s: %v", in, got)
		}
		if got := reason(t, v, post(`{"token":"other"}`, "X-Token", invented+"x", "Authorization", "Bearer x")); strings.Contains(got.Detail, invented) {
			t.Errorf("%s: %v", in, got)
		}
	}
}

func TestStepsThatAllPassBy(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
verify: [{when: "header:X-New", hmac: {header: X-Sig}}]
event: {prefix: com.own}
`, provider.Config{})
	if r := reason(t, v, post("{}", "X-Sig", hexHMAC("{}"))); r.Reason != provider.NoSignature {
		t.Error(r)
	}
	accepted(t, v, post("{}", "X-New", "1", "X-Sig", hexHMAC("{}")))
}

func TestBatchesBecomeOneEventEach(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
verify: [{hmac: {header: X-Sig}}]
event: {prefix: com.own, batch: /events, id: /id, type: /kind, subject: /about}
`, provider.Config{})
	body := `{"events":[{"id":"1","kind":"a","about":"s"}, {"kind":"b"}]}`
	verdict := accepted(t, v, post(body, "X-Sig", hexHMAC(body)))
	if len(verdict.Events) != 2 || verdict.Invalid != "" {
		t.Fatalf("%+v", verdict)
	}
	first, second := verdict.Events[0], verdict.Events[1]
	if first.ID != "1" || first.Type != "com.own.a" || first.Extension("partitionkey") != "s" || string(first.Data) != `{"id":"1","kind":"a","about":"s"}` {
		t.Errorf("%+v", first)
	}
	if len(second.ID) != 64 || second.Type != "com.own.b" || second.Subject != "" || second.DataContentType != "application/json" {
		t.Errorf("%+v", second)
	}
	for body, data := range map[string]string{`{"events":{}}`: "", `{}`: "", `{"events":[{"id":"1"}]}`: `{"id":"1"}`} {
		if data == "" {
			data = body
		}
		verdict := accepted(t, v, post(body, "X-Sig", hexHMAC(body)))
		if verdict.Invalid == "" || len(verdict.Events) != 1 || string(verdict.Events[0].Data) != data {
			t.Errorf("%s: %+v", body, verdict)
		}
	}
	body = `{"events":[]}`
	if verdict := accepted(t, v, post(body, "X-Sig", hexHMAC(body))); len(verdict.Events) != 0 || verdict.Invalid != "" {
		t.Errorf("%+v", verdict)
	}
}

func TestDecryptThenNoJSON(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", `
decrypt: {key: sha256, container: "json:/encrypt"}
event: {prefix: com.own, body: any}
`, provider.Config{Secrets: []string{"test key"}})
	e := accepted(t, v, post(`{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}`)).Events[0]
	if string(e.Data) != "hello world" {
		t.Errorf("%+v", e)
	}
}

func TestBracesThatMeanThemselves(t *testing.T) {
	t.Parallel()
	v := compile(t, "hmac", provider.Config{Secrets: []string{invented}, Options: map[string]string{"header": "X-Sig", "template": "{{{body}}}{header:X-Time}"}})
	accepted(t, v, post("b", "X-Sig", hexHMAC("{b}now"), "X-Time", "now"))
	reason(t, v, post("b", "X-Sig", hexHMAC("bnow"), "X-Time", "now"))
}
