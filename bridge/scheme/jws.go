package scheme

import (
	"bytes"
	"crypto/hmac"
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

// A jwsSpec is a token in compact form (RFC 7515, 7519), in a header or as the body. What of the
// request it covers is told by its claims: each one named here must be there and have that value.
type jwsSpec struct {
	Keys      keySpec           `yaml:",inline" part:"key"`
	Algorithm string            `yaml:"algorithm" words:"HS256 RS256 ES256" doc:"How it is signed (RFC 7518, 3); HS256, with a secret that both sides have, unless it says otherwise." example:"header: X-Acme-Token, algorithm: RS256"`
	Published *publishedSpec    `yaml:"published" doc:"Where the sender publishes the keys of RS256 and ES256." example:"header: X-Acme-Token, algorithm: ES256, published: {url: 'https://keys.acme.example/jwks'}"`
	Header    string            `yaml:"header" doc:"The header that holds the token; of several tokens in it one that holds is enough." example:"header: X-Acme-Token"`
	Whole     bool              `yaml:"whole" doc:"The body is the token, and what it says is the data." example:"whole: true, claims: {iss: acme}"`
	Detached  bool              `yaml:"detached" doc:"The token has no claims: it signs the body as it came (RFC 7797), and what it says stands in its protected header." example:"header: X-Acme-Token, detached: true, items: ts"`
	Prefix    string            `yaml:"prefix" doc:"What stands in front of the token, in capitals or not." example:"header: Authorization, prefix: 'Bearer '"`
	Claims    map[string]string `yaml:"claims" doc:"Claims by name, each with the template of what it must say; they are what of the request the token covers." example:"header: X-Acme-Token, claims: {iss: acme, payload_hash: '{hash:sha256:hex:body}'}"`
	Requires  declaration.List  `yaml:"requires" doc:"Claims that must be there, whatever they say: a token without them is no delivery." example:"header: X-Acme-Token, requires: event_id"`
	Items     declaration.List  `yaml:"items" doc:"Other claims that the file uses, as {item:jti}." example:"header: X-Acme-Token, items: jti"`
}

// jwsLeeway is how far a clock may be off where a token says until and from when it counts.
const jwsLeeway = 5 * time.Minute

// maxJWS bounds a token in a header; those of vendors have some hundred bytes.
const maxJWS = 8 << 10

type jws struct {
	header, prefix string   // header is "" where the body is the token
	detached       bool     // the body is what the token signs
	names          []string // of the claims, in order
	claims         map[string]Template
	requires       []string
	items          []string
	content        Template // all that the token says, for signs
	keys           jwsKeys
}

func (s *jwsSpec) publishes() bool { return s.Published != nil }

func (s *jwsSpec) Compile(c *Compiler) (Scheme, error) {
	if (s.Header == "") == !s.Whole {
		return nil, errors.New("header, whole: one of them must say where the token is")
	}
	if s.Whole && s.Detached {
		return nil, errors.New("detached: a token that is the body signs no other")
	}
	j := &jws{header: http.CanonicalHeaderKey(s.Header), detached: s.Detached, prefix: s.Prefix, claims: map[string]Template{}, requires: s.Requires, items: s.Items}
	if s.Whole || s.Detached {
		j.content.parts = []part{{kind: "body"}}
	}
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
	if j.keys, err = c.jwsKeys(s); err != nil || j.keys == nil {
		return nil, err
	}
	return j, nil
}

// Verify judges the token. One that is the body gives way to what it says.
func (j *jws) Verify(x *Exchange) *Refusal {
	if refusal := j.read(x); refusal != nil || j.header != "" {
		return refusal
	}
	_, rest, _ := strings.Cut(string(x.Request.Body), ".")
	payload, _, _ := strings.Cut(rest, ".")
	said, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return &Refusal{BadSignature, "the token is genuine, but holds no claims"}
	}
	x.DecryptedTo(said)
	x.Scanned = false
	return nil
}

func (j *jws) place() string {
	if j.header == "" {
		return "the body"
	}
	return "header " + j.header
}

// read judges the token and keeps its claims as items. Of several lines of a header, and values
// between commas, one that holds is enough.
func (j *jws) read(x *Exchange) *Refusal {
	x.items = x.items[:0]
	if j.header == "" {
		token, ok := cutFold(string(x.Request.Body), j.prefix)
		switch {
		case len(x.Request.Body) == 0:
			return &Refusal{NoSignature, j.place() + " is missing"}
		case !ok:
			return j.noToken()
		case !x.Take(3 * int64(len(token))):
			return NoMemory()
		}
		return j.hold(x, token)
	}
	shown := members(x.Request.Header[j.header])
	if len(shown) == 0 {
		return &Refusal{NoSignature, j.place() + " is missing"}
	}
	none := j.noToken()
	worst := none
	for _, one := range shown {
		token, ok := cutFold(one, j.prefix)
		if !ok || len(token) > maxJWS || strings.Contains(token, ",") {
			continue
		}
		refusal := j.hold(x, token)
		if refusal == nil {
			return nil
		}
		if worst.Detail == none.Detail || refusal.Reason == Unreachable {
			worst = refusal
		}
	}
	return worst
}

func (j *jws) noToken() *Refusal {
	return &Refusal{BadSignature, j.place() + " holds no token of the form " + j.form()}
}

// cutFold cuts a prefix off in which case says nothing, as in Bearer.
func cutFold(text, prefix string) (rest string, found bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return "", false
	}
	return text[len(prefix):], true
}

// hold judges one token.
func (j *jws) hold(x *Exchange, token string) *Refusal {
	text, signature, dot := cutLast(token, ".")
	head, payload, two := strings.Cut(text, ".")
	id, known := headOf(head, j.keys.algorithm(), j.detached)
	if !dot || !two || !known || j.detached && payload != "" {
		return j.noToken()
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return &Refusal{BadSignature, "the signature of the token is not base64url"}
	}
	signs := []byte(text)
	if j.detached {
		if !x.copied && !x.Take(int64(len(x.Request.Body))) {
			return NoMemory()
		}
		x.copied = true
		signs, payload = append(signs, x.Request.Body...), head
	}
	if refusal := j.keys.verify(x, id, signs, raw); refusal != nil {
		return refusal
	}
	claims, err := claimsOf(x, payload)
	if x.Short {
		return NoMemory()
	}
	if err != nil {
		return &Refusal{BadSignature, "the token is genuine, but holds no claims"}
	}
	if refusal := inTime(claims, x.Request.Received); refusal != nil {
		return refusal
	}
	return j.compare(x, claims)
}

// headOf reads the key's id from a protected header that names the algorithm. The algorithm is
// never chosen by the token, and an extension that must be understood is not, but for the one by
// which a token signs a body as it is (RFC 7797).
func headOf(text, algorithm string, detached bool) (id string, known bool) {
	if len(text) > maxJWS {
		return "", false
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var head struct {
		Alg  string          `json:"alg"`
		ID   string          `json:"kid"`
		Crit json.RawMessage `json:"crit"`
		B64  *bool           `json:"b64"`
	}
	known = err == nil && json.Unmarshal(raw, &head) == nil && head.Alg == algorithm
	if detached {
		var crit []string
		known = known && json.Unmarshal(head.Crit, &crit) == nil && slices.Equal(crit, []string{"b64"})
		return head.ID, known && head.B64 != nil && !*head.B64
	}
	return head.ID, known && head.Crit == nil && (head.B64 == nil || *head.B64)
}

// freeClaims is how long claims may be that cost nothing of note.
const freeClaims = 4 << 10

func claimsOf(x *Exchange, payload string) (claims map[string]any, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, err
	}
	if size, _ := Parsed(raw); len(raw) > freeClaims && !x.Take(size) {
		return nil, nil
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
	for _, name := range j.requires {
		if claims[name] == nil {
			return &Refusal{BadSignature, "the token is genuine, but no delivery: it has no claim " + name}
		}
	}
	for _, name := range j.names {
		if refusal := j.holds(x, name, claims[name]); refusal != nil {
			return refusal
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

// holds compares one claim with what the request has there.
func (j *jws) holds(x *Exchange, name string, claim any) *Refusal {
	t := j.claims[name]
	there, match := false, false
	x.eachURL(t, func() (fits bool, missing *part) {
		var want string
		want, there = t.Value(x)
		fits = there && says(claim, want)
		match = match || fits
		return fits, nil
	})
	switch {
	case !there:
		return &Refusal{NoSignature, "claim " + name + " covers " + t.String() + ", which is missing"}
	case !match:
		return &Refusal{BadSignature, "claim " + name + " of the token is not " + t.String() + " of this request" + x.compared(t)}
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
	if j.header == "" {
		if err := json.Unmarshal(x.Request.Body, &claims); err != nil {
			return fmt.Errorf("sign: the body holds the claims, and is no JSON object: %w", err)
		}
	}
	for _, name := range j.names {
		t := j.claims[name]
		value, ok := t.Value(x)
		if !ok {
			return fmt.Errorf("sign: claim %s needs %s", name, t.String())
		}
		claims[name] = value
	}
	if j.detached {
		claims["alg"], claims["b64"], claims["crit"] = j.keys.algorithm(), false, []string{"b64"}
		for _, name := range j.items {
			claims[name] = x.Request.Received.Unix()
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"`+j.keys.algorithm()+`","typ":"JWT"}`)) + "." + encode(payload)
	signs := []byte(text)
	if j.detached {
		text = encode(payload) + "."
		signs = append([]byte(text), x.Request.Body...)
	}
	signature, err := j.keys.sign(signs)
	if err != nil {
		return err
	}
	token := j.prefix + text + "." + encode(signature)
	if j.header == "" {
		x.Request.Body = []byte(token)
		return nil
	}
	x.Request.Header.Set(j.header, token)
	return nil
}

func (j *jws) signs() *Template { return &j.content }

func (j *jws) form() string {
	return strconv.Quote(j.prefix+"<token>") + ", signed by " + j.keys.algorithm()
}

func (j *jws) Describe() string {
	text := "a token " + j.form() + " in " + j.place()
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
