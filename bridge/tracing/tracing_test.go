package tracing_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	recorded = "00-" + traceID + "-b7ad6b7169203331-01"
	passed   = "00-" + traceID + "-b7ad6b7169203331-00"
)

func order() *event.Event {
	return &event.Event{ID: "1", Source: "https://user:word@shop.example/eu?key=s3cret", Type: "com.shop.order", Data: []byte("{}")}
}

func request(parent string, genuine bool) tracing.Request {
	return tracing.Request{
		HTTP: httptest.NewRequest("POST", "/webhooks/shop?token=s3cret", nil), Scheme: "https",
		Source: "shop", Provider: "sticker", Began: time.Now(), Genuine: genuine, Parent: parent,
	}
}

// From the request to the attempt everything is one trace, which the event carries over the bus.
func TestOneTraceOverTheBus(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracingtest.ByParents())
	e := order()

	in := tracer.Request(request(recorded, true))
	in.Step("verify", time.Now(), "")
	sending := in.Publish("events.shop.order", e, false)
	sending.Sent()
	sending.End("")
	in.Answered(200, "accepted", "")

	read := tracer.Read(time.Now())
	at := tracing.Place{Topic: "events.shop.order", Partition: "EVENTS", Sequence: 7}
	parent := read.Taken(at, e)
	if again := read.Taken(at, e); again != parent {
		t.Error("the second endpoint that takes the event has another parent")
	}
	read.End()
	out := tracer.Attempt(tracing.Attempt{Endpoint: "crm", URL: "https://crm.example/x", Event: e, Number: 1, Began: time.Now(), Parents: []tracing.Parent{*parent}})
	h := http.Header{"Traceparent": {e.Extension("traceparent")}}
	out.Pass(h)
	out.Responded(204, "", "")

	const want = `elsewhere
  POST /webhooks/{source}
    verify
    publish events.shop.order
      durable
      follow events.shop.order
        match
        POST
`
	if got := spans.Tree(); got != want {
		t.Errorf("spans:\n%s", got)
	}
	for _, s := range spans.Spans() {
		if id := s.SpanContext.TraceID().String(); id != traceID {
			t.Errorf("%s is of trace %s", s.Name, id)
		}
	}
	attempt := spans.Named(t, "POST").SpanContext
	if got := h.Get("Traceparent"); got != "00-"+traceID+"-"+attempt.SpanID().String()+"-01" {
		t.Errorf("the receiver is told %s", got)
	}
	for name, want := range map[string]string{
		"messaging.system": "nats", "messaging.operation.type": "receive", "messaging.destination.name": "events.shop.order",
		"messaging.destination.partition.id": "EVENTS", "hookspan.position": "7", "cloudevents.event_type": "com.shop.order",
	} {
		if got := tracingtest.Attribute(spans.Named(t, "follow events.shop.order"), name); got != want {
			t.Errorf("follow: %s is %q", name, got)
		}
	}
	if got := tracingtest.Attribute(spans.Named(t, "match"), "hookspan.endpoints"); got != "2" {
		t.Errorf("match: %s endpoints", got)
	}
}

// Whoever can reach the intake can send a traceparent; only a genuine sender's counts.
func TestAStrangerDecidesNothing(t *testing.T) {
	t.Parallel()
	tracer, _ := tracingtest.New(tracingtest.ByParents())
	if tracer.Request(request(recorded, false)).Recorded() {
		t.Error("a request that is not genuine is recorded because it says so")
	}
	tracer, spans := tracingtest.New(tracingtest.Always())
	s := tracer.Request(request(recorded, false))
	s.Step("verify", time.Now(), "bad_signature")
	s.Answered(401, "refused", "refused")
	root := spans.Named(t, "POST /webhooks/{source}")
	if root.SpanContext.TraceID().String() == traceID || len(root.Links) != 1 || root.Links[0].SpanContext.TraceID().String() != traceID {
		t.Errorf("not a trace of its own with a link: %+v", root)
	}
	if got := tracingtest.Attribute(spans.Named(t, "verify"), "error.type"); got != "bad_signature" {
		t.Errorf("verify failed for %q", got)
	}
	if root.Status.Description != "" || tracingtest.Attribute(root, "error.type") != "" {
		t.Error("a refusal is no error of the server's")
	}
}

// An attempt of a batch is of the first trace that is recorded, and links to the others.
func TestABatchLinks(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracingtest.ByParents())
	var parents []tracing.Parent
	for _, parent := range []string{passed, recorded, "", strings.Replace(recorded, "0af", "1af", 1), "no traceparent"} {
		e := order()
		e.SetExtension("traceparent", parent)
		if p, ok := tracer.ParentOf(e); ok {
			parents = append(parents, p)
		}
	}
	tracer.Attempt(tracing.Attempt{Endpoint: "crm", URL: "https://crm.example/", Batch: "bat_1", Events: 5, Event: order(), Number: 2, Began: time.Now(), Parents: parents}).
		Responded(500, "status", "status 500")
	s := spans.Named(t, "POST")
	if s.SpanContext.TraceID().String() != traceID || len(s.Links) != 1 || s.Links[0].SpanContext.TraceID().String() != "1"+traceID[1:] {
		t.Errorf("%+v", s)
	}
	for name, want := range map[string]string{
		"hookspan.batch": "bat_1", "messaging.batch.message_count": "5", "http.request.resend_count": "1", "http.response.status_code": "500", "error.type": "500",
	} {
		if got := tracingtest.Attribute(s, name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if tracer.Attempt(tracing.Attempt{Event: order(), Number: 1}).Recorded() {
		t.Error("an attempt of nothing that is recorded is")
	}
}

// A CloudEvent that came with its own trace keeps it.
func TestAnEventsOwnTraceIsKept(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracingtest.Always())
	e := order()
	e.SetExtension("traceparent", recorded)
	s := tracer.Request(request("", true))
	s.Publish("t", e, true).End("bus_unavailable")
	if got := e.Extension("traceparent"); got != recorded {
		t.Errorf("it carries %s", got)
	}
	publish := spans.Named(t, "publish t")
	if len(publish.Links) != 1 || publish.Links[0].SpanContext.TraceID().String() != traceID {
		t.Errorf("no link to it: %+v", publish.Links)
	}
	if got := tracingtest.Attribute(publish, "error.type"); got != "bus_unavailable" {
		t.Errorf("failed for %q", got)
	}
}

func TestNoSpanHoldsASecret(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracingtest.Always())
	e := order()
	e.Subject = "s3cret"
	e.SetExtension("authorization", "s3cret")
	r := request("", true)
	r.HTTP.Header.Set("Authorization", "Bearer s3cret")
	s := tracer.Request(r)
	s.Publish("t", e, false).End("")
	s.Answered(200, "accepted", "")
	read := tracer.Read(time.Now())
	parent := read.Taken(tracing.Place{Topic: "t"}, e)
	read.End()
	tracer.Attempt(tracing.Attempt{Endpoint: "crm", URL: "https://s3cret:s3cret@crm.example:8443/services/s3cret?key=s3cret", Event: e, Number: 1, Parents: []tracing.Parent{*parent}}).
		Responded(0, "timeout", "there was no whole answer in time")
	all := spans.Spans()
	if len(all) != 5 {
		t.Fatalf("spans:\n%s", spans.Tree())
	}
	for _, s := range all {
		text := s.Name + s.Status.Description
		for _, a := range s.Attributes {
			text += " " + string(a.Key) + "=" + a.Value.String()
		}
		if strings.Contains(text, "s3cret") || strings.Contains(text, "word") {
			t.Errorf("%s", text)
		}
	}
	attempt := spans.Named(t, "POST")
	for name, want := range map[string]string{"server.address": "crm.example", "server.port": "8443", "url.scheme": "https", "error.type": "timeout", "hookspan.endpoint": "crm"} {
		if got := tracingtest.Attribute(attempt, name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

// A name of a span that anybody could choose would grow without end in whatever counts by it.
func TestAMethodIsOneOfAFewInASpansName(t *testing.T) {
	t.Parallel()
	tracer, spans := tracingtest.New(tracingtest.Always())
	r := request("", false)
	r.HTTP.Method = "X1234"
	tracer.Request(r).Answered(405, "refused", "method")
	spans.Named(t, "_OTHER /webhooks/{source}")
}
