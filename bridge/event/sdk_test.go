package event_test

import (
	"encoding/json"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	sdktest "github.com/cloudevents/sdk-go/v2/test"
	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
)

// sdkEvents are the SDK's own samples, and ours without white space in their JSON data, which
// the SDK takes out.
func sdkEvents(t *testing.T) map[string]cloudevents.Event {
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
		e := order()
		e.Data = []byte(`{"n":1.50}`)
		change(e)
		s, err := event.ToSDK(e)
		if err != nil {
			t.Fatal(err)
		}
		s.DataBase64 = name == "bytes"
		all[name] = s
	}
	return all
}

func fromSDK(t *testing.T, s cloudevents.Event) event.Event {
	t.Helper()
	e, err := event.FromSDK(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSDKRoundTrip(t *testing.T) {
	t.Parallel()
	for name, s := range sdkEvents(t) {
		e := fromSDK(t, s)
		back, err := event.ToSDK(&e)
		if err != nil {
			t.Fatal(err)
		}
		sdktest.AssertEventEquals(t, sdktest.ConvertEventExtensionsToString(t, s), sdktest.ConvertEventExtensionsToString(t, back))
		if diff := cmp.Diff(e, fromSDK(t, back)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestJSONAgreesWithTheSDK(t *testing.T) {
	t.Parallel()
	for name, s := range sdkEvents(t) {
		doc, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.UnmarshalStructured(doc)
		if err != nil {
			t.Fatal(err)
		}
		var read cloudevents.Event
		if err := json.Unmarshal(doc, &read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fromSDK(t, read), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestToSDKRefuses(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*event.Event){
		func(e *event.Event) { e.Source = "http://[" },
		func(e *event.Event) { e.DataSchema = "http://[" },
		func(e *event.Event) { e.SetExtension("bad-name", "x") },
	} {
		e := order()
		change(e)
		if _, err := event.ToSDK(e); err == nil {
			t.Errorf("%+v became an SDK event", e)
		}
	}
	if _, err := event.FromSDK(cloudevents.New()); err == nil {
		t.Error("an SDK event without id, source and type was accepted")
	}
}
