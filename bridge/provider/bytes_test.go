package provider_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme"
)

const mark = "\ufeff"

func TestAByteOrderMarkHidesNothing(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"sticker": `{"event":"order.shipped","data":{"order_id":"o1"}}`,
		"sticky":  `{"type":"product.created","time":"2026-03-01 07:00:00","data":{"id":"a","object":{"id":4}}}`,
		"github":  `{"action":"opened","issue":{"number":4}}`,
	} {
		plain := accepted(t, compile(t, name, provider.Config{}), sample(t, name, body, nil))
		marked := accepted(t, compile(t, name, provider.Config{}), sample(t, name, mark+body, nil))
		if marked.Invalid != "" || marked.Events[0].Type != plain.Events[0].Type || marked.Events[0].Subject != plain.Events[0].Subject {
			t.Errorf("%s: %q %+v", name, marked.Invalid, marked.Events)
		}
		if string(marked.Events[0].Data) != mark+body {
			t.Errorf("%s: the bytes were changed: %q", name, marked.Events[0].Data)
		}
	}
	batch := userProvider(t, "own", "verify: [{hmac: {header: X-Sig}}]\nevent: {prefix: com.own, batch: \"\", whole: true, type: /type}\n", provider.Config{})
	list := mark + ` [{"type":"a"},{"type":"b"}]`
	if v := accepted(t, batch, post(list, "X-Sig", hexHMAC(list))); len(v.Events) != 2 || v.Events[1].Type != "com.own.b" {
		t.Errorf("%+v", v)
	}
	if v := accepted(t, compile(t, "sticker", provider.Config{}), sample(t, "sticker", mark, nil)); v.Invalid == "" {
		t.Error("a mark alone is no JSON")
	}
}

func TestContentEncodingAsSendersWriteIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lines   []string
		packed  bool
		unknown string
	}{
		{nil, false, ""}, {[]string{""}, false, ""}, {[]string{"identity"}, false, ""}, {[]string{"GZIP"}, true, ""}, {[]string{"x-gzip"}, true, ""},
		{[]string{"utf-8"}, false, ""}, {[]string{"UTF-8"}, false, ""}, {[]string{"utf8"}, false, ""}, {[]string{"charset=UTF-8"}, false, ""},
		{[]string{"ISO-8859-1"}, false, ""}, {[]string{"windows-1252"}, false, ""}, {[]string{"us-ascii"}, false, ""}, {[]string{"utf-16le"}, false, ""},
		{[]string{"8bit"}, false, ""}, {[]string{"application/json"}, false, ""}, {[]string{"none"}, false, ""},
		{[]string{"gzip, utf-8"}, true, ""}, {[]string{"utf-8", "gzip"}, true, ""}, {[]string{"identity, gzip"}, true, ""},
		{[]string{"br"}, false, "br"}, {[]string{"deflate"}, false, "deflate"}, {[]string{"utf-8, zstd"}, false, "zstd"}, {[]string{"rot13"}, false, "rot13"},
		{[]string{"gzip", "gzip"}, false, "gzip twice"}, {[]string{"gzip, br"}, false, "br"},
	} {
		packed, unknown := scheme.Packed(http.Header{"Content-Encoding": c.lines})
		if packed != c.packed || unknown != c.unknown {
			t.Errorf("%q: %v %q", c.lines, packed, unknown)
		}
	}
	r := sample(t, "sticker", `{"event":"a","data":{}}`, nil)
	r.Header.Set("Content-Encoding", "utf-8")
	if v := accepted(t, compile(t, "sticker", provider.Config{}), r); v.Events[0].Type != "com.sticker.a" {
		t.Errorf("%+v", v)
	}
	r = sample(t, "sticker", `{"event":"a","data":{}}`, nil)
	r.Header.Set("Content-Encoding", "gzip")
	if got := reason(t, compile(t, "sticker", provider.Config{}), r); got.Reason != provider.InvalidBody || !strings.Contains(got.Detail, "Content-Encoding") {
		t.Errorf("the header is not named: %v", got)
	}
}

func zip(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestASignatureOverWhatWasBeforeGzip(t *testing.T) {
	t.Parallel()
	const body = `{"type":"message.new","id":"7"}`
	v := compile(t, "hmac", provider.Config{Secrets: []string{invented}, MaxBody: 1000, Options: map[string]string{"header": "X-Sig", "template": "{unpacked}", "type": "/type"}})
	packed := func(text, signed string) *provider.Request {
		return post(zip(t, text), "Content-Encoding", "gzip", "X-Sig", hexHMAC(signed))
	}
	first, again := accepted(t, v, packed(body, body)), accepted(t, v, post(body, "X-Sig", hexHMAC(body)))
	if e := first.Events[0]; e.Type != "webhook.shop.message.new" || string(e.Data) != body || e.ID != again.Events[0].ID {
		t.Errorf("%+v, unpacked %+v", first, again)
	}
	for want, r := range map[provider.Reason]*provider.Request{
		provider.BadSignature: packed(body, zip(t, body)),
		provider.TooLarge:     packed(strings.Repeat(" ", 2000), body),
		provider.InvalidBody:  post(body, "Content-Encoding", "gzip", "X-Sig", hexHMAC(body)),
	} {
		if got := reason(t, v, r); got.Reason != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
}
