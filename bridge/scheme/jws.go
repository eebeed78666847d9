package scheme

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/instant"
)

// A jwsSpec is a token in compact form (RFC 7515, 7519) under a shared secret (HS256). What of
// the request it covers is told by its claims: each one named here must be there and have that
// value.
type jwsSpec struct {
	Keys   keySpec           `yaml:",inline"`
	Header string            `yaml:"header"`
	Prefix string            `yaml:"prefix"` // in front of the token, such as "Bearer "
	Claims map[string]string `yaml:"claims"` // templates
	Items  declaration.List  `yaml:"items"`  // other claims that the file uses, as {item:jti}
}

// jwsLeeway is how far a clock may be off where a token says until and from when it counts.
const jwsLeeway = 5 * time.Minute

// maxJWS bounds a token; those of vendors have some hundred bytes.
const maxJWS = 8 << 10

type jws struct {
	header, prefix string
	names          []string // of the claims, in order
	claims         map[string]Template
	items          []string
	content        Template // all that the token says, for signs
	keys           [][]byte
}

func (s *jwsSpec) Compile(c *Compiler) (Scheme, error) {
	if s.Header == "" {
		return nil, errors.New("header: it must say where the token is")
	}
	j := &jws{header: http.CanonicalHeaderKey(s.Header), prefix: s.Prefix, claims: map[string]Template{}, items: s.Items}
	j.names = slices.Sorted(maps.Keys(s.Claims))
	for _, name := range j.names {
		t, err := c.Template(s.Claims[name])
		if err != nil {
			return nil, fmt.Errorf("claims: %s: %w", name, err)
		}
		j.claims[name] = t
		j.content.parts = append(j.content.parts, t.parts...)
	}
	for _, name := range j.items {
		j.content.parts = append(j.content.parts, part{kind: "item", arg: name})
	}
	var err error
	if j.keys, err = c.keys(s.Keys); err != nil || len(j.keys) == 0 {
		return nil, err
	}
	return j, nil
}

func (j *jws) Verify(x *Exchange) *Refusal { return j.read(x) }

// read judges the token and keeps its claims as items.
func (j *jws) read(x *Exchange) *Refusal {
	x.items = x.items[:0]
	value := x.Header(j.header)
	if value == "" {
		return &Refusal{NoSignature, "header " + j.header + " is missing"}
	}
	token, ok := strings.CutPrefix(value, j.prefix)
	signed, signature, dot := cutLast(token, ".")
	head, payload, two := strings.Cut(signed, ".")
	if !ok || !dot || !two || len(token) > maxJWS || !hs256(head) {
		return &Refusal{BadSignature, "header " + j.header + " holds no token of the form " + j.form()}
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || !j.signed([]byte(signed), mac) {
		return &Refusal{BadSignature, "no secret fits the token, HS256 over its own text"}
	}
	claims, err := claimsOf(payload)
	if err != nil {
		return &Refusal{BadSignature, "the token is genuine, but holds no claims"}
	}
	if refusal := inTime(claims, x.Request.Received); refusal != nil {
		return refusal
	}
	return j.compare(x, claims)
}

// hs256 reports whether a protected header names the algorithm that is expected. The algorithm
// is never chosen by the token, and an extension that must be understood is not.
func hs256(text string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var head struct {
		Alg  string          `json:"alg"`
		Crit json.RawMessage `json:"crit"`
	}
	return err == nil && json.Unmarshal(raw, &head) == nil && head.Alg == "HS256" && head.Crit == nil
}

func (j *jws) signed(text, mac []byte) bool {
	match := false
	for _, key := range j.keys {
		match = hmac.Equal(sumHS256(key, text), mac) || match
	}
	return match
}

func sumHS256(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

func claimsOf(payload string) (claims map[string]any, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err = d.Decode(&claims)
	return claims, err
}

// inTime holds a token to its own exp and nbf (RFC 7519, 4.1.4 and 4.1.5).
func inTime(claims map[string]any, now time.Time) *Refusal {
	at := func(name string) (time.Time, bool) {
		n, ok := claims[name].(json.Number)
		if !ok {
			return time.Time{}, false
		}
		return instant.Parse(n.String(), nil)
	}
	if end, ok := at("exp"); ok && now.After(end.Add(jwsLeeway)) {
		return &Refusal{Stale, "the token ended " + now.Sub(end).Round(time.Second).String() + " ago"}
	}
	if begin, ok := at("nbf"); ok && begin.After(now.Add(jwsLeeway)) {
		return &Refusal{Future, "the token begins in " + begin.Sub(now).Round(time.Second).String()}
	}
	return nil
}

// compare holds the claims against the request, and keeps those that are used.
func (j *jws) compare(x *Exchange, claims map[string]any) *Refusal {
	for _, name := range j.names {
		t := j.claims[name]
		want, ok := t.Value(x)
		if !ok {
			return &Refusal{NoSignature, "claim " + name + " covers " + t.String() + ", which is missing"}
		}
		if !says(claims[name], want) {
			return &Refusal{BadSignature, "claim " + name + " of the token is not " + t.String() + " of this request"}
		}
	}
	for _, name := range j.items {
		switch v := claims[name].(type) {
		case string:
			x.items = append(x.items, item{name, v})
		case json.Number:
			x.items = append(x.items, item{name, v.String()})
		}
	}
	return nil
}

// says reports whether a claim is the text, or a list that holds it, as aud may be.
func says(claim any, text string) bool {
	if list, ok := claim.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return says(one, text) })
	}
	s, ok := claim.(string)
	return ok && hmac.Equal([]byte(s), []byte(text))
}

func (j *jws) Sign(x *Exchange) error {
	claims := map[string]any{"iat": x.Request.Received.Unix(), "jti": NewUUID()}
	for _, name := range j.names {
		t := j.claims[name]
		value, ok := t.Value(x)
		if !ok {
			return fmt.Errorf("sign: claim %s needs %s", name, t.String())
		}
		claims[name] = value
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(payload)
	x.Request.Header.Set(j.header, j.prefix+text+"."+encode(sumHS256(j.keys[0], []byte(text))))
	return nil
}

func (j *jws) signs() *Template { return &j.content }

func (j *jws) form() string { return strconv.Quote(j.prefix+"<token>") + ", signed by HS256" }

func (j *jws) Describe() string {
	text := "a token " + j.form() + " in header " + j.header
	for _, name := range j.names {
		t := j.claims[name]
		text += ", whose claim " + name + " is " + t.String()
	}
	return text
}

func cutLast(text, at string) (before, after string, found bool) {
	i := strings.LastIndex(text, at)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(at):], true
}
