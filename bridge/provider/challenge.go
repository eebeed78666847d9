package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// A challengeSpec is a handshake: which request it is and what it is answered.
type challengeSpec struct {
	Method string            `yaml:"method" doc:"Its method; POST unless it says otherwise." example:"method: GET, open: true, when: 'query:challenge', text: 'query:challenge'"`
	Where  string            `yaml:"where" doc:"An option and a value: only sources that set it so have the handshake." example:"where: '${region} = eu', method: HEAD, open: true"`
	When   declaration.List  `yaml:"when" doc:"Values that must all be there, or have a text: value = text; or match a regular expression: value ~ expression." example:"when: [/type = verification, /challenge], json: {challenge: /challenge}"`
	Unless string            `yaml:"unless" doc:"A value that must not be there." example:"method: GET, open: true, unless: 'header:X-Acme-Signature'"`
	Open   bool              `yaml:"open" doc:"It is answered without a proof; else it is verified like a delivery." example:"method: HEAD, open: true"`
	Token  *scheme.TokenSpec `yaml:"token" doc:"A secret that it must show." example:"method: GET, open: true, token: {in: 'query:verify_token', option: app_token}, text: 'query:challenge'"`
	Allow  *originSpec       `yaml:"allow" doc:"Who may ask for it." example:"method: OPTIONS, open: true, allow: {value: 'header:Origin', list: 'https://acme.example'}"`
	Visit  *scheme.PlaceSpec `yaml:"visit" doc:"A URL that is asked before the answer, which the sender takes for a yes. The request must have proven itself." example:"when: /confirm, visit: {url: /confirm, hosts: hooks.acme.example, path: /confirm}"`
	Status int               `yaml:"status" doc:"The status of the answer; 200 unless it says otherwise." example:"when: /type = ping, status: 204"`
	Header map[string]string `yaml:"header" doc:"Headers of the answer, each a template." example:"when: 'header:X-Acme-Challenge', header: {X-Acme-Answer: '{header:X-Acme-Challenge}'}"`
	Text   string            `yaml:"text" doc:"The body of the answer, a value or a template." example:"when: 'query:challenge', text: 'query:challenge'"`
	JSON   map[string]string `yaml:"json" doc:"The members of the body, which is a JSON object then, each a value or a template." example:"when: /challenge, json: {challenge: /challenge}"`
}

// An originSpec limits a handshake to names of a list; an empty list allows everybody.
type originSpec struct {
	Value string `yaml:"value" required:"true" doc:"The value that names who asks." example:"value: 'header:Origin'"`
	List  string `yaml:"list" doc:"Names that may, separated by spaces; an empty list is everybody." example:"value: 'header:Origin', list: 'https://acme.example https://eu.acme.example'"`
}

// A challenge is a compiled handshake.
type challenge struct {
	method string
	open   bool
	when   []condition
	unless *scheme.Template
	token  scheme.Scheme
	origin *scheme.Template
	allow  []string
	visit  *scheme.Place
	status int
	header map[string]scheme.Template
	text   *scheme.Template
	json   map[string]scheme.Template
}

type condition struct {
	value scheme.Template
	equal string         // "" when it is enough that the value is there
	like  *regexp.Regexp // nil likewise
}

func newChallenge(c *scheme.Compiler, spec challengeSpec) (*challenge, error) {
	h := &challenge{method: spec.Method, open: spec.Open, status: spec.Status}
	if h.method == "" {
		h.method = http.MethodPost
	}
	if h.status == 0 {
		h.status = http.StatusOK
	}
	if http.StatusText(h.status) == "" {
		return nil, fmt.Errorf("status: there is no HTTP status %d", h.status)
	}
	if set, value, ok := strings.Cut(spec.Where, " = "); ok && set != value {
		return nil, nil
	}
	var err error
	if h.unless, err = c.Optional(spec.Unless); err != nil {
		return nil, fmt.Errorf("unless: %w", err)
	}
	for _, text := range spec.When {
		one, err := newCondition(c, text)
		if err != nil {
			return nil, fmt.Errorf("when: %w", err)
		}
		h.when = append(h.when, one)
	}
	if spec.Token != nil {
		if h.token, err = spec.Token.Compile(c); err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		if h.token == nil {
			return nil, nil // without the secret there is no handshake to answer
		}
	}
	if spec.Allow != nil {
		if h.origin, err = c.Optional(spec.Allow.Value); err != nil || h.origin == nil {
			return nil, errors.Join(errors.New("allow: a value must be named"), err)
		}
		h.allow = strings.Fields(spec.Allow.List)
	}
	if spec.Visit != nil {
		if spec.Open {
			return nil, errors.New("visit: a request that nobody signed must not send us anywhere; leave out open")
		}
		if h.visit, err = c.Place(*spec.Visit); err != nil {
			return nil, fmt.Errorf("visit: %w", err)
		}
	}
	return h, h.compileAnswer(c, spec)
}

func newCondition(c *scheme.Compiler, text string) (one condition, err error) {
	value, pattern, like := strings.Cut(text, " ~ ")
	if like {
		if one.like, err = regexp.Compile(pattern); err != nil {
			return one, err
		}
	} else {
		value, one.equal, _ = strings.Cut(text, " = ")
	}
	one.value, err = c.Selector(value)
	return one, err
}

func (c *condition) holds(x *scheme.Exchange) bool {
	value, ok := c.value.Value(x)
	return ok && (c.equal == "" || value == c.equal) && (c.like == nil || c.like.MatchString(value))
}

func (h *challenge) compileAnswer(c *scheme.Compiler, spec challengeSpec) error {
	var err error
	if h.text, err = c.Optional(spec.Text); err != nil {
		return fmt.Errorf("text: %w", err)
	}
	h.header, h.json = map[string]scheme.Template{}, map[string]scheme.Template{}
	for name, text := range spec.Header {
		if h.header[textproto.CanonicalMIMEHeaderKey(name)], err = c.Template(text); err != nil {
			return fmt.Errorf("header: %w", err)
		}
	}
	for name, text := range spec.JSON {
		if h.json[name], err = c.Selector(text); err != nil {
			return fmt.Errorf("json: %w", err)
		}
	}
	return nil
}

func (h *challenge) matches(x *scheme.Exchange) bool {
	if x.Request.Method != h.method {
		return false
	}
	if h.unless != nil {
		if _, there := h.unless.Value(x); there {
			return false
		}
	}
	return !slices.ContainsFunc(h.when, func(c condition) bool { return !c.holds(x) })
}

// named adds the headers by which the handshake is known to names.
func (h *challenge) named(names []string) []string {
	for _, c := range h.when {
		names = c.value.AppendHeaders(names)
	}
	if h.origin != nil {
		names = h.origin.AppendHeaders(names)
	}
	return names
}

// answer returns what the provider wants to hear, or a refusal.
func (h *challenge) answer(x *scheme.Exchange) (*Answer, *scheme.Refusal) {
	if h.token != nil {
		if refusal := h.token.Verify(x); refusal != nil {
			return nil, &scheme.Refusal{Reason: scheme.Challenge, Detail: "handshake: " + refusal.Detail}
		}
	}
	if h.origin != nil && len(h.allow) > 0 {
		if origin, _ := h.origin.Value(x); !slices.Contains(h.allow, origin) {
			return nil, &scheme.Refusal{Reason: scheme.Challenge, Detail: "handshake: its " + h.origin.String() + " is not one that the source allows"}
		}
	}
	if h.visit != nil {
		if refusal := h.visit.Visit(x); refusal != nil {
			return nil, refusal
		}
	}
	a := &Answer{Status: h.status, Header: http.Header{}}
	for name, t := range h.header {
		value, ok := t.Value(x)
		if !ok || strings.ContainsFunc(value, unprintable) {
			return nil, &scheme.Refusal{Reason: scheme.Challenge, Detail: "handshake: the value for " + name + " is missing or not printable"}
		}
		a.Header.Set(name, value)
	}
	if refusal := h.body(x, a); refusal != nil {
		return nil, refusal
	}
	return a, nil
}

func (h *challenge) body(x *scheme.Exchange, a *Answer) *scheme.Refusal {
	if h.text != nil {
		text, ok := h.text.Value(x)
		if !ok {
			return &scheme.Refusal{Reason: scheme.Challenge, Detail: "handshake: " + h.text.String() + " is missing"}
		}
		a.Body = []byte(text)
		setDefault(a.Header, "Content-Type", "text/plain; charset=utf-8")
		a.Header.Set("X-Content-Type-Options", "nosniff")
	}
	if len(h.json) == 0 {
		return nil
	}
	members := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(h.json)) {
		t := h.json[name]
		value, ok := t.Value(x)
		if !ok {
			return &scheme.Refusal{Reason: scheme.Challenge, Detail: "handshake: " + t.String() + " is missing"}
		}
		members[name] = value
	}
	body, err := json.Marshal(members)
	if err != nil {
		return &scheme.Refusal{Reason: scheme.Challenge, Detail: "handshake: the answer cannot be written"}
	}
	a.Body = body
	setDefault(a.Header, "Content-Type", "application/json")
	return nil
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f }

func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}

// An answerSpec is the response to a delivery that was taken.
type answerSpec struct {
	Status int               `yaml:"status" doc:"Its status, of 200 to 299; 200 unless it says otherwise." example:"status: 202"`
	Header map[string]string `yaml:"header" doc:"Its headers, as they are." example:"header: {Content-Type: text/xml}, body: <Response/>"`
	Body   string            `yaml:"body" doc:"Its body, as it is." example:"body: OK"`
}

func (s answerSpec) compile() (Answer, error) {
	a := Answer{Status: s.Status, Header: http.Header{}, Body: []byte(s.Body)}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	if a.Status < 200 || a.Status > 299 {
		return a, fmt.Errorf("success: status %s is no success", strconv.Itoa(a.Status))
	}
	if (a.Status == http.StatusNoContent || a.Status == http.StatusResetContent) && s.Body != "" {
		return a, fmt.Errorf("success: an answer with status %d has no body", a.Status)
	}
	for name, value := range s.Header {
		if name == "" || strings.ContainsFunc(name+value, unprintable) || strings.ContainsAny(name, " :") {
			return a, fmt.Errorf("success: header %q cannot be sent", name)
		}
		a.Header.Set(name, value)
	}
	return a, nil
}
