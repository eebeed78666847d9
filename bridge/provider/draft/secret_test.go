package draft_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/draft"
)

// all is what of a draft may be kept or shown.
func all(d *draft.Draft) string { return string(d.Text) + string(d.Vectors) + fmt.Sprint(d.Notes) }

// odd has characters that each encoding and each escape writes in its own way.
const odd = "an \"öddly\" shared/secret+?>~\\&%=\U0001f511"

// shapes are the forms in which a request may show the secret.
func shapes(t testing.TB, secret string) map[string]string {
	t.Helper()
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := json.Marshal(string(quoted))
	if err != nil {
		t.Fatal(err)
	}
	var ascii strings.Builder
	for _, r := range secret {
		if r > 0xffff {
			r -= 0x10000
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			continue
		}
		fmt.Fprintf(&ascii, `\u%04x`, r)
	}
	raw := []byte(secret)
	return map[string]string{
		"std base64":            base64.StdEncoding.EncodeToString(raw),
		"std base64, bare":      base64.RawStdEncoding.EncodeToString(raw),
		"url base64":            base64.URLEncoding.EncodeToString(raw),
		"url base64, bare":      base64.RawURLEncoding.EncodeToString(raw),
		"behind a user":         base64.StdEncoding.EncodeToString([]byte("shop:" + secret + ":x")),
		"behind another user":   base64.URLEncoding.EncodeToString([]byte("shop7:" + secret)),
		"escaped base64":        url.QueryEscape(base64.StdEncoding.EncodeToString(raw)),
		"hex":                   hex.EncodeToString(raw),
		"upper hex":             strings.ToUpper(hex.EncodeToString(raw)),
		"query escape":          url.QueryEscape(secret),
		"path escape":           url.PathEscape(secret),
		"lower query escape":    strings.ToLower(url.QueryEscape(secret)),
		"JSON":                  string(quoted[1 : len(quoted)-1]),
		"JSON in JSON":          string(twice[3 : len(twice)-3]),
		"JSON of ASCII":         ascii.String(),
		"JSON, escaped":         url.QueryEscape(string(quoted)),
		"JSON in JSON, escaped": url.QueryEscape(string(twice)),
	}
}

// No form of the secret passes into a draft, wherever it stands.
func TestNoFormOfTheSecretIsDrafted(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes(t, odd) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			without := func(where string, d *draft.Draft, vectors bool) {
				t.Helper()
				if inner, err := json.Marshal(shape); err != nil || strings.Contains(all(d), shape) || strings.Contains(all(d), string(inner[1:len(inner)-1])) {
					t.Errorf("%s: %q is in the draft (%v):\n%s", where, shape, err, all(d))
				}
				if !d.Proven || (d.Vectors != nil) != vectors {
					t.Errorf("%s: proven %t, vectors %t: %v", where, d.Proven, d.Vectors != nil, d.Notes)
				}
			}
			sign := func(text string) string { return hex.EncodeToString(mac(sha256.New, odd, text)) }
			text := `{"id":"evt_7","type":"order.paid","echo":"` + shape + `"}`
			without("body", drafted(t, post(text, "X-Own-Signature", sign(text)), odd), false)
			without("header", drafted(t, post(body, "X-Own-Signature", sign(body), "X-Own-Event", shape, "X-Own-Delivery", shape), odd), true)
			for where, at := range map[string]string{"query": "https://hooks.example.com/own?a=1&key=" + shape, "path": "https://hooks.example.com/" + shape + "/own?a=1"} {
				r := post(body, "X-Own-Signature", sign(at+body))
				if r.URL = at; strings.ContainsAny(shape, `"\`) {
					continue // no URL
				}
				without(where, drafted(t, r, odd), true)
			}
		})
	}
}

// A part of the secret is no prefix only because a line stands behind it.
func TestOnlyKnownPrefixesAreWritten(t *testing.T) {
	t.Parallel()
	key := "\x01\x02 of a key that is not text"
	coded := base64.StdEncoding.EncodeToString([]byte(key))
	signed := func(key string) *provider.Request {
		return post(body, "X-Own-Signature", hex.EncodeToString(mac(sha256.New, key, body)))
	}
	for _, prefix := range []string{"", "whsec_", "whpk_", "whsk_", "v1,whsec_"} {
		d := drafted(t, signed(key), prefix+coded)
		if !d.Proven || d.Vectors == nil || !strings.Contains(string(d.Text), `key: "base64"`) || strings.Contains(string(d.Text), "key_prefix: \""+prefix+"\"") != (prefix != "") {
			t.Errorf("%q: %v\n%s", prefix, d.Notes, d.Text)
		}
	}
	for _, front := range []string{"S3cretPart_", "k_", "whsec_S3cret_"} {
		for what, r := range map[string]*provider.Request{"what is decoded": signed(key), "the text": signed(front + coded)} {
			if d := drafted(t, r, front+coded); strings.Contains(all(d), front) || strings.Contains(all(d), "key_prefix") || d.Proven != (what == "the text") {
				t.Errorf("%s under %s: %s", what, front, all(d))
			}
		}
	}
	echoed := `{"id":"7","echo":"` + strings.TrimRight(coded, "=") + `"}` // without its prefix it is as good
	d := drafted(t, post(echoed, "X-Own-Signature", hex.EncodeToString(mac(sha256.New, key, echoed))), "whsec_"+coded)
	if !d.Proven || strings.Contains(all(d), strings.TrimRight(coded, "=")) {
		t.Errorf("%s", all(d))
	}
}

// The prefixes that the catalogue's files name are all known.
func TestThePrefixesOfTheCatalogueAreKnown(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../catalog/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no catalogue: %v", err)
	}
	list, seen := regexp.MustCompile(`key_prefix: *(\[[^\]]*\]|[^,}\n]+)`), 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range list.FindAllStringSubmatch(string(text), -1) {
			for _, prefix := range regexp.MustCompile(`"[^"]*"|[^\[\], "]+`).FindAllString(found[1], -1) {
				prefix = strings.Trim(prefix, `"`)
				seen++
				key := "of a key"
				d := drafted(t, post(body, "X-Own-Signature", hex.EncodeToString(mac(sha256.New, key, body))), prefix+base64.StdEncoding.EncodeToString([]byte(key)))
				if !strings.Contains(string(d.Text), `key_prefix: "`+prefix+`"`) {
					t.Errorf("%s: %q is not known", file, prefix)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("the catalogue names none")
	}
}

// The vectors of a draft name the proof in the query too, so that it is altered.
func TestADraftNamesTheProofInTheQuery(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*provider.Request{
		"a token":     post(body),
		"a signature": post(body),
	} {
		proof := hex.EncodeToString(mac(sha256.New, secret, body))
		if name == "a token" {
			proof = url.QueryEscape(secret)
		}
		r.URL += "?a=1&sig=" + proof
		d := drafted(t, r, secret)
		if !d.Proven || !strings.Contains(string(d.Vectors), `"expected": "`) {
			t.Errorf("%s: %s", name, all(d))
		}
	}
}
