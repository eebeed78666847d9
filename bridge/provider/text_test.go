package provider_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

// Whatever a provider file takes out of a body or a header, no attribute holds what CloudEvents
// does not allow.
func TestExtractedAttributesHoldOnlyText(t *testing.T) {
	t.Parallel()
	options := map[string]string{"header": "X-Signature", "id": "/id", "type": "/type", "subject": "/subject"}
	fromHeaders := map[string]string{"header": "X-Signature", "id": "header:X-Id", "type": "header:X-Type", "subject": "header:X-Subject"}
	for _, text := range []string{`a\u0000b`, `a\u0085`, `\ud800`, `a\udfff\ud800`, `\ufffe`, `\ufdd0x`, `a\n`, `\u007f`} {
		v := compile(t, "hmac", provider.Config{Options: options})
		verdict := accepted(t, v, sample(t, "hmac", `{"id":"`+text+`","type":"`+text+`","subject":"`+text+`"}`, options))
		check(t, text, &verdict)

		v = compile(t, "hmac", provider.Config{Options: fromHeaders})
		q := sample(t, "hmac", `{}`, fromHeaders)
		raw, err := strconv.Unquote(`"` + text + `"`)
		if err != nil { // what Go cannot write, a header can
			raw = "\xed\xa0\x80"
		}
		for _, name := range []string{"X-Id", "X-Type", "X-Subject"} {
			q.Header.Set(name, raw)
		}
		verdict = accepted(t, v, q)
		check(t, text+" in headers", &verdict)
	}
}

func check(t *testing.T, what string, v *provider.Verdict) {
	t.Helper()
	if v.Invalid != "" {
		t.Errorf("%s: %s", what, v.Invalid)
	}
	e := &v.Events[0]
	if err := e.Validate(); err != nil {
		t.Errorf("%s: %v in %+v", what, err, e)
	}
	if e.Subject != "" || e.Extension("partitionkey") != "" {
		t.Errorf("%s: subject %q", what, e.Subject)
	}
}

// What was found and cannot be an attribute is told, and not passed over; and a byte that is no UTF-8
// costs the value that it stands in.
func TestValuesThatCannotBeWrittenAreTold(t *testing.T) {
	t.Parallel()
	v := userProvider(t, "own", "verify: [{hmac: {header: X-Sig}}]\nevent: {prefix: com.own, id: /id, type: /type, subject: /subject, extensions: {shop: /shop}}\n", provider.Config{})
	say := func(body string) provider.Event { return accepted(t, v, lines(body, "X-Sig", hexHMAC(body))).Events[0] }
	e := say(`{"id":"a\u001bb","type":"t","subject":"\u0085","shop":"` + strings.Repeat("x", 9000) + `"}`)
	var told []string
	for _, f := range e.Flaws {
		told = append(told, f.Attribute+": "+f.Reason)
	}
	if len(told) != 3 || !strings.HasPrefix(told[0], "id: ") || !strings.HasPrefix(told[1], "subject: ") || !strings.HasPrefix(told[2], "shop: is longer than ") || e.Named || e.Subject != "" {
		t.Errorf("%q, %+v", told, e)
	}
	if e := say(`{"id":"7","type":"t","subject":"s"}`); len(e.Flaws) != 0 || e.ID != "7" {
		t.Errorf("%+v", e)
	}
	kept := say("{\"id\":\"order-7\",\"type\":\"t\",\"subject\":\"s\xff\",\"note\":\"\xfe\"}")
	if kept.Invalid == "" || kept.ID != "order-7" || kept.Subject != "" {
		t.Errorf("%+v", kept)
	}
	one, other := say("{\"id\":\"a\xff\",\"type\":\"t\"}"), say("{\"id\":\"a\xfe\",\"type\":\"t\"}")
	if one.Invalid == "" || one.ID == other.ID {
		t.Errorf("two ids that cannot be read are one: %s", one.ID)
	}
}
