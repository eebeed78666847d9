package event_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
)

func TestBody(t *testing.T) {
	t.Parallel()
	bare, traced := eventtest.Smallest(), eventtest.Smallest()
	traced.SetExtension("traceparent", "00-1-2-01")
	traced.SetExtension("tracestate", "a=b\r\n")
	for _, c := range []struct {
		name    string
		content event.Content
		events  []*event.Event
		body    string
		headers map[string]string
	}{
		{"binary", event.BinaryContent, []*event.Event{eventtest.Order()}, string(eventtest.Order().Data), map[string]string{
			"Content-Type": "application/json", "ce-id": "ev-1", "ce-type": "com.example.order.paid", "ce-sampledrate": "12",
			"ce-subject": "order%20%227%22%20100%25%20%C3%BC",
		}},
		{"binary without data", event.BinaryContent, []*event.Event{bare}, "", map[string]string{"Content-Type": "", "ce-id": "1"}},
		{"structured", event.StructuredContent, []*event.Event{eventtest.Order()}, string(event.AppendStructured(nil, eventtest.Order())), map[string]string{
			"Content-Type": "application/cloudevents+json", "ce-id": "",
		}},
		{"batch", event.BatchContent, []*event.Event{eventtest.Order(), bare}, string(event.AppendBatch(nil, []*event.Event{eventtest.Order(), bare})), map[string]string{
			"Content-Type": "application/cloudevents-batch+json", "ce-id": "",
		}},
		{"data", event.DataContent, []*event.Event{eventtest.Order()}, string(eventtest.Order().Data), map[string]string{"Content-Type": "application/json", "ce-id": ""}},
		{"data with a trace", event.DataContent, []*event.Event{traced}, "", map[string]string{"Traceparent": "00-1-2-01", "Tracestate": "a=b"}},
		{"data of no type", event.DataContent, []*event.Event{{ID: "1", Source: "s", Type: "t", Data: []byte("[1]")}}, "[1]", map[string]string{"Content-Type": "application/json"}},
	} {
		h := http.Header{}
		if diff := cmp.Diff(c.body, string(event.Body(c.content, c.events, h))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		for name, want := range c.headers {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.name, name, got, want)
			}
		}
	}
}

func BenchmarkBody(b *testing.B) {
	for _, c := range event.Contents() {
		b.Run(string(c), func(b *testing.B) {
			events := []*event.Event{eventtest.Order()}
			b.ReportAllocs()
			for b.Loop() {
				event.Body(c, events, make(http.Header, 16))
			}
		})
	}
}
