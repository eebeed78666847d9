package event_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
)

func TestStructuredDocument(t *testing.T) {
	t.Parallel()
	const want = `{"specversion":"1.0","id":"ev-1","source":"/sources/shop","type":"com.example.order.paid",` +
		`"subject":"order \"7\" 100% ü","time":"2026-03-04T05:06:07.89Z","dataschema":"https://example.com/order.json",` +
		`"paid":true,"partitionkey":"7","sampledrate":12,"datacontenttype":"application/json","data":{"n": 1.50, "t":"ü"}}`
	got := event.AppendStructured(nil, eventtest.Order())
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	back, err := event.UnmarshalStructured(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*eventtest.Order(), back); diff != "" {
		t.Error(diff)
	}
}

func TestStructuredData(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, contentType, data, member string }{
		{"JSON", "application/json", `{"a": 1}`, `"data":{"a": 1}`},
		{"JSON suffix", "application/vnd.x+json; charset=utf-8", `[1]`, `"data":[1]`},
		{"JSON null", "application/json", `null`, `"data":null`},
		{"not the JSON it says", "application/json", `{"a":`, `"data_base64":"eyJhIjo="`},
		{"JSON that is no UTF-8", "application/json", "\"\xff\"", `"data_base64":"Iv8i"`},
		{"text", "text/plain", "a\n\"b\"\u2028\x00", `"data":"a\n\"b\"` + "\u2028" + `\u0000"`},
		{"text that is no UTF-8", "text/plain", "\xff", `"data_base64":"/w=="`},
		{"form", "application/x-www-form-urlencoded", "a=1", `"data":"a=1"`},
		{"JSON in text", "text/plain", `{"a":1}`, `"data":"{\"a\":1}"`},
		{"binary", "application/octet-stream", "abc", `"data_base64":"YWJj"`},
	} {
		e := eventtest.Smallest()
		e.DataContentType, e.Data = c.contentType, []byte(c.data)
		doc := event.AppendStructured(nil, e)
		var members map[string]json.RawMessage
		if err := json.Unmarshal(doc, &members); err != nil {
			t.Fatalf("%s: %v in %s", c.name, err, doc)
		}
		got := `"data":` + string(members["data"])
		if members["data"] == nil {
			got = `"data_base64":` + string(members["data_base64"])
		}
		if got != c.member {
			t.Errorf("%s: %s, want %s", c.name, got, c.member)
		}
		back, err := event.UnmarshalStructured(doc)
		if diff := cmp.Diff(*e, back); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
	}
	if doc := event.AppendStructured(nil, eventtest.Smallest()); json.Valid(doc) == false || len(doc) != 54 {
		t.Errorf("without data: %s", doc)
	}
}

// A JSON event says nothing of the data's type only where it is application/json.
func TestDataWithoutAType(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`1.0`: `"data":1.0`, `"a"`: `"data":"a"`, `null`: `"data":null`, "": "",
		"hello":    `"datacontenttype":"text/plain; charset=utf-8","data":"hello"`,
		"\xff\x00": `"datacontenttype":"application/octet-stream","data_base64":"/wA="`,
	} {
		e := eventtest.Smallest()
		e.Data = []byte(data)
		doc := event.AppendStructured(nil, e)
		if want != "" {
			want = "," + want
		}
		if got, _ := strings.CutPrefix(string(doc), `{"specversion":"1.0","id":"1","source":"s","type":"t"`); got != want+"}" {
			t.Errorf("%q is written as %s", data, doc)
		}
		back, err := event.UnmarshalStructured(doc)
		if err != nil || string(back.Data) != data || (back.DataContentType == "") != (data == "") {
			t.Errorf("%s is read as %q of type %q, %v", doc, back.Data, back.DataContentType, err)
		}
	}
}

func TestAnEmptyBodyIsAbsent(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"", "application/json", "text/plain", "application/octet-stream"} {
		e := eventtest.Smallest()
		e.DataContentType, e.Data = typ, []byte{}
		if doc := string(event.AppendStructured(nil, e)); strings.Contains(doc, `"data`+`"`) || strings.Contains(doc, "data_base64") {
			t.Errorf("%s: %s", typ, doc)
		}
	}
	for _, doc := range []string{`"data_base64":""`, `"datacontenttype":"text/plain","data":""`} {
		e, err := event.UnmarshalStructured([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t",` + doc + `}`))
		if err != nil || e.Data != nil {
			t.Errorf("%s: %q %v", doc, e.Data, err)
		}
	}
}

func TestUnmarshalStructured(t *testing.T) {
	t.Parallel()
	const core = `"specversion":"1.0","id":"1","source":"s","type":"t"`
	for _, c := range []struct {
		name, doc string
		change    func(*event.Event) // nil: refused
	}{
		{"null attributes are absent", `{` + core + `,"subject":null,"x":null,"time":null,"data_base64":null}`, func(*event.Event) {}},
		{"kinds", `{` + core + `,"b":false,"n":-7,"s":"true"}`, func(e *event.Event) {
			e.Extensions = []event.Extension{{Name: "b", Value: "false", Kind: event.Boolean}, {Name: "n", Value: "-7", Kind: event.Integer}, {Name: "s", Value: "true"}}
		}},
		{"numbers beyond Integer", `{` + core + `,"f":1.5,"g":2147483648}`, func(e *event.Event) {
			e.SetExtension("f", "1.5")
			e.SetExtension("g", "2147483648")
		}},
		{"upper case in a name", `{` + core + `,"traceParent":"x"}`, func(e *event.Event) { e.SetExtension("traceparent", "x") }},
		{"data as a string of text", `{` + core + `,"datacontenttype":"text/plain","data":"a\u00fc"}`, func(e *event.Event) {
			e.DataContentType, e.Data = "text/plain", []byte("aü")
		}},
		{"data as JSON of text", `{` + core + `,"datacontenttype":"text/plain","data":{"a": 1}}`, func(e *event.Event) {
			e.DataContentType, e.Data = "text/plain", []byte(`{"a": 1}`)
		}},
		{"data as a JSON string", `{` + core + `,"data":"a"}`, func(e *event.Event) { e.DataContentType, e.Data = "application/json", []byte(`"a"`) }},
		{"data of no type", `{` + core + `,"data_base64":"YQ=="}`, func(e *event.Event) { e.DataContentType, e.Data = "application/json", []byte(`a`) }},
		{"a byte order mark", "\ufeff{" + core + `,"data":null}`, func(e *event.Event) { e.DataContentType, e.Data = "application/json", []byte(`null`) }},
		{"no object", `[]`, nil},
		{"null", `null`, nil},
		{"cut off", `{"specversion":"1.0"`, nil},
		{"no version", `{"id":"1","source":"s","type":"t"}`, nil},
		{"old version", `{"specversion":"0.3","id":"1","source":"s","type":"t"}`, nil},
		{"number as id", `{"specversion":"1.0","id":1,"source":"s","type":"t"}`, nil},
		{"nested extension", `{` + core + `,"x":{}}`, nil},
		{"bad name", `{` + core + `,"a-b":"x"}`, nil},
		{"bad time", `{` + core + `,"time":"today"}`, nil},
		{"both forms of data", `{` + core + `,"data":1,"data_base64":"YQ=="}`, nil},
		{"bad base64", `{` + core + `,"data_base64":"*"}`, nil},
		{"base64 as a number", `{` + core + `,"data_base64":1}`, nil},
	} {
		got, err := event.UnmarshalStructured([]byte(c.doc))
		if c.change == nil {
			if !errors.Is(err, event.ErrNotCloudEvent) {
				t.Errorf("%s: %+v, %v", c.name, got, err)
			}
			continue
		}
		want := *eventtest.Smallest()
		c.change(&want)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	doc := event.AppendBatch(nil, []*event.Event{eventtest.Order(), eventtest.Smallest()})
	got, err := event.UnmarshalBatch(doc)
	if diff := cmp.Diff([]event.Event{*eventtest.Order(), *eventtest.Smallest()}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if got, err = event.UnmarshalBatch(append([]byte("\ufeff"), event.AppendBatch(nil, nil)...)); err != nil || len(got) != 0 {
		t.Errorf("an empty batch: %v %v", got, err)
	}
	for _, bad := range []string{`{}`, `[1]`, `[null]`, `[{"specversion":"1.0","id":"1"}]`, `[`} {
		if _, err := event.UnmarshalBatch([]byte(bad)); !errors.Is(err, event.ErrNotCloudEvent) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func BenchmarkAppendStructured(b *testing.B) {
	e, buf := eventtest.Order(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = event.AppendStructured(buf[:0], e)
	}
}

func BenchmarkUnmarshalStructured(b *testing.B) {
	doc := event.AppendStructured(nil, eventtest.Order())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.UnmarshalStructured(doc); err != nil {
			b.Fatal(err)
		}
	}
}
