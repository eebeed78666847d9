package provider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/cipher"
)

// A Finding is one thing that was found out about a request, in words.
type Finding struct {
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// Explain says why a request is refused: what was compared, and which usual mistake would
// account for it. For a genuine one it says what it becomes. No finding holds a secret.
func Explain(v *Verifier, r *scheme.Request) []Finding {
	verdict, err := v.Verify(r)
	var refusal *scheme.Refusal
	if !errors.As(err, &refusal) {
		return explainVerdict(verdict)
	}
	findings := []Finding{{Text: fmt.Sprintf("refused (%s): %s", refusal.Reason, refusal.Detail)}}
	for _, way := range v.proof.Describe() {
		findings = append(findings, Finding{Text: "expected: " + way})
	}
	findings = append(findings, describeRequest(v, r, refusal)...)
	return append(findings, v.suspect(r, refusal)...)
}

func explainVerdict(verdict Verdict) []Finding {
	switch {
	case verdict.Answer != nil:
		return []Finding{{Text: fmt.Sprintf("genuine: a handshake, answered with status %d", verdict.Answer.Status)}}
	case verdict.Invalid != "":
		return []Finding{{Text: "genuine, but not what the provider sends: " + verdict.Invalid,
			Remedy: "see the source's setting for invalid bodies"}}
	}
	findings := []Finding{}
	for i := range verdict.Events {
		e := &verdict.Events[i]
		findings = append(findings, Finding{Text: fmt.Sprintf("genuine: type %s, id %s, source %s", e.Type, e.ID, e.Source)})
	}
	if verdict.Proof == Authenticated {
		findings = append(findings, Finding{Text: "authenticated, not verified: the sender showed a secret and signed nothing, or only parts, so whoever sees one request can send others",
			Remedy: "let no proxy or log have the secret, and use a signature where the provider offers one"})
	}
	return findings
}

func describeRequest(v *Verifier, r *scheme.Request, refusal *scheme.Refusal) []Finding {
	note := fmt.Sprintf("the request: %s with a body of %d bytes", r.Method, len(r.Body))
	switch {
	case strings.HasSuffix(string(r.Body), "\r\n"):
		note += " that ends in CR LF"
	case strings.HasSuffix(string(r.Body), "\n"):
		note += " that ends in a line feed"
	}
	findings := []Finding{{Text: note}}
	if refusal.Reason != scheme.NoSignature && refusal.Reason != scheme.Token {
		return findings
	}
	var like []string
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		lower := strings.ToLower(name)
		if strings.Contains(lower, "sign") || strings.Contains(lower, "hmac") || strings.Contains(lower, "token") || lower == "authorization" {
			like = append(like, name)
		}
	}
	if len(like) > 0 {
		findings = append(findings, Finding{Text: "headers that look like a signature: " + strings.Join(like, ", "),
			Remedy: "check that the source has the right provider, and that no proxy renames headers"})
	} else {
		findings = append(findings, Finding{Text: "no header looks like a signature",
			Remedy: "check that signing is switched on at the provider, and that no proxy drops headers"})
	}
	return findings
}

// suspect tries usual mistakes one by one: what would have been accepted names the mistake.
func (v *Verifier) suspect(r *scheme.Request, refusal *scheme.Refusal) []Finding {
	var findings []Finding
	if refusal.Reason == scheme.Stale || refusal.Reason == scheme.Future {
		findings = append(findings, Finding{Text: "everything but the time is right",
			Remedy: "check the clocks on both sides; a request that was saved and sent again is stale by nature"})
		return findings
	}
	anyTime, err := v.anyTime(v.cfg)
	if err != nil {
		return nil // it compiled before
	}
	for _, m := range append(slices.Clip(bodyMistakes), beforeGzip(v.setup.MaxBody)) {
		changed := *r
		changed.Header = r.Header.Clone()
		if !m.change(&changed) {
			continue
		}
		if _, err := anyTime.Verify(&changed); err == nil {
			findings = append(findings, Finding{m.text, m.remedy})
		}
	}
	if len(findings) == 0 {
		findings = suspectWriting(anyTime, r)
	}
	findings = append(findings, v.suspectURL(anyTime, r)...)
	for _, m := range secretMistakes {
		cfg := v.cfg
		cfg.Secrets = changedSecrets(cfg.Secrets, m.change)
		if len(cfg.Secrets) > 0 && v.accepts(cfg, r) {
			findings = append(findings, Finding{m.text, m.remedy})
		}
	}
	for _, o := range v.provider.Options {
		findings = append(findings, v.suspectOption(r, o)...)
	}
	if v.proof.Cipher() != "" {
		findings = append(findings, v.suspectScheme(r)...)
	}
	if len(findings) == 0 {
		findings = append(findings, Finding{Text: "none of the usual mistakes explains it",
			Remedy: "check that the secret is the one of this webhook, and that nothing between the provider and here rewrites bodies"})
	}
	return findings
}

// accepts judges under a changed configuration, without regard to the time.
func (v *Verifier) accepts(cfg Config, r *scheme.Request) bool {
	other, err := v.anyTime(cfg)
	if err != nil {
		return false
	}
	_, err = other.Verify(r)
	return err == nil
}

// anyTime compiles a verifier to which no request is too old.
func (v *Verifier) anyTime(cfg Config) (*Verifier, error) {
	off := time.Duration(0)
	cfg.Tolerance = &off
	return v.provider.Compile(cfg)
}

func changedSecrets(secrets []string, change func(string) (string, bool)) []string {
	var changed []string
	for _, secret := range secrets {
		if other, ok := change(secret); ok && other != "" && other != secret {
			changed = append(changed, other)
		}
	}
	return changed
}

func (v *Verifier) suspectOption(r *scheme.Request, o Option) []Finding {
	if v.proof.Cipher() != "" {
		return nil // suspectScheme looks at all axes at once
	}
	var findings []Finding
	for _, value := range o.Values {
		cfg := v.cfg
		cfg.Options = maps.Clone(cfg.Options)
		if cfg.Options == nil {
			cfg.Options = map[string]string{}
		}
		if cfg.Options[o.Name] == value {
			continue
		}
		cfg.Options[o.Name] = value
		if v.accepts(cfg, r) {
			findings = append(findings, Finding{"it is accepted with option " + o.Name + "=" + value, "set that option of the source"})
		}
	}
	return findings
}

func (v *Verifier) suspectScheme(r *scheme.Request) []Finding {
	var findings []Finding
	for _, secret := range v.setup.Secrets {
		for _, scheme := range cipher.Probe(cipher.Message{Header: r.Header, Body: r.Body}, secret) {
			if text := scheme.String(); text != v.proof.Cipher() {
				findings = append(findings, Finding{"the body opens with another scheme: " + text, "set these options of the source"})
			}
		}
	}
	return findings
}
