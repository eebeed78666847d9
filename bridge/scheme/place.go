package scheme

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// A PlaceSpec is an https URL on a host of the sender. Where a request names it, hosts and path say
// what it may be: anybody can send a request.
type PlaceSpec struct {
	URL   string           `yaml:"url" required:"true" doc:"An https URL, or the value of a request that is one." example:"url: 'https://hooks.acme.example/confirm'"`
	Hosts declaration.List `yaml:"hosts" doc:"Hosts that it may have where the request gives it; * stands for one label." example:"url: 'header:X-Acme-At', hosts: 'hooks.*.acme.example', path: '/*'"`
	Path  string           `yaml:"path" doc:"What its path must match then; * stands for anything but a slash." example:"url: 'header:X-Acme-At', hosts: hooks.acme.example, path: '/keys/*.pem'"`
	Query bool             `yaml:"query" doc:"It may have a query." example:"url: 'header:X-Acme-At', hosts: hooks.acme.example, path: /confirm, query: true"`
}

// A Place is a compiled PlaceSpec.
type Place struct {
	spec  PlaceSpec
	url   Template
	fixed bool
}

// Place compiles where something of the sender's is.
func (c *Compiler) Place(spec PlaceSpec) (*Place, error) {
	p := &Place{spec: spec}
	var err error
	if p.url, err = c.Selector(spec.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	var text string
	text, p.fixed = p.url.Fixed()
	if !p.fixed {
		if len(spec.Hosts) == 0 || spec.Path == "" {
			return nil, errors.New("hosts, path: a URL that the request gives must be held to some")
		}
		if _, err := path.Match(spec.Path, "/"); err != nil {
			return nil, fmt.Errorf("path: %q is no pattern of path.Match", spec.Path)
		}
		return p, nil
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("url: %q is no https URL", text)
	}
	return p, nil
}

// Of is the URL for a request, or why there is none.
func (p *Place) Of(x *Exchange) (string, *Refusal) {
	text, there := p.url.Value(x)
	switch {
	case !there:
		return "", &Refusal{NoSignature, "the request lacks the URL in " + p.url.String()}
	case !p.fixed && !p.holds(text):
		return "", &Refusal{UnknownKey, fmt.Sprintf("the URL %.200q in %s is not one of https://{%s}%s", ShownURL(text), p.url.String(), strings.Join(p.spec.Hosts, ", "), p.spec.Path)}
	}
	return text, nil
}

// holds takes a URL in its one usual form: one place has one name.
func (p *Place) holds(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	usual := "https://" + u.Host + u.Path
	if u.RawQuery != "" && p.spec.Query {
		usual += "?" + u.RawQuery
	}
	fits, err := path.Match(p.spec.Path, u.Path)
	return err == nil && fits && text == usual && slices.ContainsFunc(p.spec.Hosts, func(pattern string) bool { return hostFits(pattern, u.Host) })
}

// hostFits compares label by label.
func hostFits(pattern, host string) bool {
	want, labels := strings.Split(pattern, "."), strings.Split(host, ".")
	if len(want) != len(labels) {
		return false
	}
	for i := range want {
		if want[i] != labels[i] && (want[i] != "*" || strings.Trim(labels[i], "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || labels[i] == "") {
			return false
		}
	}
	return true
}

// Visit asks the place, which the sender wants to be done.
func (p *Place) Visit(x *Exchange) *Refusal {
	at, refusal := p.Of(x)
	if refusal != nil {
		return refusal
	}
	if _, _, err := x.Setup.Senders.Fetch(x.Setup.Source, at, p.fixed); err != nil {
		return &Refusal{Unreachable, "the URL in " + p.url.String() + " could not be asked: " + err.Error()}
	}
	return nil
}
