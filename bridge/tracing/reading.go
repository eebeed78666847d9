package tracing

import (
	"strings"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookspan/hookspan/bridge/event"
)

// A Reading is one event that was read from a topic, for as long as it is shown to endpoints.
// One goroutine at a time uses it.
type Reading struct {
	tracer *Tracer
	began  time.Time
	drawn  bool // it is known whether it is recorded
	span   Span
	parent *Parent
	takers int
}

// Read begins with an event that was read.
func (t *Tracer) Read(at time.Time) Reading { return Reading{tracer: t, began: at} }

// A Place is where an event was read.
type Place struct {
	Topic, Partition string
	Sequence         int64
}

// Taken says that an endpoint takes the event, and returns what attempts of it are children of;
// nil where nothing is recorded. The span begins here, so that an event which no endpoint of this process
// takes has none: with several replicas, and with endpoints that are behind, most are read often.
func (r *Reading) Taken(at Place, e *event.Event) *Parent {
	if r == nil {
		return nil
	}
	r.takers++
	if r.drawn {
		return r.parent
	}
	r.drawn = true
	parent, recorded := r.tracer.ParentOf(e)
	if !recorded {
		return nil
	}
	r.span = r.tracer.begin(beginning{name: "follow " + at.Topic, kind: trace.SpanKindConsumer, at: r.began, parent: parent.of})
	if r.span.Recorded() {
		r.span.describe(at.Topic, e)
		r.span.of.SetAttributes(
			semconv.MessagingOperationName("follow"), semconv.MessagingOperationTypeReceive,
			semconv.MessagingDestinationPartitionID(at.Partition), positionKey.Int64(at.Sequence),
		)
		r.parent = &Parent{r.span.of.SpanContext()}
	}
	return r.parent
}

// End says that all endpoints of this process have seen the event.
func (r *Reading) End() {
	if !r.span.Recorded() {
		return
	}
	match := r.span.child("match", trace.SpanKindInternal, r.began)
	if match.Recorded() {
		match.of.SetAttributes(endpointsKey.Int(r.takers))
	}
	match.end()
	r.span.end()
	r.span = Span{}
}

// bare is a URI without what may be a credential in it.
func bare(uri string) string {
	uri, _, _ = strings.Cut(uri, "?")
	if scheme, rest, ok := strings.Cut(uri, "://"); ok {
		host, path, slash := strings.Cut(rest, "/")
		host = host[strings.LastIndexByte(host, '@')+1:]
		uri = scheme + "://" + host
		if slash {
			uri += "/" + path
		}
	}
	return uri
}
