package scheme

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// A Fetcher asks hosts of senders. It goes where endpoints may be and nowhere else, over TLS, and
// follows no redirect. It is safe for concurrent use.
type Fetcher interface {
	// Fetch returns what a GET of the URL is answered with status 200, at most so many bytes of it,
	// and how long that may be kept; 0: it does not say. The error names no part of the URL.
	Fetch(ctx context.Context, url string, most int64) (text []byte, fresh time.Duration, err error)
}

const (
	fetchTime = 5 * time.Second
	fetches   = 10 // of one source within a minute, whatever requests name
)

// fetch asks a sender's host, within the source's bounds.
func (s *Setup) fetch(at string, most int64) (text []byte, fresh time.Duration, err error) {
	s.fetching.Do(func() { s.fetches = rate.NewLimiter(rate.Every(time.Minute/fetches), fetches) })
	switch {
	case s.Fetcher == nil:
		return nil, 0, errors.New("this process asks no host")
	case !s.fetches.Allow():
		return nil, 0, errors.New("it was asked too often within the last minute")
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime) // the sender waits for its answer
	defer cancel()
	return s.Fetcher.Fetch(ctx, at, most)
}

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

func (p *Place) holds(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" || u.Fragment != "" || u.RawPath != "" || u.RawQuery != "" && !p.spec.Query {
		return false
	}
	fits, err := path.Match(p.spec.Path, u.Path)
	if err != nil || !fits {
		return false
	}
	for _, pattern := range p.spec.Hosts {
		if hostFits(pattern, strings.ToLower(u.Host)) {
			return true
		}
	}
	return false
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
	if _, _, err := x.Setup.fetch(at, maxDocument); err != nil {
		return &Refusal{Unreachable, "the URL in " + p.url.String() + " could not be asked: " + err.Error()}
	}
	return nil
}
