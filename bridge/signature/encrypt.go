package signature

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme/cipher"
)

// Encryption is AES over a body, in the forms that sticky.io may use. It is safe for
// concurrent use.
type Encryption struct {
	key         *cipher.Key
	contentType string
}

// EncryptionOptions lists the options that CompileEncryption reads: encrypt, which names the
// cipher and turns encryption on, and the axes of bridge/scheme/cipher, plain or with
// `encrypt_` in front.
func EncryptionOptions() []string {
	names := []string{"encrypt"}
	for _, axis := range axes() {
		names = append(names, axis, "encrypt_"+axis)
	}
	return names
}

// axes are those besides the cipher itself.
func axes() []string {
	return slices.DeleteFunc(cipher.Axes(), func(axis string) bool { return axis == "cipher" })
}

// CompileEncryption makes the encryption of an endpoint's settings, nil when the option
// encrypt is not set. Where a signature has an option of the same name (hmac: encoding), the
// plain name is the signature's, and encrypt_encoding the body's. The error is a
// *FieldError and never holds the secret.
func (s Schemes) CompileEncryption(signature string, options map[string]string, secret string) (*Encryption, error) {
	if options["encrypt"] == "" {
		if secret != "" {
			return nil, fieldErrorf("options.encrypt", "is missing beside the encryption secret, use a cipher such as aes-256-cbc")
		}
		return nil, nil
	}
	taken, _ := s.Options(signature)
	chosen := map[string]string{"cipher": options["encrypt"]}
	for _, axis := range axes() {
		if v := options["encrypt_"+axis]; v != "" {
			chosen[axis] = v
		} else if !slices.Contains(taken, axis) {
			chosen[axis] = options[axis]
		}
	}
	scheme, err := cipher.Parse(chosen)
	if err != nil {
		return nil, fieldErrorf("options.encrypt", "%s", err)
	}
	if secret == "" {
		return nil, fieldErrorf("encrypt_secret", "is empty, %s needs a key", options["encrypt"])
	}
	key, err := scheme.Key(secret)
	if err != nil {
		return nil, fieldErrorf("encrypt_secret", "%s", err)
	}
	return &Encryption{key: key, contentType: sealedType(scheme.Options()["container"])}, nil
}

// sealedType is the content type of a body in a container.
func sealedType(container string) string {
	switch kind, _, _ := strings.Cut(container, ":"); kind {
	case "json", "json-string":
		return "application/json"
	case "form":
		return "application/x-www-form-urlencoded"
	}
	return "text/plain; charset=utf-8"
}

// Encrypt returns the encrypted body, and sets its content type and the headers that travel
// beside it. Encrypt before signing: the signature covers what is sent.
func (e *Encryption) Encrypt(h http.Header, body []byte) ([]byte, error) {
	m, err := e.key.Seal(body)
	if err != nil {
		return nil, fmt.Errorf("encrypt the body: %w", err)
	}
	for name, values := range m.Header {
		h[name] = values
	}
	h.Set("Content-Type", e.contentType)
	return m.Body, nil
}
