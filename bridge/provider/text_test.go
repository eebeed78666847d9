package provider_test

import (
	"strconv"
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
