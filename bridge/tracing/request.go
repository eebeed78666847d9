package tracing

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookspan/hookspan/bridge/event"
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
	// Event is the first of a genuine request; nil without one. Alone: there is no other, so
	// that its own traceparent counts where the request has none.
	Event *event.Event
	Alone bool
}

// Request begins the span of a request, if it is recorded. That is decided here, once for the
// request and all that comes of it.
func (t *Tracer) Request(r Request) Span {
	parent, recorded := t.draw(&r)
	if !recorded {
		return Span{tracer: t, id: parent.TraceID()}
	}
	b := beginning{name: usual, kind: trace.SpanKindServer, at: r.Began, parent: parent}
	if r.HTTP.Method != http.MethodPost {
		b.name = method(r.HTTP.Method) + " " + route
	}
	if sender := parse(r.Parent); !r.Genuine && sender.IsValid() {
		b.links = []trace.Link{{SpanContext: with(sender, r.State)}}
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

// draw finds what a request's span is a child of, and whether it is recorded.
func (t *Tracer) draw(r *Request) (of trace.SpanContext, recorded bool) {
	if !r.Genuine {
		of = unpredictable()
		return of, t.sampler.takes(of)
	}
	if of = parse(r.Parent); of.IsValid() {
		if recorded = t.sampler.takes(of); recorded {
			of = with(of, r.State)
		}
		return of, recorded
	}
	switch {
	case r.Event == nil:
		of = unpredictable()
	case r.Alone:
		p, recorded := t.ParentOf(r.Event)
		return p.of, recorded
	default:
		of = origin(r.Event)
	}
	return of, t.sampler.takes(of)
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
