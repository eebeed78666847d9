package event_test

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
)

var bindings = map[string]event.Binding{"HTTP": event.HTTP, "NATS": event.NATS, "Kafka": event.Kafka}

func TestHeaders(t *testing.T) {
	t.Parallel()
	escaped := []event.Field{
		{Name: "ce-specversion", Value: "1.0"},
		{Name: "ce-id", Value: "ev-1"},
		{Name: "ce-source", Value: "/sources/shop"},
		{Name: "ce-type", Value: "com.example.order.paid"},
		{Name: "ce-subject", Value: "order%20%227%22%20100%25%20%C3%BC"},
		{Name: "ce-time", Value: "2026-03-04T05:06:07.89Z"},
		{Name: "ce-dataschema", Value: "https://example.com/order.json"},
		{Name: "ce-paid", Value: "true"},
		{Name: "ce-partitionkey", Value: "7"},
		{Name: "ce-sampledrate", Value: "12"},
	}
	raw, canonical := make([]event.Field, len(escaped)), make([]event.Field, len(escaped))
	for i, f := range escaped {
		raw[i] = event.Field{Name: strings.Replace(f.Name, "-", "_", 1), Value: f.Value}
		canonical[i] = event.Field{Name: http.CanonicalHeaderKey(f.Name), Value: f.Value}
	}
	raw[4].Value = "order \"7\" 100% ü"
	for name, want := range map[string][]event.Field{
		"HTTP": append(canonical, event.Field{Name: "Content-Type", Value: "application/json"}),
		"NATS": append(escaped,
			event.Field{Name: "ce-datacontenttype", Value: "application/json"},
			event.Field{Name: "content-type", Value: "application/json"}),
		"Kafka": append(raw, event.Field{Name: "content-type", Value: "application/json"}),
	} {
		if diff := cmp.Diff(want, eventtest.Order().Headers(bindings[name])); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestLinesEqualHeaders(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	for _, f := range eventtest.Order().Headers(event.NATS) {
		want.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	if diff := cmp.Diff(want.String(), string(eventtest.Order().AppendLines(nil))); diff != "" {
		t.Error(diff)
	}
}

// The SDK for Go takes the type from either header and decodes neither.
func TestTheDatasTypeNeedsNoDecodingOnNATS(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"application/json; charset=utf-8":     "application/json;charset=utf-8",
		"text/csv;  header=present ; x=1":     "text/csv;header=present%20;x=1",
		`multipart/mixed; boundary="a; b"`:    "multipart/mixed;%20boundary=%22a;%20b%22",
		"application/vnd.acme+json;version=2": "application/vnd.acme+json;version=2",
	} {
		e := eventtest.Smallest()
		e.DataContentType = given
		written := e.Headers(event.NATS)
		if diff := cmp.Diff([]event.Field{{Name: "ce-datacontenttype", Value: want}, {Name: "content-type", Value: given}}, written[len(written)-2:]); diff != "" {
			t.Errorf("%s: %s", given, diff)
		}
		if got, _, err := event.Read(event.NATS, event.Fields(written), nil); err != nil || got.DataContentType != given {
			t.Errorf("%s is read as %s, %v", given, got.DataContentType, err)
		}
	}
}

func TestNoAttributeSmugglesAHeader(t *testing.T) {
	t.Parallel()
	e := eventtest.Order()
	e.Subject, e.DataContentType = "a\r\nX-Bad: 1", "text/plain\r\nX-Bad: 1"
	e.Extensions = []event.Extension{{Name: "a: 1\r\nx-bad", Value: "1"}, {Name: "ok", Value: "\r\nx-bad: 1"}}
	lines := append(e.AppendLines(nil), "\r\n"...)
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(lines))).ReadMIMEHeader()
	if err != nil || h.Get("X-Bad") != "" {
		t.Errorf("NATS: %v %v", h, err)
	}
	for _, f := range e.Headers(event.HTTP) {
		if strings.ContainsAny(f.Name+f.Value, "\r\n") {
			t.Errorf("HTTP: %q", f)
		}
	}
}

func TestReadBinaryVariants(t *testing.T) {
	t.Parallel()
	plain := []event.Field{
		{Name: "ce-specversion", Value: "1.0"}, {Name: "ce-id", Value: "1"},
		{Name: "ce-source", Value: "s"}, {Name: "ce-type", Value: "t"},
	}
	with := func(more ...event.Field) []event.Field { return append(plain[:len(plain):len(plain)], more...) }
	for _, c := range []struct {
		name    string
		binding event.Binding
		fields  []event.Field
		change  func(*event.Event)
	}{
		{"smallest", event.NATS, plain, func(*event.Event) {}},
		{"lower-case hex", event.HTTP, with(event.Field{Name: "ce-subject", Value: "%c3%bc"}), func(e *event.Event) { e.Subject = "ü" }},
		{"not encoded", event.HTTP, with(event.Field{Name: "ce-subject", Value: "ü 100%"}), func(e *event.Event) { e.Subject = "ü 100%" }},
		{"one round only", event.NATS, with(event.Field{Name: "ce-subject", Value: "%2541"}), func(e *event.Event) { e.Subject = "%41" }},
		{"a percent sign that begins no escape", event.NATS, with(event.Field{Name: "ce-subject", Value: "%ZZ%4"}), func(e *event.Event) { e.Subject = "%ZZ%4" }},
		{"quoted over HTTP", event.HTTP, with(event.Field{Name: "ce-subject", Value: `"a \"b\""`}), func(e *event.Event) { e.Subject = `a "b"` }},
		{"plain text with an escape in it", event.NATS, with(event.Field{Name: "ce-subject", Value: "10%25 off"}), func(e *event.Event) { e.Subject = "10%25 off" }},
		{"a URI that was encoded", event.NATS, with(event.Field{Name: "ce-dataschema", Value: "urn:a%2520b"}), func(e *event.Event) { e.DataSchema = "urn:a%20b" }},
		{"one that was not", event.NATS, with(event.Field{Name: "ce-dataschema", Value: "urn:a%20b"}), func(e *event.Event) { e.DataSchema = "urn:a%20b" }},
		{"one over HTTP that was not", event.HTTP, with(event.Field{Name: "ce-dataschema", Value: `"urn:a%20b"`}), func(e *event.Event) { e.DataSchema = "urn:a%20b" }},
		{"quotes on NATS", event.NATS, with(event.Field{Name: "ce-subject", Value: `"a"`}), func(e *event.Event) { e.Subject = `"a"` }},
		{"canonical names", event.HTTP, with(event.Field{Name: "Ce-Myext", Value: "v"}), func(e *event.Event) { e.SetExtension("myext", "v") }},
		{"type only in content-type", event.NATS, with(event.Field{Name: "Content-Type", Value: "text/csv"}), func(e *event.Event) { e.DataContentType = "text/csv" }},
		{"type in ce-datacontenttype first", event.NATS, with(event.Field{Name: "content-type", Value: "a/b"}, event.Field{Name: "ce-datacontenttype", Value: "text/csv"}), func(e *event.Event) { e.DataContentType = "text/csv" }},
		{"no attribute", event.HTTP, with(event.Field{Name: "ce-", Value: "v"}), func(*event.Event) {}},
		{"given twice", event.NATS, with(event.Field{Name: "ce-id", Value: "2"}, event.Field{Name: "ce-x", Value: "1"}, event.Field{Name: "ce-x", Value: "2"}), func(e *event.Event) { e.SetExtension("x", "1") }},
		{"offset kept", event.NATS, with(event.Field{Name: "ce-time", Value: "2026-01-02T03:04:05+02:00"}), func(e *event.Event) {
			e.Time = time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 7200))
		}},
	} {
		want := event.Event{ID: "1", Source: "s", Type: "t"}
		c.change(&want)
		got, err := event.FromBinary(c.binding, event.Fields(c.fields), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestReadModes(t *testing.T) {
	t.Parallel()
	const doc = `{"specversion":"1.0","id":"1","source":"s","type":"t"}`
	header := func(pairs ...string) (list []event.Field) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, event.Field{Name: pairs[i], Value: pairs[i+1]})
		}
		return list
	}
	complete := []string{"ce_specversion", "1.0", "ce_id", "1", "ce_source", "s", "ce_type", "t"}
	for _, c := range []struct {
		name    string
		binding event.Binding
		fields  []event.Field
		data    string
		ok      bool
	}{
		{"structured", event.Kafka, header("content-type", "application/cloudevents+json"), doc, true},
		{"structured, charset and case", event.HTTP, header("Content-Type", "Application/CloudEvents+JSON; charset=UTF-8"), doc, true},
		{"bare JSON on NATS", event.NATS, nil, doc, true},
		{"bare JSON over HTTP", event.HTTP, nil, doc, false},
		{"JSON of another type", event.NATS, header("content-type", "application/json"), doc, false},
		{"batch", event.NATS, header("content-type", event.BatchType), "[" + doc + "]", false},
		{"another format", event.Kafka, header("content-type", "application/cloudevents+avro"), doc, false},
		{"binary without id", event.Kafka, header("ce_specversion", "1.0", "ce_source", "s", "ce_type", "t"), "", false},
		{"binary of another version", event.NATS, header("ce-specversion", "0.3", "ce-id", "1", "ce-source", "s", "ce-type", "t"), "", false},
		{"binary with a bad time", event.Kafka, header(append(complete, "ce_time", "yesterday")...), "", true},
		{"structured, led by a byte order mark", event.HTTP, header("content-type", "application/cloudevents+json"), "\ufeff" + doc, true},
		{"bare JSON, led by a byte order mark", event.NATS, nil, "\ufeff" + doc, true},
		{"nothing", event.NATS, nil, "", false},
	} {
		e, _, err := event.Read(c.binding, event.Fields(c.fields), []byte(c.data))
		if c.ok && (err != nil || e.ID != "1") {
			t.Errorf("%s: %+v, %v", c.name, e, err)
		}
		if !c.ok && !errors.Is(err, event.ErrNotCloudEvent) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

// A structured event may have its attributes as headers too, and the data of a binary one may
// be an event.
func TestReadTellsHeadersOfTheEventFromHeadersAboutIt(t *testing.T) {
	t.Parallel()
	inner := event.AppendStructured(nil, eventtest.Order())
	for name, b := range bindings {
		read := func(e *event.Event, data []byte) event.Event {
			t.Helper()
			fields := append([]event.Field{{Name: "Content-Type", Value: event.StructuredType + "; charset=UTF-8"}}, e.Headers(b)...)
			got, _, err := event.Read(b, event.Fields(fields), data)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return got
		}
		copies := eventtest.Order()
		copies.DataContentType, copies.Data, copies.Subject = "", nil, ""
		if diff := cmp.Diff(*eventtest.Order(), read(copies, inner)); diff != "" {
			t.Errorf("%s, headers of the event: %s", name, diff)
		}
		for what, data := range map[string][]byte{"an event": inner, "no event": []byte("{}")} {
			about := eventtest.Smallest()
			about.DataContentType, about.Data = event.StructuredType, data
			got := read(about, data)
			if got.DataContentType = event.StructuredType; !cmp.Equal(*about, got) {
				t.Errorf("%s, headers about %s: %s", name, what, cmp.Diff(*about, got))
			}
		}
	}
}

// Whoever is given such a type takes the data for the whole event, and the attributes beside it
// for nothing.
func TestNoTypeSaysStructuredInBinaryMode(t *testing.T) {
	t.Parallel()
	for typ, data := range map[string]string{
		event.StructuredType: `{"specversion":"1.0"}`, "Application/CloudEvents+JSON; charset=utf-8": `{"a":`,
		event.BatchType: `[]`, "application/cloudevents+avro": "\xff", "application/cloudevents": "",
	} {
		e := eventtest.Smallest()
		e.DataContentType, e.Data = typ, []byte(data)
		for on, b := range bindings {
			written := e.Headers(b)
			for _, f := range written {
				if strings.EqualFold(f.Name, "content-type") && strings.HasPrefix(strings.ToLower(f.Value), "application/cloudevents") {
					t.Errorf("%s: %s is written as %s", on, typ, f.Value)
				}
			}
			got, _, err := event.Read(b, event.Fields(written), e.Data)
			if err != nil || got.ID != "1" || got.Type != "t" || string(got.Data) != data {
				t.Errorf("%s: %s is read as %+v, %v", on, typ, got, err)
			}
		}
		if lines := string(e.AppendLines(nil)); strings.Contains(strings.ToLower(lines), "\ncontent-type: application/cloudevents") {
			t.Errorf("%s is written as %s", typ, lines)
		}
		for _, c := range []event.Content{event.BinaryContent, event.DataContent} {
			h := http.Header{}
			event.Body(c, []*event.Event{e}, h)
			if got := h.Get("Content-Type"); (got == "") != (data == "") || strings.HasPrefix(strings.ToLower(got), "application/cloudevents") {
				t.Errorf("%s: %s is sent as %q", c, typ, got)
			}
		}
	}
}

func BenchmarkAppendLines(b *testing.B) {
	e, buf := eventtest.Order(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendLines(buf[:0])
	}
}

func BenchmarkAppendHeaders(b *testing.B) {
	e, fields := eventtest.Order(), make([]event.Field, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		fields = e.AppendHeaders(fields[:0], event.Kafka)
	}
}

func BenchmarkRead(b *testing.B) {
	h := map[string][]string{}
	for _, f := range eventtest.Order().Headers(event.NATS) {
		h[f.Name] = []string{f.Value}
	}
	data := eventtest.Order().Data
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := event.Read(event.NATS, event.HeaderMap(h), data); err != nil {
			b.Fatal(err)
		}
	}
}
