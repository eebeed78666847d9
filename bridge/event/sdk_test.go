package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	sdktest "github.com/cloudevents/sdk-go/v2/test"
	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
)

// sdkEvents are the SDK's own samples, and one of ours without escapes, which the SDK does
// not know, and without white space in its data, which the SDK takes out.
func sdkEvents(t *testing.T) map[string]cloudevents.Event {
	t.Helper()
	e := order()
	e.Subject, e.Data = "7", []byte(`{"n":1.50}`)
	ours, err := event.ToSDK(e)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]cloudevents.Event{"full": sdktest.FullEvent(), "min": sdktest.MinEvent(), "ours": ours}
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

func TestSDKReadsOurHTTP(t *testing.T) {
	t.Parallel()
	for name, s := range sdkEvents(t) {
		e := fromSDK(t, s)
		h := http.Header{}
		for _, f := range e.Headers(event.HTTP) {
			h.Set(f.Name, f.Value)
		}
		requireSDK(t, name+" binary", h, e.Data, untyped(&e))
		doc := event.AppendStructured(nil, &e)
		requireSDK(t, name+" structured", http.Header{"Content-Type": {event.StructuredType}}, doc, e)
	}
}

func requireSDK(t *testing.T, name string, h http.Header, body []byte, want event.Event) {
	t.Helper()
	m := cehttp.NewMessage(h, http.NoBody)
	if len(body) > 0 {
		m.BodyReader = readCloser{bytes.NewReader(body)}
	}
	s, err := binding.ToEvent(context.Background(), m)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	got := fromSDK(t, *s)
	if len(got.Data) == 0 {
		got.Data = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func TestWeReadTheSDKsHTTP(t *testing.T) {
	t.Parallel()
	for name, s := range sdkEvents(t) {
		want := fromSDK(t, s)
		for mode, ctx := range map[string]context.Context{
			"binary":     binding.WithForceBinary(context.Background()),
			"structured": binding.WithForceStructured(context.Background()),
		} {
			r, _ := http.NewRequest(http.MethodPost, "http://127.0.0.1", nil)
			if err := cehttp.WriteRequest(ctx, binding.ToMessage(&s), r); err != nil {
				t.Fatal(err)
			}
			var body bytes.Buffer
			if r.Body != nil {
				if _, err := body.ReadFrom(r.Body); err != nil {
					t.Fatal(err)
				}
			}
			got, err := event.Read(event.HTTP, event.HeaderMap(r.Header), body.Bytes())
			if err != nil {
				t.Fatalf("%s %s: %v", name, mode, err)
			}
			w := want
			if mode == "binary" {
				w = untyped(&want)
			}
			if diff := cmp.Diff(w, got); diff != "" {
				t.Errorf("%s %s: %s", name, mode, diff)
			}
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

func FuzzJSONAgreesWithTheSDK(f *testing.F) {
	f.Add("1", "/s", "t", "sub", "text/plain", "k", "v", int64(0), []byte("x"))
	f.Add("1", "/s", "t", "\u2028", "application/json", "k", "\x00", int64(17e17), []byte(`{"a": "b"}`))
	f.Fuzz(func(t *testing.T, id, source, typ, subject, ct, name, value string, ns int64, data []byte) {
		e := event.Event{ID: id, Source: source, Type: typ, Subject: subject, DataContentType: ct, Data: data}
		if ns != 0 {
			e.Time = time.Unix(0, ns).UTC()
		}
		e.SetExtension(name, value)
		s, err := event.ToSDK(&e)
		if err != nil || s.Validate() != nil || len(data) == 0 {
			t.Skip()
		}
		if s.Source() != source {
			t.Skip() // the SDK respells it
		}
		var read cloudevents.Event
		doc := event.AppendStructured(nil, &e)
		if err := json.Unmarshal(doc, &read); err != nil {
			t.Fatalf("the SDK cannot read %s: %v", doc, err)
		}
		ours, err := event.UnmarshalStructured(doc)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if diff := cmp.Diff(fromSDK(t, read), ours); diff != "" {
			t.Fatalf("%s: %s", doc, diff)
		}
	})
}
