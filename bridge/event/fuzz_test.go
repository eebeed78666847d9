package event_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
)

// Those of the other wires have the SDK at their end in sdktest.
func FuzzHTTPBinary(f *testing.F)  { eventtest.FuzzBinary(f, event.HTTP, eventtest.HTTP().Knows) }
func FuzzNATSBinary(f *testing.F)  { eventtest.FuzzBinary(f, event.NATS, nil) }
func FuzzKafkaBinary(f *testing.F) { eventtest.FuzzBinary(f, event.Kafka, nil) }

// FuzzBinary begins with the event: what is written is read as it was, on every wire.
func FuzzBinary(f *testing.F) {
	f.Add("1", "/s", "t", "a b%41\"\x7f", "text/plain", "k", "v\r\n", int64(0), []byte("x"))
	f.Add("ü", "s", "t", "\"", "", "specversion", "\xff", int64(1_700_000_000_123_456_789), []byte(nil))
	f.Fuzz(func(t *testing.T, id, source, typ, subject, ct, name, value string, ns int64, data []byte) {
		in := event.Event{ID: id, Source: source, Type: typ, Subject: subject, DataContentType: ct, Data: data}
		if ns != 0 {
			in.Time = time.Unix(0, ns).UTC()
		}
		in.SetExtension(name, value)
		if len(data) == 0 {
			in.Data = nil // an empty body is absent
		}
		if in.Validate() != nil || eventtest.SaysStructured(ct) || strings.ContainsFunc(ct, func(r rune) bool { return r >= 0x7f }) {
			return
		}
		for _, on := range []event.Binding{event.HTTP, event.NATS, event.Kafka} {
			got, err := event.FromBinary(on, event.Fields(in.Headers(on)), data)
			if err != nil {
				t.Fatalf("%v: %v", on, err)
			}
			if diff := cmp.Diff(in, got); diff != "" {
				t.Fatalf("%v: %s", on, diff)
			}
		}
	})
}

// FuzzTake begins with any message on a topic: there always is an event of it, that is its own, in the
// quarantine, or wrapped.
func FuzzTake(f *testing.F) {
	const doc = `{"specversion":"1.0","id":"1","source":"s","type":"t"}`
	for _, data := range []string{doc, "[" + doc + "]", doc[:20], doc + doc, `{"specVersion":"1.0"}`, "\ufeff" + doc, `{"a":{"specversion":1},"specversion"`} {
		f.Add("content-type", "application/json", []byte(data))
		f.Add("ce_id", "1", []byte(data))
	}
	f.Fuzz(func(t *testing.T, name, value string, data []byte) {
		for _, on := range []event.Binding{event.NATS, event.Kafka} {
			got := event.Take(on, event.Fields([]event.Field{{Name: name, Value: value}}), event.Carrier{
				Topic: "orders", Stored: stored, Data: data, Names: func() (string, string) { return "", "1" },
			})
			if err := got.Event.Validate(); err != nil {
				t.Fatalf("%v: %v", on, err)
			}
			if got.Likeness != "" && (got.Fault != "" || got.Event.Type != "orders" || !event.Allowed(got.Likeness)) {
				t.Fatalf("%v: %+v", on, got)
			}
		}
	})
}

// What receivers with the SDK for Go cannot read is no reference here either.
func FuzzReferencesAgreeWithTheSDK(f *testing.F) {
	for _, v := range []string{"/s", "http://u:p@h%C3%B6st:80/a?b#c", "http://[::1]:80/", "urn:a:b", "a/b:c", "//[fe80::1%25en0]", "#a#b", "http://h:p/", "\u00fc:a"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if v != "" && event.IsReference(v) && types.ParseURIRef(v) == nil {
			t.Errorf("the SDK refuses the reference %q", v)
		}
		if event.IsURI(v) && (!event.IsReference(v) || !types.ParseURI(v).Validate()) {
			t.Errorf("the SDK refuses the URI %q", v)
		}
	})
}

func FuzzStructured(f *testing.F) {
	f.Add(event.AppendStructured(nil, eventtest.Order()))
	f.Add(event.AppendStructured(nil, eventtest.Smallest()))
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","data":null,"x":-0,"y":1e3}`))
	f.Add([]byte("\ufeff" + `{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2016-12-31t23:59:60z","x":"\ud800","a_b":1,"aB":"\ufffe"}`))
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"` + "\xc0\xa0" + `","data_base64":"/w=="}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, _, err := event.ReadStructured(doc)
		if err != nil {
			if !errors.Is(err, event.ErrNotCloudEvent) {
				t.Fatal(err)
			}
			return
		}
		out := event.AppendStructured(nil, &e)
		back, err := event.UnmarshalStructured(out)
		if diff := cmp.Diff(e, back); err != nil || diff != "" {
			t.Fatalf("read again: %s: %v %s", out, err, diff)
		}
		if diff := cmp.Diff(string(out), string(event.AppendStructured(nil, &back))); diff != "" {
			t.Fatalf("written again: %s", diff)
		}
	})
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
		s, err := eventtest.ToSDK(&e)
		if err != nil || s.Validate() != nil || e.Validate() != nil || len(data) == 0 {
			return
		}
		if s.Source() != source {
			return // the SDK respells it
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
		if diff := cmp.Diff(eventtest.FromSDK(t, read), ours); diff != "" {
			t.Fatalf("%s: %s", doc, diff)
		}
	})
}
