package provider

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/hookspan/hookspan/bridge/scheme/cipher"
)

// A ProbeResult is a way to decrypt that fits a captured body.
type ProbeResult struct {
	Options       string            `json:"options"` // ready for a source's options
	Axes          map[string]string `json:"axes"`
	Authenticated bool              `json:"authenticated"` // nobody can alter such a body unnoticed
}

// ErrNoIV says that a body's key is known and its IV is not.
var ErrNoIV = errors.New("the key fits, but the IV is not in the message: ask the sender for it and give iv=fixed:…, or iv=sha256-hex:PHRASE where it is the hash of a second phrase")

// Probe tries every decryption scheme on one captured body and returns those that fit,
// likeliest first; none means that the secret is wrong or the body is not a webhook's. header
// may be nil. ErrNoIV says that only the IV is missing. It is an error where the provider does not encrypt.
func (p *Provider) Probe(header http.Header, body []byte, secret string) ([]ProbeResult, error) {
	f, err := p.file(examples(p.Options), p.Options, "probe")
	if err != nil {
		return nil, err
	}
	if f.Proof.Decrypt == nil {
		return nil, fmt.Errorf("provider %s does not encrypt; there is nothing to probe", p.Name)
	}
	if secret == "" {
		return nil, fmt.Errorf("the secret is empty")
	}
	results := []ProbeResult{}
	m := cipher.Message{Header: header, Body: body}
	for _, scheme := range cipher.Probe(m, secret) {
		results = append(results, ProbeResult{Options: scheme.String(), Axes: scheme.Options(), Authenticated: scheme.Authenticated()})
	}
	if len(results) > 0 {
		return results, nil
	}
	for _, scheme := range cipher.ProbeWithoutIV(m, secret) {
		axes := scheme.Options()
		return nil, fmt.Errorf("%w (cipher=%s,key=%s,container=%s,encoding=%s)", ErrNoIV, axes["cipher"], axes["key"], axes["container"], axes["encoding"])
	}
	return results, nil
}
