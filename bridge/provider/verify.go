package provider

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/provider/pointer"
)

// A Verifier judges the requests of one source. It is safe for concurrent use.
type Verifier struct {
	provider *Provider
	cfg      Config

	steps      []*step
	decrypt    *decryption
	checks     []*step
	freshness  *freshness
	challenges []*challenge
	builder    *builder

	set           *pointer.Set
	secrets       []string
	rate          string
	maxBody       int64
	zone          *time.Location
	documentField string
	success       Answer
	refusal       int
	methods       []string
	warnings      []string
	secretQuery   []string // parameters that hold tokens
	secretHeaders []string

	exchanges sync.Pool
}

// Provider returns what the verifier was compiled from.
func (v *Verifier) Provider() *Provider { return v.provider }

// Success is the provider's own answer to a delivery that was taken, or that was taken before.
func (v *Verifier) Success() Answer {
	return Answer{Status: v.success.Status, Header: v.success.Header.Clone(), Body: slices.Clone(v.success.Body)}
}

// RefusalStatus is the HTTP status of a request that is not genuine.
func (v *Verifier) RefusalStatus() int { return v.refusal }

// StatusOf is the HTTP status of a refusal: 413, 415 and 400 for genuine requests that
// cannot be unpacked, else RefusalStatus.
func (v *Verifier) StatusOf(r *Refusal) int {
	switch r.Reason {
	case MediaType:
		return http.StatusUnsupportedMediaType
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case InvalidBody:
		return http.StatusBadRequest
	default:
		return v.refusal
	}
}

// Methods returns the HTTP methods of deliveries and handshakes.
func (v *Verifier) Methods() []string {
	methods := slices.Clone(v.methods)
	for _, h := range v.challenges {
		if !slices.Contains(methods, h.method) {
			methods = append(methods, h.method)
		}
	}
	return methods
}

// AcceptsMediaType reports whether a body of that Content-Type can be read at all. Only
// sources of CloudEvents refuse any.
func (v *Verifier) AcceptsMediaType(contentType string) bool {
	return v.builder.format != "cloudevents" || acceptsCloudEvent(contentType)
}

// MaxBody is the largest body in bytes: the source's own setting, else what the provider sends.
func (v *Verifier) MaxBody() int64 { return v.maxBody }

// TypePrefix is what stands in front of the provider's own type in the type of an event,
// without the last dot.
func (v *Verifier) TypePrefix() string { return v.builder.prefix }

// KeepsAttributes reports whether deliveries are CloudEvents that keep their own attributes.
func (v *Verifier) KeepsAttributes() bool { return v.builder.format == "cloudevents" }

// Decrypts reports whether the secrets are key phrases.
func (v *Verifier) Decrypts() bool { return v.decrypt != nil }

// SignsURL reports whether some signature covers the URL, which has to be the one that the
// provider was told then.
func (v *Verifier) SignsURL() bool {
	for _, s := range v.steps {
		if slices.ContainsFunc(s.schemes, func(one scheme) bool {
			content := one.signs()
			return content != nil && content.has("url")
		}) {
			return true
		}
	}
	return false
}

// Warnings are what an operator should know about the configuration; none shows a secret.
func (v *Verifier) Warnings() []string { return slices.Clone(v.warnings) }

// Verify says what a request means. The error is a *Refusal, of a request that is not
// genuine or cannot be unpacked; there is no other. The events' data shares r.Body.
func (v *Verifier) Verify(r *Request) (Verdict, error) {
	x, _ := v.exchanges.Get().(*exchange)
	if x == nil {
		x = &exchange{}
	}
	x.reset(v, r)
	verdict, refusal := v.judge(x)
	if x.short {
		refusal = noMemory()
	}
	clear(x.values)
	if cap(x.scratch)+cap(x.sums) <= keptScratch {
		v.exchanges.Put(x)
	}
	if refusal != nil {
		return Verdict{}, refusal
	}
	return verdict, nil
}

// keptScratch bounds what one request leaves in hand for the next one.
const keptScratch = 64 << 10

func (v *Verifier) judge(x *exchange) (Verdict, *Refusal) {
	for _, h := range v.challenges {
		if h.open && h.matches(x) {
			return respond(h, x)
		}
	}
	if !slices.Contains(v.methods, x.req.Method) && !v.isHandshake(x.req.Method) {
		return Verdict{}, &Refusal{Challenge, "a " + x.req.Method + " request is no delivery and no handshake that we know"}
	}
	if refusal := v.prove(x); refusal != nil {
		return Verdict{}, refusal
	}
	for _, h := range v.challenges {
		if !h.open && h.matches(x) {
			return respond(h, x)
		}
	}
	if !slices.Contains(v.methods, x.req.Method) {
		return Verdict{}, &Refusal{Challenge, "a " + x.req.Method + " request is no delivery and no handshake that we know"}
	}
	x.carryQuery()
	return v.events(x)
}

// isHandshake reports whether some handshake with a signature has this method.
func (v *Verifier) isHandshake(method string) bool {
	return slices.ContainsFunc(v.challenges, func(h *challenge) bool { return !h.open && h.method == method })
}

func respond(h *challenge, x *exchange) (Verdict, *Refusal) {
	answer, refusal := h.answer(x)
	return Verdict{Answer: answer}, refusal
}

// prove runs every proof: the signature over the body as it came, then what can be told only
// of the body unpacked and decrypted, then the time.
func (v *Verifier) prove(x *exchange) *Refusal {
	proven := v.decrypt != nil
	for _, s := range v.steps {
		if !s.applies(x) {
			continue
		}
		if refusal := s.verify(x); refusal != nil {
			if x.failure != nil {
				return x.failure // the signature is over what could not be unpacked
			}
			return refusal
		}
		proven = proven || s.proves
	}
	if !proven {
		return &Refusal{NoSignature, "the request has no signature of a kind that this provider makes"}
	}
	if x.body(); x.failure != nil {
		return x.failure
	}
	if v.decrypt != nil {
		if refusal := v.decrypt.open(x); refusal != nil {
			return refusal
		}
	}
	for _, s := range v.checks {
		if s.applies(x) {
			if refusal := s.verify(x); refusal != nil {
				return refusal
			}
		}
	}
	if v.freshness != nil {
		return v.freshness.verify(x)
	}
	return nil
}

func (v *Verifier) events(x *exchange) (Verdict, *Refusal) {
	var verdict Verdict
	if v.builder.format == "cloudevents" {
		verdict.Events = v.builder.cloudevents(x)
	} else {
		verdict.Events = v.builder.events(x)
	}
	for i := range verdict.Events {
		if verdict.Invalid = verdict.Events[i].Invalid; verdict.Invalid != "" {
			break
		}
	}
	if verdict.Invalid == "" {
		return verdict, nil
	}
	// What an unauthenticated cipher gives was never proven; it must not show that it came far.
	if v.decrypt != nil && !v.decrypt.scheme.Authenticated() && len(v.steps) == 0 {
		return Verdict{}, unreadable()
	}
	verdict.Reason = InvalidBody
	return verdict, nil
}
