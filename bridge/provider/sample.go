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
	"github.com/hookspan/hookspan/bridge/scheme/instant"
)

// A sampleSpec is a delivery as the provider would send it. ${…} stands for what is fresh in
// each one: uuid, hex:n, HEX:n, seq, next, unix, unixms, rfc3339, utc:layout, local (the
// provider's own clock), sha256 (of the body, in the query), option:name, and signature and token (the
// secret itself), which are written into the body at the end.
type sampleSpec struct {
	Type    string            `yaml:"type"`
	Headers map[string]string `yaml:"headers"`
	Query   string            `yaml:"query"`
	Body    string            `yaml:"body"`
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

func (m *sampleMaker) value(name, arg string) (string, error) {
	now := m.request.Now
	switch name {
	case "uuid":
		return scheme.NewUUID(), nil
	case "hex", "HEX":
		return randomHex(arg, name == "HEX")
	case "seq":
		return strconv.Itoa(m.request.Seq), nil
	case "next":
		return strconv.Itoa(m.request.Seq + 1), nil
	case "unix":
		return strconv.FormatInt(now.Unix(), 10), nil
	case "unixms":
		return strconv.FormatInt(now.UnixMilli(), 10), nil
	case "rfc3339":
		return now.UTC().Format(time.RFC3339), nil
	case "utc":
		return now.UTC().Format(arg), nil
	case "local":
		if m.zone == nil {
			return "", errors.New("the provider has no zone")
		}
		return now.In(m.zone).Format(instant.LocalLayout), nil
	case "sha256":
		sum := sha256.Sum256(m.body)
		return hex.EncodeToString(sum[:]), nil
	case "signature":
		return scheme.PlaceOfSignature, nil
	case "token":
		return scheme.PlaceOfToken, nil
	case "option":
		value, ok := m.options[arg]
		if !ok {
			return "", fmt.Errorf("option %q is not declared", arg)
		}
		return value, nil
	default:
		return "", fmt.Errorf("${%s} is unknown", name)
	}
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
