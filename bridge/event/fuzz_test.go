package event_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
)

func FuzzHTTPBinary(f *testing.F)  { fuzzBinary(f, "HTTP") }
func FuzzNATSBinary(f *testing.F)  { fuzzBinary(f, "NATS") }
func FuzzKafkaBinary(f *testing.F) { fuzzBinary(f, "Kafka") }

// fuzzBinary reads arbitrary headers, one a line. What is read must be the same after it was
// written and read again, and for the SDK too.
func fuzzBinary(f *testing.F, on string) {
	w := wires[on]
	for _, e := range []*event.Event{order(), smallest()} {
		f.Add(lines(e.Headers(w.binding)), e.Data)
	}
	f.Add("ce-specversion=1.0\nce_specversion=1.0\nce-id=%\nce_id=\xff\nce-id=2\nCE-Time=2026-01-02T03:04:05+24:00", []byte{})
	f.Add("Content-Type=application/cloudevents+json\nce-specversion=1.0", []byte(`{"specversion":"1.0","id":"1","source":"s","type":"t"}`))
	f.Fuzz(func(t *testing.T, headers string, data []byte) {
		e, _, err := event.Read(w.binding, event.Fields(fields(headers)), data)
		if err != nil {
			if !errors.Is(err, event.ErrNotCloudEvent) {
				t.Fatal(err)
			}
			return
		}
		if saysStructured(e.DataContentType) {
			return // such a type is not written as it is
		}
		want, written := untyped(&e), e.Headers(w.binding)
		again, err := event.FromBinary(w.binding, event.Fields(written), e.Data)
		if diff := cmp.Diff(want, again); err != nil || diff != "" {
			t.Fatalf("read again: %v %s", err, diff)
		}
		if diff := cmp.Diff(written, again.Headers(w.binding)); diff != "" {
			t.Fatalf("written again: %s", diff)
		}
		onTheWire(t, w, &e, written)
	})
}

func saysStructured(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(contentType)), "application/cloudevents")
}

// onTheWire has the SDK read what was written. It refuses some of what the specification
// allows, and does not decode escapes, so only identity is compared and only where it has none.
func onTheWire(t *testing.T, w wire, e *event.Event, written []event.Field) {
	if s, err := event.ToSDK(e); err != nil || s.Validate() != nil || s.Source() != e.Source || strings.HasPrefix(strings.ToLower(e.DataContentType), "application/cloudevents") {
		return
	}
	for _, f := range written {
		if w.binding != event.Kafka && strings.ContainsAny(f.Value, "%\"") || strings.TrimSpace(f.Value) != f.Value {
			return
		}
	}
	s, err := binding.ToEvent(t.Context(), w.given(t, written, e.Data))
	if err != nil {
		t.Fatalf("the SDK cannot read %q: %v", written, err)
	}
	if s.ID() != e.ID || s.Source() != e.Source || s.Type() != e.Type || s.Subject() != e.Subject {
		t.Fatalf("the SDK reads %+v of %+v", s, e)
	}
}

func lines(fields []event.Field) string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Name+"="+f.Value)
	}
	return strings.Join(all, "\n")
}

func fields(lines string) (all []event.Field) {
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, _ := strings.Cut(line, "=")
		all = append(all, event.Field{Name: name, Value: value})
	}
	return all
}

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
		if in.Validate() != nil || saysStructured(ct) || strings.ContainsFunc(ct, func(r rune) bool { return r >= 0x7f }) {
			return
		}
		for on, w := range wires {
			got, err := event.FromBinary(w.binding, event.Fields(in.Headers(w.binding)), data)
			if err != nil {
				t.Fatalf("%s: %v", on, err)
			}
			if diff := cmp.Diff(in, got); diff != "" {
				t.Fatalf("%s: %s", on, diff)
			}
		}
	})
}

func FuzzStructured(f *testing.F) {
	f.Add(event.AppendStructured(nil, order()))
	f.Add(event.AppendStructured(nil, smallest()))
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
		s, err := event.ToSDK(&e)
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
		if diff := cmp.Diff(fromSDK(t, read), ours); diff != "" {
			t.Fatalf("%s: %s", doc, diff)
		}
	})
}
