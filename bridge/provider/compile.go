package provider

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/provider/naming"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
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
	if len(cfg.Secrets) == 0 && !p.Publishes {
		return nil, fmt.Errorf("secrets: provider %s needs one: %s", p.Name, p.Secrets)
	}
	if n := len(cfg.Secrets); n > maxSecrets {
		return nil, fmt.Errorf("secrets: %d are more than %d, which are all tried for each request; take out old ones", n, maxSecrets)
	}
	c := &scheme.Compiler{Setup: &scheme.Setup{Set: pointer.NewSet(), Secrets: cfg.Secrets, Source: cfg.Source, Senders: cfg.Senders}}
	for i, secret := range cfg.Secrets {
		if secret == "" {
			return nil, fmt.Errorf("secrets: secret %d is empty", i+1)
		}
		if len(secret) > maxSecretLength {
			return nil, fmt.Errorf("secrets: secret %d is %d bytes long, at most %d are taken; is it the right file?", i+1, len(secret), maxSecretLength)
		}
		if strings.TrimSpace(secret) != secret {
			c.Warn("secret %d begins or ends with white space, which counts; was it copied with a line end?", i+1)
		}
	}
	var err error
	if c.Options, err = resolve(p.Options, cfg.Options); err != nil {
		return nil, err
	}
	for _, o := range p.Options {
		if value := c.Options[o.Name]; o.Secret && value != "" && len(value) < scheme.ShortKey {
			c.Warn("option %s is only %d bytes long; a secret of 16 or more cannot be guessed", o.Name, len(value))
		}
	}
	f, err := p.file(c.Options, p.Options, cfg.Source)
	if err != nil {
		return nil, err
	}
	return p.verifier(c, f, cfg)
}

// verifier compiles a provider's file with what a source is configured with.
func (p *Provider) verifier(c *scheme.Compiler, f *file, cfg Config) (*Verifier, error) {
	v := &Verifier{provider: p, cfg: cfg, setup: c.Setup, refusal: f.Refusal, methods: f.methods()}
	if v.refusal == 0 {
		v.refusal = 401
	}
	if err := arrange(c, f, cfg); err != nil {
		return nil, err
	}
	var err error
	if v.builder, err = naming.NewBuilder(c, f.Event, naming.Origin{Source: cfg.Source, URI: cfg.URI, TypePrefix: cfg.TypePrefix}); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	if v.proof, err = c.Proof(f.Proof, v.methods, v.builder.IsJSON()); err != nil {
		return nil, err
	}
	for i, spec := range f.Challenges {
		h, err := newChallenge(c, spec)
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
	headers, parameters := v.proof.Tokens()
	v.builder.Hide("Authorization", "Cookie", "Proxy-Authorization")
	v.builder.Hide(headers...)
	v.tokens, v.warnings = parameters, c.Warnings
	return v, nil
}

// arrange fills in what all requests of a source have in common.
func arrange(c *scheme.Compiler, f *file, cfg Config) (err error) {
	c.Tolerance, c.DocumentField = cfg.Tolerance, f.Event.Document
	c.MaxBody = cfg.MaxBody
	if c.MaxBody <= 0 {
		c.MaxBody = int64(f.MaxBody)
	}
	if c.MaxBody <= 0 {
		c.MaxBody = scheme.DefaultMaxBody
	}
	c.Rate = "*"
	if cfg.Rate > 0 {
		c.Rate = strconv.Itoa(cfg.Rate)
	}
	if f.Event.Zone != "" {
		if c.Zone, err = time.LoadLocation(f.Event.Zone); err != nil {
			return fmt.Errorf("event: zone: %w", err)
		}
	}
	return nil
}
