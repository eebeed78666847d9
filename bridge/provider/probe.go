package provider

import (
	"fmt"
	"net/http"

	"github.com/hookspan/hookspan/bridge/provider/cipher"
)

// A ProbeResult is a way to decrypt that fits a captured body.
type ProbeResult struct {
	Options       string            `json:"options"` // ready for a source's options
	Axes          map[string]string `json:"axes"`
	Authenticated bool              `json:"authenticated"` // nobody can alter such a body unnoticed
}

// Probe tries every decryption scheme on one captured body and returns those that fit,
// likeliest first; none means that the secret is wrong or the body is not a webhook's. header
// may be nil. It is an error where the provider does not encrypt.
func (p *Provider) Probe(header http.Header, body []byte, secret string) ([]ProbeResult, error) {
	f, err := p.file(examples(p.Options), p.Options, "probe")
	if err != nil {
		return nil, err
	}
	if f.Decrypt == nil {
		return nil, fmt.Errorf("provider %s does not encrypt; there is nothing to probe", p.Name)
	}
	if secret == "" {
		return nil, fmt.Errorf("the secret is empty")
	}
	results := []ProbeResult{}
	for _, scheme := range cipher.Probe(cipher.Message{Header: header, Body: body}, secret) {
		results = append(results, ProbeResult{Options: scheme.String(), Axes: scheme.Options(), Authenticated: scheme.Authenticated()})
	}
	return results, nil
}
