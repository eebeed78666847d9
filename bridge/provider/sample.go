package provider

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/instant"
)

// A sampleSpec is a delivery as the provider would send it. ${…} stands for what is fresh in
// each one; see placeholders.
type sampleSpec struct {
	Type    string            `yaml:"type" required:"true" doc:"The vendor's name of what happened, with which the sample is asked for." example:"type: order.paid"`
	Headers map[string]string `yaml:"headers" doc:"Its headers, without those of the signature." example:"type: order.paid, headers: {Content-Type: application/json, X-Acme-Timestamp: '${unix}'}"`
	Query   string            `yaml:"query" doc:"What the vendor adds to the query of the webhook's URL." example:"type: order.paid, query: 'bodySHA256=${sha256}'"`
	Body    string            `yaml:"body" doc:"Its body; a line end at the end is left out." example:"type: order.paid, body: '{\"id\":\"${uuid}\"}'"`
}

// A SampleRequest asks for a delivery.
type SampleRequest struct {
	Type    string // "" is the provider's first
	Secret  string
	Options map[string]string
	URL     string // where it will be sent; some signatures cover it
	Body    []byte // instead of the sample's own; encrypted and signed like it
	Now     time.Time
	Seq     int // makes readable numbers differ from one sample to the next
}

// A Sample is a delivery that is ready to be sent.
type Sample struct {
	Method string
	URL    string // SampleRequest's, with what the provider adds to its query
	Header http.Header
	Body   []byte
}

// Samples returns the types of which the provider has a sample.
func (p *Provider) Samples() []string {
	f, err := p.file(examples(p.Options), p.Options, "example")
	if err != nil {
		return nil
	}
	types := make([]string, len(f.Samples))
	for i, s := range f.Samples {
		types[i] = s.Type
	}
	return types
}

// Sample makes one delivery. Whoever makes many asks for a Sampler.
func (p *Provider) Sample(q SampleRequest) (*Sample, error) {
	s, err := p.Sampler(q)
	if err != nil {
		return nil, err
	}
	return s.Make(q)
}

// A Sampler makes deliveries of one provider with one secret. It is safe for concurrent use.
type Sampler struct {
	provider   *Provider
	verifier   *Verifier
	specs      []sampleSpec
	options    map[string]string
	timeHeader string // filled where a sample leaves it out; "" when there is none
}

// Sampler compiles what the Secret and the Options of q ask for; the rest of q is not read.
func (p *Provider) Sampler(q SampleRequest) (*Sampler, error) {
	v, err := p.Compile(Config{Source: "sample", Secrets: []string{q.Secret}, Options: q.Options})
	if err != nil {
		return nil, fmt.Errorf("make a sample of %s: %w", p.Name, err)
	}
	options, err := resolve(p.Options, q.Options)
	if err != nil {
		return nil, fmt.Errorf("make a sample of %s: %w", p.Name, err)
	}
	f, err := p.file(options, p.Options, "sample")
	if err != nil {
		return nil, err
	}
	s := &Sampler{provider: p, verifier: v, specs: f.Samples, options: options}
	if f.Proof.Freshness != nil {
		if name, ok := strings.CutPrefix(f.Proof.Freshness.Time, "header:"); ok {
			s.timeHeader = name
		}
	}
	return s, nil
}

// Make makes a delivery with fresh ids, encrypted and signed as the provider does it; it
// follows the same declaration as verification does. The Secret and the Options of q are
// not read: they are the sampler's.
func (s *Sampler) Make(q SampleRequest) (*Sample, error) {
	i := slices.IndexFunc(s.specs, func(spec sampleSpec) bool { return q.Type == "" || spec.Type == q.Type })
	if i < 0 {
		return nil, fmt.Errorf("provider %s has no sample %q; there is %s", s.provider.Name, q.Type, strings.Join(s.provider.Samples(), ", "))
	}
	maker := &sampleMaker{request: q, options: s.options, zone: s.verifier.setup.Zone}
	r := maker.make(s.specs[i])
	if r.Method = s.verifier.methods[0]; slices.Contains(scheme.Bodiless, r.Method) {
		r.Body = nil
	}
	if s.timeHeader != "" && r.Header.Get(s.timeHeader) == "" {
		r.Header.Set(s.timeHeader, strconv.FormatInt(q.Now.Unix(), 10))
	}
	if err := s.verifier.proof.Sign(r); err != nil {
		return nil, fmt.Errorf("make a sample of %s: %w", s.provider.Name, err)
	}
	return &Sample{Method: r.Method, URL: r.URL, Header: r.Header, Body: r.Body}, nil
}

type sampleMaker struct {
	request SampleRequest
	options map[string]string
	zone    *time.Location
	body    []byte
}

var placeholder = regexp.MustCompile(`\$\{([a-zA-Z0-9]+)(?::([^}]*))?\}`)

func (m *sampleMaker) make(spec sampleSpec) *scheme.Request {
	r := &scheme.Request{Method: http.MethodPost, URL: m.request.URL, Header: http.Header{}, Received: m.request.Now}
	m.body = m.request.Body
	if m.body == nil {
		m.body = []byte(m.fill(strings.TrimSuffix(spec.Body, "\n")))
	}
	r.Body = m.body
	for name, value := range spec.Headers {
		r.Header.Set(m.fill(name), m.fill(value))
	}
	if spec.Query != "" {
		separator := "?"
		if strings.Contains(r.URL, "?") {
			separator = "&"
		}
		r.URL += separator + m.fill(spec.Query)
	}
	return r
}

func (m *sampleMaker) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		groups := placeholder.FindStringSubmatch(found)
		value, err := m.value(groups[1], groups[2])
		if err != nil {
			return found
		}
		return value
	})
}

// A placeholderTerm is what a ${name} of a sample is filled with.
type placeholderTerm struct {
	declaration.Term
	fill func(m *sampleMaker, arg string) (string, error)
}

// always makes a fill of what cannot fail and has no argument.
func always(text func(m *sampleMaker) string) func(*sampleMaker, string) (string, error) {
	return func(m *sampleMaker, _ string) (string, error) { return text(m), nil }
}

var placeholders = []placeholderTerm{
	{declaration.Term{Name: "uuid", Doc: "A random UUID.", Example: "${uuid}"}, always(func(*sampleMaker) string { return scheme.NewUUID() })},
	{declaration.Term{Name: "hex:n", Doc: "So many random digits, in lower case.", Example: "evt_${hex:24}"}, func(_ *sampleMaker, arg string) (string, error) { return randomHex(arg, false) }},
	{declaration.Term{Name: "HEX:n", Doc: "The same in upper case.", Example: "T${HEX:8}"}, func(_ *sampleMaker, arg string) (string, error) { return randomHex(arg, true) }},
	{declaration.Term{Name: "seq", Doc: "The number of the sample.", Example: "order-${seq}"}, always(func(m *sampleMaker) string { return strconv.Itoa(m.request.Seq) })},
	{declaration.Term{Name: "next", Doc: "The number after it.", Example: "order-${next}"}, always(func(m *sampleMaker) string { return strconv.Itoa(m.request.Seq + 1) })},
	{declaration.Term{Name: "unix", Doc: "Now, in seconds since 1970.", Example: "${unix}"}, always(func(m *sampleMaker) string { return strconv.FormatInt(m.request.Now.Unix(), 10) })},
	{declaration.Term{Name: "unixms", Doc: "Now, in milliseconds.", Example: "${unixms}"}, always(func(m *sampleMaker) string { return strconv.FormatInt(m.request.Now.UnixMilli(), 10) })},
	{declaration.Term{Name: "rfc3339", Doc: "Now, by RFC 3339.", Example: "${rfc3339}"}, always(func(m *sampleMaker) string { return m.request.Now.UTC().Format(time.RFC3339) })},
	{declaration.Term{Name: "utc:layout", Doc: "Now, in a layout of Go's package time.", Example: "${utc:20060102150405}"}, func(m *sampleMaker, arg string) (string, error) { return m.request.Now.UTC().Format(arg), nil }},
	{declaration.Term{Name: "local", Doc: "Now, by the vendor's own clock: the zone of event.", Example: "${local}"}, func(m *sampleMaker, _ string) (string, error) {
		if m.zone == nil {
			return "", errors.New("the provider has no zone")
		}
		return m.request.Now.In(m.zone).Format(instant.LocalLayout), nil
	}},
	{declaration.Term{Name: "sha256", Doc: "The SHA-256 of the body in hex; not in the body.", Example: "bodySHA256=${sha256}"}, always(func(m *sampleMaker) string {
		sum := sha256.Sum256(m.body)
		return hex.EncodeToString(sum[:])
	})},
	{declaration.Term{Name: "option:name", Doc: "The value of an option.", Example: "${option:region}"}, func(m *sampleMaker, arg string) (string, error) {
		value, ok := m.options[arg]
		if !ok {
			return "", fmt.Errorf("option %q is not declared", arg)
		}
		return value, nil
	}},
	{declaration.Term{Name: "token", Doc: "The secret itself, where it stands in the body.", Example: "\"state\":\"${token}\""}, always(func(*sampleMaker) string { return scheme.PlaceOfToken })},
	{declaration.Term{Name: "signature", Doc: "The signature, where it stands in the body.", Example: "sign=${signature}"}, always(func(*sampleMaker) string { return scheme.PlaceOfSignature })},
}

func (m *sampleMaker) value(name, arg string) (string, error) {
	for _, one := range placeholders {
		if known, _, _ := strings.Cut(one.Name, ":"); known == name {
			return one.fill(m, arg)
		}
	}
	return "", fmt.Errorf("${%s} is unknown", name)
}

func randomHex(digits string, upper bool) (string, error) {
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 128 {
		return "", fmt.Errorf("hex:%s: a number of digits up to 128 is needed", digits)
	}
	b := make([]byte, (n+1)/2)
	rand.Read(b)
	text := hex.EncodeToString(b)[:n]
	if upper {
		text = strings.ToUpper(text)
	}
	return text, nil
}

// checkSamples finds a placeholder that nothing fills, and types that are there twice.
func (p *Provider) checkSamples(f *file) error {
	zone, err := time.LoadLocation(f.Event.Zone)
	if err != nil {
		return p.fault(fmt.Errorf("event: zone: %w", err))
	}
	maker := &sampleMaker{options: examples(f.Options), zone: zone}
	seen := map[string]bool{}
	for i, s := range f.Samples {
		if s.Type == "" || seen[s.Type] {
			return p.fault(fmt.Errorf("samples[%d]: type: %q must be there and be the only one", i, s.Type))
		}
		seen[s.Type] = true
		texts := []string{s.Body, s.Query}
		for name, value := range s.Headers {
			texts = append(texts, name, value)
		}
		for _, groups := range placeholder.FindAllStringSubmatch(strings.Join(texts, " "), -1) {
			if _, err := maker.value(groups[1], groups[2]); err != nil {
				return p.fault(fmt.Errorf("samples[%d]: %w", i, err))
			}
		}
	}
	return nil
}
