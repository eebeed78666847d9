package eventtest

import (
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	sdktest "github.com/cloudevents/sdk-go/v2/test"

	"github.com/hookspan/hookspan/bridge/event"
)

// Order is an event that has every attribute.
func Order() *event.Event {
	return &event.Event{
		ID: "ev-1", Source: "/sources/shop", Type: "com.example.order.paid",
		Subject:         "order \"7\" 100% ü",
		Time:            time.Date(2026, 3, 4, 5, 6, 7, 890_000_000, time.UTC),
		DataContentType: "application/json",
		DataSchema:      "https://example.com/order.json",
		Extensions: []event.Extension{
			{Name: "paid", Value: "true", Kind: event.Boolean},
			{Name: "partitionkey", Value: "7"},
			{Name: "sampledrate", Value: "12", Kind: event.Integer},
		},
		Data: []byte(`{"n": 1.50, "t":"ü"}`),
	}
}

// Smallest has those that it must have, and no data.
func Smallest() *event.Event {
	return &event.Event{ID: "1", Source: "s", Type: "t"}
}

// Untyped is what binary mode keeps of an event: its extensions are strings there.
func Untyped(e *event.Event) event.Event {
	out := *e
	out.Extensions = nil
	for _, x := range e.Extensions {
		out.Extensions = append(out.Extensions, event.Extension{Name: x.Name, Value: x.Value})
	}
	return out
}

// SDK are the SDK's own samples, and ours without white space in their JSON data, which
// the SDK takes out.
func SDK(t testing.TB) map[string]cloudevents.Event {
	t.Helper()
	all := map[string]cloudevents.Event{"full": sdktest.FullEvent(), "min": sdktest.MinEvent()}
	for name, change := range map[string]func(*event.Event){
		"plain":   func(e *event.Event) { e.Subject = "7" },
		"escapes": func(*event.Event) {},
		"JSON array": func(e *event.Event) {
			e.Subject, e.DataContentType, e.Data = "", "application/json; charset=utf-8", []byte(`[1,"ü",null]`)
		},
		"text": func(e *event.Event) {
			e.Subject, e.DataContentType, e.Data = "", "text/plain; charset=utf-8", []byte("grün\r\n")
		},
		"bytes": func(e *event.Event) {
			e.Subject, e.DataContentType, e.Data = "", "application/octet-stream", []byte("\x00\xff")
		},
		"no data": func(e *event.Event) { e.Subject, e.Data = "", nil },
		"offset":  func(e *event.Event) { e.Subject, e.Time = "", e.Time.In(time.FixedZone("", 5400)) },
	} {
		e := Order()
		e.Data = []byte(`{"n":1.50}`)
		change(e)
		s, err := ToSDK(e)
		if err != nil {
			t.Fatal(err)
		}
		s.DataBase64 = name == "bytes"
		all[name] = s
	}
	return all
}

// FromSDK is an event of the SDK as Hookspan has it.
func FromSDK(t testing.TB, s cloudevents.Event) event.Event {
	t.Helper()
	e, err := ReadSDK(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
