package receiver

import (
	"errors"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/tracing"
)

// verified begins the request's span. It begins late, because only now is it known whether the
// sender is one whose word on sampling counts.
func (x *exchange) verified(from time.Time, v *provider.Verdict, err error) {
	if x.of.tracer == nil {
		return
	}
	x.begin(v, err == nil && v.Answer == nil && x.body.short == nil) // a challenge proves nothing
	reason := ""
	if err != nil {
		reason = string(provider.BadSignature)
		if r, ok := errors.AsType[*provider.Refusal](err); ok {
			reason = string(r.Reason)
		}
	}
	x.span.Step("verify", from, reason)
}

func (x *exchange) begin(v *provider.Verdict, genuine bool) {
	x.drawn = true
	r := tracing.Request{
		HTTP: x.q, Scheme: x.scheme(), Source: x.source.Name, Provider: x.source.Provider, Began: x.began,
		Genuine: genuine, Parent: x.q.Header.Get("Traceparent"), State: x.q.Header.Get("Tracestate"),
	}
	if genuine && len(v.Events) > 0 {
		r.Event, r.Alone = &v.Events[0].Event, len(v.Events) == 1
	}
	x.span = x.of.tracer.Request(r)
}

// scheme is that of the URL as the sender knows it.
func (x *exchange) scheme() string {
	if scheme, _, ok := strings.Cut(x.request.URL, "://"); ok {
		return scheme
	}
	if x.q.TLS != nil {
		return "https"
	}
	return "http"
}

// publishing begins the span of an event that goes to the bus; nil where none is recorded.
func (x *exchange) publishing(p *posting, o *bus.PublishOptions) *tracing.Publishing {
	sending := x.span.Publish(p.topic, &p.event.Event, p.event.Traced)
	if sending == nil {
		return nil
	}
	sent := o.Sent
	o.Sent = func() {
		sending.Sent()
		if sent != nil {
			sent()
		}
	}
	return sending
}

// published ends it.
func (x *exchange) published(sending *tracing.Publishing, err error) {
	if sending == nil {
		return
	}
	fault := ""
	if err != nil {
		fault = string(x.of.notStored(x, err).code)
	}
	sending.End(fault)
}

// traceparent names the span, or what a genuine sender gave where none is recorded: what a
// stranger gives leads nowhere.
func (x *exchange) traceparent() string {
	switch {
	case x.span.Recorded():
		return x.span.Traceparent()
	case x.genuine:
		return x.q.Header.Get("Traceparent")
	}
	return ""
}

// told ends the request's span: f is nil where the answer was the provider's.
func (x *exchange) told(answer *provider.Answer, f *fault, out outcome) {
	if x.of.tracer == nil {
		return
	}
	if !x.drawn { // refused before it could be verified
		x.begin(nil, false)
	}
	if f != nil {
		x.span.Answered(f.problem(x.source).Status, string(out), string(f.code))
		return
	}
	x.span.Answered(answer.Status, string(out), "")
}
