package scheme

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// A TokenSpec is a secret that the request shows as it is.
type TokenSpec struct {
	Keys   keySpec `yaml:",inline" part:"key"`
	In     string  `yaml:"in" required:"true" doc:"Where the token is: bearer or basic (of the header Authorization), or a value such as header:Name, query:name or a JSON pointer." example:"in: 'header:X-Acme-Token'"`
	Option string  `yaml:"option" doc:"The option that holds the token, instead of the secrets; where a source leaves it out there is nothing to show." example:"in: 'header:X-Acme-Token', option: app_token"`
	Reason string  `yaml:"reason" words:"token client_key" doc:"The reason of a refusal; token unless it says otherwise." example:"in: /clientKey, reason: client_key"`
}

type token struct {
	in     string
	from   *Template // nil for bearer and basic
	expect [][sha256.Size]byte
	option bool   // it is one, and no secret of the source
	first  string // for samples
	reason Reason
}

func (s *TokenSpec) Compile(c *Compiler) (Scheme, error) {
	t := &token{in: s.In, reason: Token, option: s.Option != ""}
	if s.Reason == string(ClientKey) {
		t.reason = ClientKey
	} else if s.Reason != "" && s.Reason != string(Token) {
		return nil, fmt.Errorf("reason: %q is unknown, use token or client_key", s.Reason)
	}
	keys, err := s.expected(c)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	for _, key := range keys {
		t.expect = append(t.expect, sha256.Sum256(key))
	}
	t.first = string(keys[0])
	if s.In == "bearer" || s.In == "basic" {
		return t, nil
	}
	if t.from, err = c.Optional(s.In); err == nil && t.from == nil {
		err = fmt.Errorf("in: bearer, basic or a value of the request must say where the token is")
	}
	return t, err
}

func (s *TokenSpec) expected(c *Compiler) ([][]byte, error) {
	if s.Option == "" {
		return c.keys(s.Keys)
	}
	value, declared := c.Options[s.Option]
	switch {
	case !declared:
		return nil, fmt.Errorf("option: %q is not declared", s.Option)
	case value == "" && !c.Dry:
		return nil, nil
	default:
		return [][]byte{[]byte(value)}, nil
	}
}

// Verify compares hashes, so that not even the length of a token shows in the time.
func (t *token) Verify(x *Exchange) *Refusal {
	shown := t.shown(x)
	if len(shown) == 0 {
		return &Refusal{t.reason, t.Describe() + ": it is missing"}
	}
	match := 0
	for _, one := range shown {
		sum := sha256.Sum256([]byte(one))
		for i := range t.expect {
			match |= subtle.ConstantTimeCompare(sum[:], t.expect[i][:])
		}
	}
	if match == 0 {
		return &Refusal{t.reason, t.Describe() + ": it is not the one that is configured"}
	}
	return nil
}

// shown lists what may be the token: of a header each line, and each member of a list.
func (t *token) shown(x *Exchange) []string {
	if t.from == nil {
		return t.credentials(x)
	}
	if p := &t.from.parts[0]; len(t.from.parts) == 1 && p.kind == "header" {
		return members(x.Request.Header[p.arg])
	}
	if value, ok := t.from.Value(x); ok {
		return []string{value}
	}
	return nil
}

// credentials are those of the scheme in Authorization.
func (t *token) credentials(x *Exchange) (shown []string) {
	for _, member := range members(x.Request.Header["Authorization"]) {
		scheme, rest, ok := strings.Cut(member, " ")
		if rest = strings.TrimSpace(rest); !ok || rest == "" || !strings.EqualFold(scheme, t.in) {
			continue
		}
		if t.in == "bearer" {
			shown = append(shown, rest)
		} else if pair, err := base64.StdEncoding.DecodeString(rest); err == nil && len(pair) > 0 {
			shown = append(shown, string(pair))
		}
	}
	return shown
}

// members lists the lines of a header, and what stands between commas in each; a token may
// hold a comma.
func members(lines []string) (all []string) {
	for _, line := range lines {
		if len(all) >= maxTokens {
			break
		}
		if line != "" {
			all = append(all, line)
		}
		if !strings.Contains(line, ",") {
			continue
		}
		for _, one := range strings.SplitN(line, ",", maxTokens) {
			if one = strings.TrimSpace(one); one != "" {
				all = append(all, one)
			}
		}
	}
	return all
}

// maxTokens bounds what one request can have compared.
const maxTokens = 16

func (t *token) Sign(x *Exchange) error {
	switch {
	case t.in == "bearer":
		x.Request.Header.Set("Authorization", "Bearer "+t.first)
	case t.in == "basic":
		x.Request.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(t.first)))
	case t.from.parts[0].kind == "header":
		x.Request.Header.Set(t.from.parts[0].arg, t.first)
	case t.from.parts[0].kind == "query":
		x.addQuery(t.from.parts[0].arg, t.first)
	case t.from.parts[0].kind == "json":
		text, err := json.Marshal(t.first)
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		x.Request.Body = bytes.Replace(x.Request.Body, []byte(PlaceOfToken), bytes.Trim(text, `"`), 1)
	}
	return nil // without a place for it, a token inside the body is part of the sample
}

func (t *token) signs() *Template { return nil }

func (t *token) Describe() string {
	switch t.in {
	case "bearer", "basic":
		return "Authorization: " + t.in
	default:
		return "token in " + t.from.String()
	}
}
