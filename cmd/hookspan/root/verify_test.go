package root_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/request"
)

const smsToken = "0123456789abcdef0123456789abcdef"

// smsRequest is a saved request of Twilio, signed over url.
func smsRequest(t *testing.T, url string, headers ...string) string {
	t.Helper()
	h := hmac.New(sha1.New, []byte(smsToken))
	h.Write([]byte(url + "MessageSidSM1MessageStatussent"))
	text := "POST /webhooks/sms HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		"X-Twilio-Signature: " + base64.StdEncoding.EncodeToString(h.Sum(nil)) + "\r\n" + strings.Join(headers, "")
	file := filepath.Join(t.TempDir(), "request")
	if err := os.WriteFile(file, []byte(text+"\r\nMessageSid=SM1&MessageStatus=sent"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func verified(t *testing.T, environ []string, args ...string) request.Judgement {
	t.Helper()
	out, errs, _ := hookspan(t, environ, append([]string{"verify", "--json"}, args...)...)
	var j request.Judgement
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		t.Fatalf("%v: %s%s", args, out, errs)
	}
	return j
}

// Verify judges as the source does, with what the configuration says of URLs.
func TestVerifyAsASourceDoes(t *testing.T) {
	t.Parallel()
	https := smsRequest(t, "https://a.example/webhooks/sms", "X-Forwarded-Proto: https\r\n")
	for name, c := range map[string]struct {
		environ []string
		args    []string
		genuine bool
		url     string
	}{
		"neither proxy nor public URL":   {nil, nil, false, "http://a.example/webhooks/sms"},
		"behind a proxy that is trusted": {[]string{"HOOKSPAN_TRUSTED_PROXIES=10.0.0.0/8"}, nil, true, "https://a.example/webhooks/sms"},
		"from the proxy itself":          {[]string{"HOOKSPAN_TRUSTED_PROXIES=10.0.0.0/8"}, []string{"--peer", "10.1.2.3"}, true, "https://a.example/webhooks/sms"},
		"from somebody else":             {[]string{"HOOKSPAN_TRUSTED_PROXIES=10.0.0.0/8"}, []string{"--peer", "192.0.2.1"}, false, "http://a.example/webhooks/sms"},
		"public URL":                     {[]string{"HOOKSPAN_SOURCE_SMS_PUBLIC_URL=https://a.example/webhooks/sms"}, nil, true, "https://a.example/webhooks/sms"},
		"another public URL":             {[]string{"HOOKSPAN_SOURCE_SMS_PUBLIC_URL=https://b.example/hook"}, nil, false, "https://b.example/hook"},
	} {
		environ := append(c.environ, "HOOKSPAN_SOURCES=sms", "HOOKSPAN_SOURCE_SMS_PROVIDER=twilio", "HOOKSPAN_SOURCE_SMS_SECRETS="+smsToken, "HOOKSPAN_DATA_DIR="+t.TempDir())
		j := verified(t, environ, append([]string{"--source", "sms", https}, c.args...)...)
		if j.Genuine != c.genuine || j.URL != c.url || j.Source != "sms" || j.Provider != "twilio" {
			t.Errorf("%s: %+v", name, j)
		}
		if text := fmt.Sprint(j.Findings); !c.genuine && (!strings.Contains(text, c.url) || !strings.Contains(text, "https://a.example/webhooks/sms")) {
			t.Errorf("%s: the two URLs are not named: %s", name, text)
		}
	}
	// By provider it is what a server without a configuration sees.
	if j := verified(t, nil, "twilio", https, "--secret", smsToken); j.Genuine || j.Status != 401 {
		t.Errorf("by provider: %+v", j)
	}
	if j := verified(t, nil, "twilio", https, "--secret", smsToken, "--url", "https://a.example/webhooks/sms"); !j.Genuine {
		t.Errorf("with --url: %+v", j)
	}
}

// What a server refuses before it looks at the signature, verify refuses too.
func TestVerifyKnowsTheBoundsOfASource(t *testing.T) {
	t.Parallel()
	environ := []string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + smsToken,
		"HOOKSPAN_SOURCE_SHOP_MAX_BODY=10B", "HOOKSPAN_DATA_DIR=" + t.TempDir()}
	dir := t.TempDir()
	for text, want := range map[string]struct {
		status int
		reason string
	}{
		"PUT / HTTP/1.1\n\n{}":                              {405, "method"},
		"POST / HTTP/1.1\nContent-Encoding: br\n\n{}":       {415, "media_type"},
		"POST / HTTP/1.1\n\n{\"more\": \"than ten bytes\"}": {413, "too_large"},
		"POST / HTTP/1.1\n\n{}":                             {401, "no_signature"},
	} {
		file := filepath.Join(dir, "request")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if j := verified(t, environ, "--source", "shop", file); j.Genuine || j.Status != want.status || j.Reason != want.reason {
			t.Errorf("%q: %+v", text, j)
		}
	}
	for _, args := range [][]string{{"--source", "nobody", "x"}, {"--source", "shop", "sticker", "x"}, {"--source", "shop", "x", "--secret", "y"}, {}} {
		if _, errs, code := hookspan(t, environ, append([]string{"verify"}, args...)...); code != cli.ExitUsage {
			t.Errorf("%v: code %d %s", args, code, errs)
		}
	}
}

// What the source's policies make of a request, verify says.
func TestVerifyKnowsThePoliciesOfASource(t *testing.T) {
	t.Parallel()
	const unfit, broken = `{"event":"order.created","data":{}}`, "moon"
	signed := func(body string) string {
		h := hmac.New(sha256.New, []byte(smsToken))
		h.Write([]byte(body))
		file := filepath.Join(t.TempDir(), "request")
		text := "POST /webhooks/shop HTTP/1.1\nHost: a.example\nX-Sticker-Signature: sha256=" + hex.EncodeToString(h.Sum(nil)) + "\n\n" + body
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for name, c := range map[string]struct {
		setting, secret, body string
		code                  int
		says                  []string
	}{
		"no schema":            {"SCHEMA=off", smsToken, unfit, cli.ExitDone, []string{"genuine; the answer is 200"}},
		"a schema":             {"SCHEMA=reject", smsToken, unfit, cli.ExitFailed, []string{"genuine, but refused; the answer is 422", "refused (schema): ", "the source does not take it"}},
		"a schema, quarantine": {"SCHEMA=quarantine", smsToken, unfit, cli.ExitDone, []string{"genuine; the answer is 200", " goes to hookspan.quarantine (schema): "}},
		"a schema, a warning":  {"SCHEMA=warn", smsToken, unfit, cli.ExitDone, []string{"genuine; the answer is 200", "does not fit its schema, of which the source only warns"}},
		"no JSON":              {"INVALID=quarantine", smsToken, broken, cli.ExitDone, []string{"genuine; the answer is 200", " goes to hookspan.quarantine (invalid_body): "}},
		"no JSON, refused":     {"INVALID=reject", smsToken, broken, cli.ExitFailed, []string{"genuine, but refused; the answer is 422", "refused (invalid_body): "}},
		"another secret":       {"VERIFY=enforce", "another-secret-of-the-shop", unfit, cli.ExitFailed, []string{"refused; the answer is 401", "refused (bad_signature): "}},
		"only observed":        {"VERIFY=observe", "another-secret-of-the-shop", unfit, cli.ExitFailed, []string{"not genuine, but taken; the answer is 200", "goes to hookspan.unverified and nowhere else", "the request is not genuine"}},
	} {
		environ := []string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + c.secret,
			"HOOKSPAN_SOURCE_SHOP_" + c.setting, "HOOKSPAN_DATA_DIR=" + t.TempDir()}
		out, errs, code := hookspan(t, environ, "verify", "--source", "shop", signed(c.body))
		if code != c.code {
			t.Errorf("%s: code %d:\n%s%s", name, code, out, errs)
		}
		for _, want := range c.says {
			if !strings.Contains(out+errs, want) {
				t.Errorf("%s: no %q in\n%s%s", name, want, out, errs)
			}
		}
	}
	// A bus of others is not asked what it takes.
	environ := []string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + smsToken, "HOOKSPAN_BUS=nats://127.0.0.1:1"}
	for size, want := range map[int]bool{1000: false, 1<<20 - 1000: true} {
		body := `{"event":"order.created","data":"` + strings.Repeat("x", size) + `"}`
		if out, _, _ := hookspan(t, environ, "verify", "--source", "shop", signed(body)); strings.Contains(out, "the bus is not asked") != want {
			t.Errorf("%d bytes: %s", size, out)
		}
	}
}
