package tracing

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Names of attributes that the conventions lack.
const (
	sourceKey    = attribute.Key("hookspan.source")
	providerKey  = attribute.Key("hookspan.provider")
	outcomeKey   = attribute.Key("hookspan.outcome")
	positionKey  = attribute.Key("hookspan.position")
	endpointKey  = attribute.Key("hookspan.endpoint")
	endpointsKey = attribute.Key("hookspan.endpoints")
	deliveryKey  = attribute.Key("hookspan.delivery")
	attemptKey   = attribute.Key("hookspan.attempt")
	batchKey     = attribute.Key("hookspan.batch")
)

// route is the path of every source (receiver.Path), and usual the name of most requests' spans.
const (
	route = "/webhooks/{source}"
	usual = http.MethodPost + " " + route
)

// A Request is one that came to the intake.
type Request struct {
	HTTP             *http.Request
	Scheme           string // as its sender knows it
	Source, Provider string
	Began            time.Time
	// Genuine: the provider's signature is right. Nobody else decides what is recorded: a
	// stranger who sends a sampled traceparent gets a trace of its own by the sampler's draw.
	Genuine bool
	// Parent and State are the sender's traceparent and tracestate.
	Parent, State string
}

// Request begins the span of a request.
func (t *Tracer) Request(r Request) Span {
	b := beginning{name: usual, kind: trace.SpanKindServer, at: r.Began}
	if r.HTTP.Method != http.MethodPost {
		b.name = method(r.HTTP.Method) + " " + route
	}
	switch sender := parse(r.Parent, r.State); {
	case r.Genuine:
		b.parent = sender
	case sender.IsValid():
		b.links = []trace.Link{{SpanContext: sender}}
	}
	s := t.begin(b)
	if !s.Recorded() {
		return s
	}
	q := r.HTTP
	s.of.SetAttributes(
		semconv.HTTPRequestMethodKey.String(method(q.Method)), semconv.HTTPRoute(route), semconv.URLPath(q.URL.Path), semconv.URLScheme(r.Scheme),
		semconv.NetworkProtocolVersion(protocol(q)), sourceKey.String(r.Source), providerKey.String(r.Provider),
	)
	return s
}

// Answered ends the span of a request: with what was answered, what came of it, and of what is
// our fault a word of a closed set.
func (s Span) Answered(status int, outcome, fault string) {
	if !s.Recorded() {
		return
	}
	s.of.SetAttributes(semconv.HTTPResponseStatusCode(status), outcomeKey.String(outcome))
	if status >= http.StatusInternalServerError {
		s.fail(fault, "")
	}
	s.end()
}

// method keeps what a stranger calls a method out of the names of spans.
func method(m string) string {
	if slices.Contains(methods, m) {
		return m
	}
	return "_OTHER"
}

var methods = []string{
	http.MethodPost, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

// protocol is the version alone: 1.1, 2.
func protocol(q *http.Request) string {
	version := strings.TrimPrefix(q.Proto, "HTTP/")
	return strings.TrimSuffix(version, ".0")
}
