package provider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/provider/pointer"
)

// Bounds of what a source is configured with.
const (
	maxSecrets      = 32
	maxSecretLength = 16 << 10
	maxOptionLength = 4 << 10
)

// Compile makes the verifier of one source. Errors name the field and say what to do; they
// never show a secret.
func (p *Provider) Compile(cfg Config) (*Verifier, error) {
	if cfg.Source == "" {
		return nil, errors.New("the source has no name")
	}
	if len(cfg.Secrets) == 0 {
		return nil, fmt.Errorf("secrets: provider %s needs one: %s", p.Name, p.Secrets)
	}
	if n := len(cfg.Secrets); n > maxSecrets {
		return nil, fmt.Errorf("secrets: %d are more than %d, which are all tried for each request; take out old ones", n, maxSecrets)
	}
	c := &compiler{cfg: cfg, secrets: cfg.Secrets}
	for i, secret := range cfg.Secrets {
		if secret == "" {
			return nil, fmt.Errorf("secrets: secret %d is empty", i+1)
		}
		if len(secret) > maxSecretLength {
			return nil, fmt.Errorf("secrets: secret %d is %d bytes long, at most %d are taken; is it the right file?", i+1, len(secret), maxSecretLength)
		}
		if strings.TrimSpace(secret) != secret {
			c.warn("secret %d begins or ends with white space, which counts; was it copied with a line end?", i+1)
		}
	}
	var err error
	if c.options, err = resolve(p.Options, cfg.Options); err != nil {
		return nil, err
	}
	for _, o := range p.Options {
		if value := c.options[o.Name]; o.Secret && value != "" && len(value) < shortKey {
			c.warn("option %s is only %d bytes long; a secret of 16 or more cannot be guessed", o.Name, len(value))
		}
	}
	f, err := p.file(c.options, p.Options, cfg.Source)
	if err != nil {
		return nil, err
	}
	return c.verifier(p, f)
}

// A compiler turns one file into one verifier.
type compiler struct {
	cfg      Config
	secrets  []string
	options  map[string]string
	dry      bool // only the file is checked: there are no secrets yet
	set      *pointer.Set
	warnings []string
}

func (c *compiler) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(c.warnings, text) {
		c.warnings = append(c.warnings, text)
	}
}

func (c *compiler) verifier(p *Provider, f *file) (*Verifier, error) {
	c.set = pointer.NewSet()
	v := &Verifier{
		provider: p, cfg: c.cfg, set: c.set, secrets: c.secrets, rate: "*",
		maxBody: c.cfg.MaxBody, documentField: f.Event.Document, refusal: f.Refusal, methods: f.methods(),
	}
	if v.maxBody <= 0 {
		v.maxBody = int64(f.MaxBody)
	}
	if v.maxBody <= 0 {
		v.maxBody = DefaultMaxBody
	}
	if v.refusal == 0 {
		v.refusal = 401
	}
	if c.cfg.Rate > 0 {
		v.rate = strconv.Itoa(c.cfg.Rate)
	}
	var err error
	if f.Event.Zone != "" {
		if v.zone, err = time.LoadLocation(f.Event.Zone); err != nil {
			return nil, fmt.Errorf("event: zone: %w", err)
		}
	}
	if v.builder, err = c.builder(f.Event); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	if err := c.proofs(v, f); err != nil {
		return nil, err
	}
	for i, spec := range f.Challenges {
		h, err := c.challenge(spec)
		if err != nil {
			return nil, fmt.Errorf("challenges[%d]: %w", i, err)
		}
		if h != nil {
			v.challenges = append(v.challenges, h)
		}
	}
	if v.success, err = f.Success.compile(); err != nil {
		return nil, err
	}
	v.secretHeaders = secretHeaders(slices.Concat(v.steps, v.checks))
	v.warnings = c.warnings
	return v, nil
}

// proofs compiles everything that tells a genuine request from another.
func (c *compiler) proofs(v *Verifier, f *file) error {
	var err error
	if v.steps, err = c.steps("verify", f.Verify); err != nil {
		return err
	}
	if v.decrypt, err = c.decryption(f.Decrypt, v.builder.body == "json"); err != nil {
		return fmt.Errorf("decrypt: %w", err)
	}
	if !slices.ContainsFunc(v.steps, func(s *step) bool { return s.proves }) && v.decrypt == nil {
		if len(f.Verify) > 0 && !c.dry {
			return errors.New("secrets: none of them is of a kind that this provider uses")
		}
		return errors.New("verify: without a signature, a token or a cipher anybody could send; a digest alone proves nothing")
	}
	if err := c.checkCoverage(v); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	v.secretQuery = secretQuery(v.steps)
	if v.checks, err = c.steps("check", f.Check); err != nil {
		return err
	}
	if v.freshness, err = c.freshness(f.Freshness, v.steps); err != nil {
		return fmt.Errorf("freshness: %w", err)
	}
	return nil
}

func (c *compiler) steps(name string, specs []stepSpec) ([]*step, error) {
	var steps []*step
	for i, spec := range specs {
		s, err := c.step(spec)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", name, i, err)
		}
		if s != nil {
			steps = append(steps, s)
		}
	}
	return steps, nil
}

func (c *compiler) builder(spec eventSpec) (*builder, error) {
	b := &builder{
		format: spec.Format, prefix: spec.Prefix, body: spec.Body, rename: spec.Rename, resigned: spec.Resigned,
		source: "/sources/" + c.cfg.Source, forced: c.cfg.URI != "",
	}
	if b.forced {
		b.source = c.cfg.URI
	}
	if c.cfg.TypePrefix != "" {
		b.prefix = c.cfg.TypePrefix
	}
	if b.prefix == "" || strings.HasSuffix(b.prefix, ".") {
		return nil, fmt.Errorf("prefix: %q must be a name without a last dot", b.prefix)
	}
	if b.format != "" && b.format != "cloudevents" {
		return nil, fmt.Errorf("format: %q is unknown, there is cloudevents", b.format)
	}
	if b.format != "" && (c.cfg.URI != "" || c.cfg.TypePrefix != "") {
		c.warn("the event's own source and type are kept; the uri and type prefix of this source count only for what is no CloudEvent")
	}
	var err error
	if b.attributes, err = c.attributes(spec.Attributes); err != nil {
		return nil, err
	}
	if err := b.chooseBody(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Extensions)) {
		value, err := c.selector(spec.Extensions[name])
		if err != nil {
			return nil, fmt.Errorf("extensions: %s: %w", name, err)
		}
		b.extensions = append(b.extensions, extension{name, value})
	}
	if spec.Batch != "" || spec.Whole {
		slot, err := c.set.Add(spec.Batch)
		if err != nil {
			return nil, fmt.Errorf("batch: %w", err)
		}
		b.batch = &slot
		if slices.ContainsFunc(b.attributes.id, func(t template) bool { return !t.has("json") }) {
			return nil, errors.New("id: in a batch it must be a JSON pointer into the element; all elements share the headers")
		}
	}
	return b, nil
}

func (b *builder) chooseBody() error {
	switch b.body {
	case "":
		b.body = "json"
	case "json", "form", "any":
	case "auto":
		b.body = "any"
		if b.attributes.usesJSON() {
			b.body = "json"
		}
	default:
		return fmt.Errorf("body: %q is unknown, use json, form, any or auto", b.body)
	}
	return nil
}
