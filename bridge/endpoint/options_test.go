package endpoint_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

// What nothing reads is refused: it is misspelt, or set for another signature or content.
func TestOptionsThatNothingReads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signature, content, options string
		want                        string // begin of the fault, "" for none
	}{
		{"standard", "binary", "", ""},
		{"standard", "binary", "encrypt=aes-256-cbc iv=zero key=sha256", ""},
		{"hmac", "binary", "hash=sha512 encoding=base64 encrypt=aes-256-cbc encrypt_encoding=hex", ""},
		{"sticker", "batch", "header_prefix=X-Acme batch_size=10 batch_wait=2s", ""},
		{"standard", "binary", "encrpyt=aes-256-cbc", "options.encrpyt: is not known; did you mean encrypt?"},
		{"standard", "binary", "Encrypt=aes-256-cbc", "options.Encrypt: is not known; did you mean encrypt?"},
		{"standard", "batch", "batchsize=3", "options.batchsize: is not known; did you mean batch_size?"},
		{"hmac", "binary", "hahs=sha512", "options.hahs: is not known; did you mean hash?"},
		{"hmac", "binary", "=x", "options.: is not known"},
		{"standard", "binary", "hash=sha512", "options.hash: is of no use here; it belongs to signature hmac"},
		{"hmac", "binary", "header_prefix=X-Acme", "options.header_prefix: is of no use here; it belongs to signature sticker"},
		{"standard", "structured", "batch_size=3", "options.batch_size: is of no use here; it belongs to content batch"},
		{"standard", "binary", "iv=zero", "options.iv: is of no use here; it belongs to the option encrypt"},
		{"none", "binary", "encrypt_iv=zero", "options.encrypt_iv: is of no use here; it belongs to the option encrypt"},
		{"standard", "binary", strings.Repeat("k", 64) + "=x", "options: has a key longer"},
		{"hmac", "binary", "template=" + strings.Repeat("k", 2049), "options.template: is longer"},
	} {
		e := receiver("crm")
		e.Signature, e.Content, e.Options = c.signature, c.content, map[string]string{}
		for pair := range strings.FieldsSeq(c.options) {
			key, value, _ := strings.Cut(pair, "=")
			e.Options[key] = value
		}
		if e.Options["encrypt"] != "" {
			e.EncryptSecret = setting.Secret(strings.Repeat("k", 32))
		}
		faults := ""
		for _, f := range e.Validate() {
			faults += f.Field + ": " + f.Message
		}
		if c.want == "" && faults != "" || !strings.HasPrefix(faults, c.want) {
			t.Errorf("%s, %s, %s: %q, want %q", c.signature, c.content, c.options, faults, c.want)
		}
	}
	e := receiver("crm")
	e.Signature = "provider:standard-webhooks"
	for key, want := range map[string]string{"headr": "headers", "ecnrypt": "encrypt", "batchsize": "batch_size"} { // header is of hmac
		e.Options = map[string]string{key: "svix"}
		if faults := endpoint.CheckOptions(e, []string{"headers"}); len(faults) != 1 || faults[0].Message != "is not known; did you mean "+want+"?" {
			t.Errorf("%s of a provider: %v", key, faults)
		}
	}
	many := receiver("crm")
	many.Options = map[string]string{}
	for i := range 51 {
		many.Options[fmt.Sprint(i)] = "x"
	}
	if faults := many.Validate(); len(faults) != 1 || faults[0].Field != "options" {
		t.Errorf("51 options: %v", faults)
	}
}
