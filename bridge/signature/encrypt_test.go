package signature_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/scheme/cipher"
	"github.com/hookspan/hookspan/bridge/signature"
)

func TestEncrypt(t *testing.T) {
	t.Parallel()
	plain := []byte(`{"type":"order.paid","data":{"id":7}}`)
	secret := strings.Repeat("k", 32)
	for _, c := range []struct {
		name, signature string
		options         map[string]string
		opens           map[string]string // as the receiver spells it
		contentType     string
	}{
		{
			name: "the usual form", signature: "standard",
			options:     map[string]string{"encrypt": "aes-256-cbc"},
			opens:       map[string]string{"cipher": "aes-256-cbc", "iv": "prefix16", "encoding": "base64"},
			contentType: "text/plain; charset=utf-8",
		},
		{
			name: "every axis", signature: "none",
			options:     map[string]string{"encrypt": "aes-128-gcm", "key": "truncate", "iv": "json:iv", "tag": "json:tag", "container": "json:data", "encoding": "hex"},
			opens:       map[string]string{"cipher": "aes-128-gcm", "key": "truncate", "iv": "json:iv", "tag": "json:tag", "container": "json:data", "encoding": "hex"},
			contentType: "application/json",
		},
		{
			name: "a header beside the body", signature: "none",
			options:     map[string]string{"encrypt": "aes-256-ctr", "iv": "header:X-Iv", "container": "form:payload"},
			opens:       map[string]string{"cipher": "aes-256-ctr", "iv": "header:X-Iv", "container": "form:payload"},
			contentType: "application/x-www-form-urlencoded",
		},
		{
			name: "encoding belongs to the signature", signature: "hmac",
			options:     map[string]string{"encrypt": "aes-256-ecb", "encoding": "base64url", "encrypt_encoding": "hex"},
			opens:       map[string]string{"cipher": "aes-256-ecb", "encoding": "hex"},
			contentType: "text/plain; charset=utf-8",
		},
	} {
		e, err := signature.Schemes{}.CompileEncryption(c.signature, c.options, secret)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		h := http.Header{"Content-Type": {"application/json"}}
		sealed, err := e.Encrypt(h, plain)
		if err != nil || bytes.Contains(sealed, []byte("order")) || h.Get("Content-Type") != c.contentType {
			t.Errorf("%s: %q as %s, %v", c.name, sealed, h.Get("Content-Type"), err)
		}
		scheme, err := cipher.Parse(c.opens)
		if err != nil {
			t.Fatal(err)
		}
		key, err := scheme.Key(secret)
		if err != nil {
			t.Fatal(err)
		}
		got, err := key.Open(cipher.Message{Header: h, Body: sealed}, func([]byte) bool { return true })
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: the receiver reads %q, %v", c.name, got, err)
		}
	}
}

func TestCompileEncryptionRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options       map[string]string
		secret, field string
	}{
		{map[string]string{"encrypt": "rot13"}, strings.Repeat("k", 32), "options.encrypt"},
		{map[string]string{"encrypt": "aes-256-cbc", "iv": "none"}, strings.Repeat("k", 32), "options.encrypt"},
		{map[string]string{"encrypt": "aes-256-cbc"}, "", "encrypt_secret"},
		{map[string]string{"encrypt": "aes-256-cbc"}, "k-of-the-wrong-length", "encrypt_secret"},
		{nil, strings.Repeat("k", 32), "options.encrypt"},
	} {
		_, err := signature.Schemes{}.CompileEncryption("none", c.options, c.secret)
		var field *signature.FieldError
		if !errors.As(err, &field) || field.Field != c.field {
			t.Errorf("%v: error %v, want one of %s", c.options, err, c.field)
		} else if c.secret != "" && strings.Contains(err.Error(), c.secret) {
			t.Errorf("%v: the error holds the secret", c.options)
		}
	}
	if e, err := (signature.Schemes{}).CompileEncryption("none", nil, ""); e != nil || err != nil {
		t.Errorf("without the option: %v, %v", e, err)
	}
}
