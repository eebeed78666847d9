package event_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
)

// order has every attribute, values that need escaping, and extensions of each kind.
func TestValidate(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*event.Event){
		"no id":            func(e *event.Event) { e.ID = "" },
		"no source":        func(e *event.Event) { e.Source = "" },
		"no type":          func(e *event.Event) { e.Type = "" },
		"upper case":       func(e *event.Event) { e.SetExtension("Key", "v") },
		"line break":       func(e *event.Event) { e.SetExtension("a\r\nb", "v") },
		"data as a name":   func(e *event.Event) { e.SetExtension("data", "v") },
		"an own attribute": func(e *event.Event) { e.SetExtension("specversion", "v") },
		"a control":        func(e *event.Event) { e.Subject = "a\x00b" },
		"no UTF-8":         func(e *event.Event) { e.ID = "\xc0\xa0" },
		"source, no URI":   func(e *event.Event) { e.Source = "a b" },
		"schema, no URI":   func(e *event.Event) { e.DataSchema = ":" },
		"schema, relative": func(e *event.Event) { e.DataSchema = "/order.json" },
		"type, no media":   func(e *event.Event) { e.DataContentType = "json" },
		"a noncharacter":   func(e *event.Event) { e.Extensions[1].Value = "\ufffe" },
	} {
		e := eventtest.Order()
		change(e)
		if e.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := eventtest.Order().Validate(); err != nil {
		t.Errorf("a good event: %v", err)
	}
}

func TestSetExtension(t *testing.T) {
	t.Parallel()
	e := eventtest.Order()
	e.SetExtension("paid", "no")
	e.SetExtension("new", "x")
	if e.Extension("paid") != "no" || e.Extension("new") != "x" || e.Extension("absent") != "" || len(e.Extensions) != 4 {
		t.Errorf("extensions are %v", e.Extensions)
	}
}

func TestGuessContentType(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"": "", " [1]\n": "application/json", `{"a":`: "text/plain; charset=utf-8",
		"42": "application/json", `"a"`: "application/json", "null": "application/json", "\ufeff{}": "application/json",
		"hello": "text/plain; charset=utf-8", "\xff\x00": "application/octet-stream",
	} {
		if got := event.GuessContentType([]byte(data)); got != want {
			t.Errorf("%q is %q, want %q", data, got, want)
		}
	}
}

func ExampleRead() {
	headers := map[string][]string{
		"ce-specversion": {"1.0"}, "ce-id": {"42"}, "ce-source": {"/shop"},
		"ce-type": {"com.example.paid"}, "content-type": {"application/json"},
	}
	e, _, err := event.Read(event.NATS, event.HeaderMap(headers), []byte(`{"total":3}`))
	fmt.Println(e.Type, string(e.Data), err)

	_, _, err = event.Read(event.NATS, event.HeaderMap(map[string][]string{}), []byte("hello"))
	fmt.Println(errors.Is(err, event.ErrNotCloudEvent))
	// Output:
	// com.example.paid {"total":3} <nil>
	// true
}
