package provider

import (
	"net/http"
	"slices"

	"github.com/hookspan/hookspan/bridge/provider/naming"
	"github.com/hookspan/hookspan/bridge/scheme"
)

// A Verifier judges the requests of one source. It is safe for concurrent use.
type Verifier struct {
	provider *Provider
	cfg      Config

	setup      *scheme.Setup
	proof      *scheme.Proof
	challenges []*challenge
	builder    *naming.Builder

	success  Answer
	refusal  int
	methods  []string
	warnings []string
	tokens   []string // parameters of the query that hold one
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
// cannot be unpacked, 503 where the sender's keys cannot be had, else RefusalStatus.
func (v *Verifier) StatusOf(r *scheme.Refusal) int {
	switch r.Reason {
	case scheme.MediaType:
		return http.StatusUnsupportedMediaType
	case scheme.TooLarge:
		return http.StatusRequestEntityTooLarge
	case scheme.InvalidBody:
		return http.StatusBadRequest
	case scheme.Unreachable:
		return http.StatusServiceUnavailable
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
	return !v.builder.KeepsAttributes() || naming.AcceptsCloudEvent(contentType)
}

// MaxBody is the largest body in bytes: the source's own setting, else what the provider sends.
func (v *Verifier) MaxBody() int64 { return v.setup.MaxBody }

// TypePrefix is what stands in front of the provider's own type in the type of an event,
// without the last dot.
func (v *Verifier) TypePrefix() string { return v.builder.TypePrefix() }

// Proof is what can at best be known of a request.
func (v *Verifier) Proof() Proof { return proofOf(v.proof.SignsDeliveries(v.methods)) }

// KeepsAttributes reports whether deliveries are CloudEvents that keep their own attributes.
func (v *Verifier) KeepsAttributes() bool { return v.builder.KeepsAttributes() }

// Decrypts reports whether the secrets are key phrases.
func (v *Verifier) Decrypts() bool { return v.proof.Cipher() != "" }

// SignsURL reports whether some signature covers the URL, which has to be the one that the
// provider was told then.
func (v *Verifier) SignsURL() bool { return v.proof.SignsURL() }

// Warnings are what an operator should know about the configuration; none shows a secret.
func (v *Verifier) Warnings() []string { return slices.Clone(v.warnings) }

// Verify says what a request means. The error is a *Refusal, of a request that is not
// genuine or cannot be unpacked; there is no other. The events' data shares r.Body.
func (v *Verifier) Verify(r *scheme.Request) (Verdict, error) { return v.VerifyIn(r, nil) }

// VerifyIn is Verify that may use the memory of the events of another request, which nobody
// looks at any more.
func (v *Verifier) VerifyIn(r *scheme.Request, room []naming.Event) (Verdict, error) {
	x := v.setup.Open(r)
	verdict, refusal := v.judge(x, room)
	if x.Short {
		refusal = scheme.NoMemory()
	}
	v.setup.Close(x)
	if refusal != nil {
		return Verdict{}, refusal
	}
	return verdict, nil
}

// Unproven returns the events that a request would mean if it were genuine, which nothing in it
// proves; what is encrypted stays so. The error is a *Refusal of what cannot be unpacked.
func (v *Verifier) Unproven(r *scheme.Request) ([]naming.Event, error) {
	x := v.setup.Open(r)
	defer v.setup.Close(x)
	if refusal := x.Unpack(); refusal != nil {
		return nil, refusal
	}
	if !v.builder.KeepsAttributes() {
		x.CarryQuery(v.tokens)
	}
	events := v.builder.Events(x, nil)
	if x.Short {
		return nil, scheme.NoMemory()
	}
	return events, nil
}

func (v *Verifier) judge(x *scheme.Exchange, room []naming.Event) (Verdict, *scheme.Refusal) {
	for _, h := range v.challenges {
		if h.open && h.matches(x) {
			return respond(h, x)
		}
	}
	if !slices.Contains(v.methods, x.Request.Method) && !v.isHandshake(x.Request.Method) {
		return Verdict{}, &scheme.Refusal{Reason: scheme.Challenge, Detail: "a " + x.Request.Method + " request is no delivery and no handshake that we know"}
	}
	if refusal := v.proof.Verify(x); refusal != nil {
		return Verdict{}, refusal
	}
	for _, h := range v.challenges {
		if !h.open && h.matches(x) {
			return respond(h, x)
		}
	}
	if !slices.Contains(v.methods, x.Request.Method) {
		return Verdict{}, &scheme.Refusal{Reason: scheme.Challenge, Detail: "a " + x.Request.Method + " request is no delivery and no handshake that we know"}
	}
	if !v.builder.KeepsAttributes() {
		x.CarryQuery(v.tokens)
	}
	proof := proofOf(v.proof.Signed(x))
	verdict, refusal := v.events(x, room)
	verdict.Proof = proof
	return verdict, refusal
}

// isHandshake reports whether some handshake with a signature has this method.
func (v *Verifier) isHandshake(method string) bool {
	return slices.ContainsFunc(v.challenges, func(h *challenge) bool { return !h.open && h.method == method })
}

func respond(h *challenge, x *scheme.Exchange) (Verdict, *scheme.Refusal) {
	answer, refusal := h.answer(x)
	return Verdict{Answer: answer}, refusal
}

func (v *Verifier) events(x *scheme.Exchange, room []naming.Event) (Verdict, *scheme.Refusal) {
	verdict := Verdict{Events: v.builder.Events(x, room)}
	for i := range verdict.Events {
		if verdict.Invalid = verdict.Events[i].Invalid; verdict.Invalid != "" {
			break
		}
	}
	if verdict.Invalid == "" {
		return verdict, nil
	}
	// What an unauthenticated cipher gives was never proven; it must not show that it came far.
	if !v.proof.Guarded() {
		return Verdict{}, scheme.Undecryptable()
	}
	verdict.Reason = scheme.InvalidBody
	return verdict, nil
}
