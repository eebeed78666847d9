package provider

import (
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
)

// cloudevents reads a delivery that is one CloudEvent, or several, over HTTP. Its attributes
// are kept as they came; what every event has is added where it is missing.
func (b *builder) cloudevents(x *exchange) ([]event.Event, string) {
	events, err := readCloudEvents(x)
	for i := range events {
		if err == nil {
			err = events[i].Validate()
		}
	}
	if err != nil {
		e, fault := b.build(x, "it is not a CloudEvent: "+err.Error())
		return []event.Event{e}, fault
	}
	recorded := x.req.Received.UTC().Format(time.RFC3339Nano)
	for i := range events {
		e := &events[i]
		addMissing(e, "recordedtime", recorded)
		addMissing(e, "partitionkey", e.Subject)
		for _, trace := range traces {
			addMissing(e, trace.name, x.header(trace.header))
		}
	}
	return events, ""
}

const batchType = "application/cloudevents-batch+json"

func readCloudEvents(x *exchange) ([]event.Event, error) {
	if mediaType(x.header("Content-Type")) == batchType {
		return event.UnmarshalBatch(x.body())
	}
	e, err := event.Read(event.HTTP, event.HeaderMap(x.req.Header), x.body())
	return []event.Event{e}, err
}

func addMissing(e *event.Event, name, value string) {
	if value != "" && writable(value, maxSubject) && e.Extension(name) == "" {
		e.SetExtension(name, value)
	}
}

// acceptsCloudEvent reports whether a Content-Type is one that a CloudEvents receiver can
// read: any type in binary mode, of the structured and batched ones only JSON.
func acceptsCloudEvent(contentType string) bool {
	media := mediaType(contentType)
	if !strings.HasPrefix(media, "application/cloudevents") {
		return true
	}
	return media == "application/cloudevents+json" || media == batchType
}
