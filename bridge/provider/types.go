package provider

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// A Declared type is one that a provider is known to send, with the data of a sample.
type Declared struct {
	Type            string // of the event
	DataContentType string
	Data            []byte
}

// Types lists the types of events that a source of this provider publishes, as far as the provider's
// samples show them, and what stands in front of the provider's own types. Of a provider whose types
// are whatever its sender says none is known. Secrets are not read.
func (p *Provider) Types(cfg Config) (prefix string, types []Declared, err error) {
	values, err := resolve(p.Options, cfg.Options)
	if err != nil {
		return "", nil, err
	}
	f, err := p.file(values, p.Options, cfg.Source)
	if err != nil {
		return "", nil, err
	}
	dry := &scheme.Compiler{Dry: true, Options: values, Setup: &scheme.Setup{Set: pointer.NewSet(), Secrets: []string{"dry"}}}
	v, err := p.verifier(dry, f, cfg)
	if err != nil {
		return "", nil, fmt.Errorf("read the types of %s: %w", p.Name, err)
	}
	if v.KeepsAttributes() || f.Event.Prefix == "webhook."+cfg.Source {
		return v.TypePrefix(), nil, nil
	}
	maker := &sampleMaker{
		request: SampleRequest{Now: time.Now(), Seq: 1, URL: "https://hooks.example/webhooks/" + cfg.Source}, options: values, zone: v.setup.Zone,
	}
	for _, spec := range f.Samples {
		types = v.declare(types, maker.make(spec))
	}
	slices.SortFunc(types, func(a, b Declared) int { return strings.Compare(a.Type, b.Type) })
	return v.TypePrefix(), types, nil
}

// declare adds the types of a sample that are not there yet.
func (v *Verifier) declare(types []Declared, r *scheme.Request) []Declared {
	if r.Method = v.methods[0]; slices.Contains(scheme.Bodiless, r.Method) {
		r.Body = nil
	}
	events, refusal := v.Unproven(r)
	if refusal != nil {
		return types
	}
	for i := range events {
		e := &events[i]
		if e.Invalid == "" && !slices.ContainsFunc(types, func(d Declared) bool { return d.Type == e.Type }) {
			types = append(types, Declared{e.Type, e.DataContentType, e.Data})
		}
	}
	return types
}
