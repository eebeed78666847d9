package naming

import (
	"fmt"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// cloudevents reads a delivery that is one CloudEvent, or several, over HTTP. Its attributes
// are kept as they came; what every event has is added where it is missing. One that cannot be
// read is at fault by itself, not the batch that it came in.
func (b *Builder) cloudevents(x *scheme.Exchange) []Event {
	if scheme.MediaOf(x.Header("Content-Type")) == event.BatchType {
		return b.cloudeventsBatch(x)
	}
	if scheme.MediaOf(x.Header("Content-Type")) == event.StructuredType && !takeEvent(x, x.Body()) {
		return nil
	}
	e, flaws, err := event.Read(event.HTTP, event.HeaderMap(x.Request.Header), x.Body())
	if err == nil {
		err = event.Refuse(e, flaws)
	}
	if err != nil {
		return []Event{b.unreadable(x, legible(err), x.Body(), notCloudEvent(err))}
	}
	named := scheme.ValueOf("header", "Ce-Id")
	if scheme.MediaOf(x.Header("Content-Type")) == event.StructuredType {
		named = scheme.ValueOf("body", "")
	}
	return []Event{b.complete(x, e, flaws, &named)}
}

// whole is a document itself.
var whole, _ = pointer.ParseOne("") // which is a pointer

func (b *Builder) cloudeventsBatch(x *scheme.Exchange) []Event {
	named := scheme.ValueOf("body", "")
	list := whole.Within(x.Body())
	if list.Kind != pointer.Array {
		return []Event{b.unreadable(x, event.Event{}, x.Body(), "it is not a CloudEvent: the body is no JSON array")}
	}
	x.Member = true
	var events []Event
	short, faults, first := false, 0, ""
	pointer.Elements(list, func(v pointer.Value) {
		if short = short || faults > maxFaulty || !takeEvent(x, v.Raw); short {
			return
		}
		e, flaws, err := event.ReadStructured(v.Raw)
		if err == nil {
			err = event.Refuse(e, flaws)
		}
		if err == nil {
			events = append(events, b.complete(x, e, flaws, &named))
			return
		}
		if faults++; faults == 1 {
			first = fmt.Sprintf("event %d of the batch: %s", len(events), notCloudEvent(err))
		}
		events = append(events, b.unreadable(x, legible(err), v.Raw, notCloudEvent(err)))
	})
	if x.Member = false; faults > maxFaulty {
		return []Event{b.unreadable(x, event.Event{}, x.Body(), first)}
	}
	tellApart(events)
	return events
}

// maxFaulty is how many members of a batch may be at fault, each for itself; a batch with more
// of them is one delivery that cannot be read.
const maxFaulty = 100

// takeEvent asks for the memory that reading a structured event takes.
func takeEvent(x *scheme.Exchange, doc []byte) bool {
	return x.Take(memberCost + membersOf(doc)*attributeCost)
}

// complete adds what every event has.
func (b *Builder) complete(x *scheme.Exchange, e event.Event, flaws []event.Flaw, named *scheme.Template) Event {
	addMissing(&e, "recordedtime", x.Request.Texts.Time(x.Request.Received.UTC()))
	addMissing(&e, "partitionkey", e.Subject)
	traced := e.Extension("traceparent") != ""
	for _, trace := range traces {
		addMissing(&e, trace.name, x.Header(trace.header))
	}
	whole := Event{Event: e, Flaws: flaws, Traced: traced}
	b.identify(x, &whole, named)
	return whole
}

// unreadable is the event of a delivery that is no CloudEvent: what can be told of it, the data
// as it came, the headers, and why. Its content type is that of the data, because with the one
// that it came with it would be read as an event once more.
func (b *Builder) unreadable(x *scheme.Exchange, e event.Event, data []byte, fault string) Event {
	e.Data, e.DataContentType = data, contentType(x)
	if strings.HasPrefix(scheme.MediaOf(e.DataContentType), "application/cloudevents") {
		e.DataContentType = event.GuessContentType(data)
	}
	if e.Source == "" {
		e.Source = b.source
	}
	if e.Type == "" {
		e.Type = b.prefix + ".invalid"
	}
	if e.Time.IsZero() {
		e.Time = x.Request.Received.UTC()
	}
	keepHeaders(&e, b.headersOf(x))
	var named *scheme.Template
	if e.ID != "" {
		inHeader := scheme.ValueOf("header", "Ce-Id")
		named = &inHeader
	}
	whole := b.complete(x, e, nil, named)
	if came := attributesOf(x.Request.Header); !whole.Named && len(came) > 0 { // equal data is not an equal event
		whole.ID = hashOf([]byte(whole.ID), came)
	}
	whole.Invalid = fault
	return whole
}

func addMissing(e *event.Event, name, value string) {
	if value != "" && writable(value, maxSubject) && e.Extension(name) == "" {
		e.SetExtension(name, value)
	}
}

// AcceptsCloudEvent reports whether a Content-Type is one that a CloudEvents receiver can
// read: any type in binary mode, of the structured and batched ones only JSON.
func AcceptsCloudEvent(contentType string) bool {
	media := scheme.MediaOf(contentType)
	if !strings.HasPrefix(media, "application/cloudevents") {
		return true
	}
	return media == event.StructuredType || media == event.BatchType
}
