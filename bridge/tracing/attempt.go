package tracing

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookspan/hookspan/bridge/event"
)

// An Attempt is one request, of one event or a batch.
type Attempt struct {
	Endpoint string // its name
	Method   string // "": POST
	URL      string
	Delivery string // the first one's
	Batch    string // "" without one
	Event    *event.Event
	Events   int
	Number   int // 1 is the first
	Began    time.Time
	Parents  []Parent // of its events, those that are recorded
}

// Attempt begins the span of an attempt, which is recorded where one of its events is.
func (t *Tracer) Attempt(a Attempt) Span {
	if len(a.Parents) == 0 {
		return Span{}
	}
	method := cmp.Or(a.Method, http.MethodPost)
	b := beginning{name: method, kind: trace.SpanKindClient, at: a.Began, parent: a.Parents[0].of}
	for _, p := range a.Parents[1:] {
		b.links = append(b.links, trace.Link{SpanContext: p.of})
	}
	s := t.begin(b)
	if !s.Recorded() {
		return s
	}
	s.of.SetAttributes(semconv.HTTPRequestMethodKey.String(method), endpointKey.String(a.Endpoint), attemptKey.Int(a.Number))
	s.receiver(a.URL)
	if a.Number > 1 {
		s.of.SetAttributes(semconv.HTTPRequestResendCount(a.Number - 1))
	}
	if a.Batch != "" {
		s.of.SetAttributes(batchKey.String(a.Batch), semconv.MessagingBatchMessageCount(a.Events))
		return s
	}
	s.of.SetAttributes(
		deliveryKey.String(a.Delivery), semconv.CloudEventsEventID(a.Event.ID),
		semconv.CloudEventsEventSource(bare(a.Event.Source)), semconv.CloudEventsEventType(a.Event.Type),
	)
	return s
}

// receiver names who is called, without path and query: they may be the credential.
func (s Span) receiver(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if n, err := strconv.Atoi(u.Port()); err == nil {
		port = n
	}
	s.of.SetAttributes(semconv.URLScheme(u.Scheme), semconv.ServerAddress(u.Hostname()), semconv.ServerPort(port))
}

// Responded ends the span of an attempt. The status is 0 when there was no answer, the reason ""
// for a success; the detail says it in words that hold nothing secret.
func (s Span) Responded(status int, reason, detail string) {
	if !s.Recorded() {
		return
	}
	if status > 0 {
		s.of.SetAttributes(semconv.HTTPResponseStatusCode(status))
	}
	if reason != "" && status >= http.StatusBadRequest { // the conventions' word
		s.fail(strconv.Itoa(status), detail)
	} else {
		s.fail(reason, detail)
	}
	s.end()
}
