// Package eventtest has what tests of wires need: events, our own and those of the CloudEvents
// SDK for Go, and the SDK at the other end of a wire.
package eventtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/binding"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
)

// A Wire is a transport with the SDK at its other end.
type Wire struct {
	Binding event.Binding
	Escapes bool // what the binding asks for and the SDK does not know
	Texts   bool // the SDK writes the value of every extension as a text
	// Given is our message as the SDK takes it off the wire.
	Given func(t *testing.T, fields []event.Field, data []byte) binding.Message
	// Taken is the SDK's message as it comes off the wire.
	Taken func(t *testing.T, ctx context.Context, s cloudevents.Event) (fields []event.Field, data []byte)
}

// HTTP is the wire of HTTP.
func HTTP() Wire { return Wire{event.HTTP, true, false, givenHTTP, takenHTTP} }

func givenHTTP(_ *testing.T, fields []event.Field, data []byte) binding.Message {
	h := http.Header{}
	for _, f := range fields {
		h.Set(f.Name, f.Value)
	}
	if data == nil {
		return cehttp.NewMessage(h, http.NoBody)
	}
	return cehttp.NewMessage(h, io.NopCloser(bytes.NewReader(data)))
}

func takenHTTP(t *testing.T, ctx context.Context, s cloudevents.Event) (fields []event.Field, data []byte) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cehttp.WriteRequest(ctx, binding.ToMessage(&s), r); err != nil {
		t.Fatal(err)
	}
	if r.Body != nil {
		if data, err = io.ReadAll(r.Body); err != nil {
			t.Fatal(err)
		}
	}
	return Listed(r.Header), data
}

// Listed are headers as fields.
func Listed(headers map[string][]string) (fields []event.Field) {
	for name, values := range headers {
		fields = append(fields, event.Field{Name: name, Value: values[0]})
	}
	return fields
}

// SDKReads shows that the SDK reads what we write.
func (w Wire) SDKReads(t *testing.T) {
	for name, s := range SDK(t) {
		e := FromSDK(t, s)
		want := Untyped(&e)
		if w.Escapes {
			want.Subject = map[string]string{"escapes": "order%20%227%22%20100%25%20%C3%BC"}[name]
			if want.Subject == "" {
				want.Subject = e.Subject
			}
		}
		compare(t, "binary "+name, w.Given(t, e.Headers(w.Binding), e.Data), want)
		compare(t, "structured "+name, w.Given(t, []event.Field{{Name: "content-type", Value: event.StructuredType}}, event.AppendStructured(nil, &e)), e)
	}
}

func compare(t *testing.T, name string, m binding.Message, want event.Event) {
	t.Helper()
	s, err := binding.ToEvent(t.Context(), m)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for _, added := range []string{"kafkaoffset", "kafkapartition", "kafkatopic"} {
		s.SetExtension(added, nil)
	}
	got := FromSDK(t, *s)
	if len(got.Data) == 0 {
		got.Data = nil
	}
	if spaceless := strings.ReplaceAll(want.DataContentType, "; ", ";"); got.DataContentType == spaceless {
		want.DataContentType = spaceless // from ce-datacontenttype or content-type, as its map has it
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// SDKWrites shows that we read what the SDK writes.
func (w Wire) SDKWrites(t *testing.T) {
	for name, s := range SDK(t) {
		e := FromSDK(t, s)
		for mode, c := range map[string]struct {
			ctx  context.Context
			want event.Event
		}{
			"binary":     {binding.WithForceBinary(t.Context()), Untyped(&e)},
			"structured": {binding.WithForceStructured(t.Context()), e},
		} {
			if w.Texts && mode == "binary" {
				for name, value := range s.Extensions() {
					c.want.SetExtension(name, fmt.Sprint(value))
				}
			}
			fields, data := w.Taken(t, c.ctx, s)
			got, _, err := event.Read(w.Binding, event.Fields(fields), data)
			if err != nil {
				t.Errorf("%s %s: %v", mode, name, err)
				continue
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s %s: %s", mode, name, diff)
			}
		}
	}
}

// Knows has the SDK read what was written. It refuses some of what the specification
// allows, and does not decode escapes, so only identity is compared and only where it has none.
func (w Wire) Knows(t *testing.T, e *event.Event, written []event.Field) {
	if s, err := ToSDK(e); err != nil || s.Validate() != nil || s.Source() != e.Source || strings.HasPrefix(strings.ToLower(e.DataContentType), "application/cloudevents") {
		return
	}
	for _, f := range written {
		if w.Binding != event.Kafka && strings.ContainsAny(f.Value, "%\"") || strings.TrimSpace(f.Value) != f.Value {
			return
		}
	}
	s, err := binding.ToEvent(t.Context(), w.Given(t, written, e.Data))
	if err != nil {
		t.Fatalf("the SDK cannot read %q: %v", written, err)
	}
	if s.ID() != e.ID || s.Source() != e.Source || s.Type() != e.Type || s.Subject() != e.Subject {
		t.Fatalf("the SDK reads %+v of %+v", s, e)
	}
}
