package infer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/bridge/infer"
	"github.com/hookspan/hookspan/schemas/schematest"
)

func shapeOf(t testing.TB, documents ...string) *infer.Shape {
	t.Helper()
	s := infer.New()
	for _, d := range documents {
		if err := s.Add([]byte(d)); err != nil {
			t.Fatalf("%s: %v", d, err)
		}
	}
	return s
}

// schemaOf is the schema without its dialect, as compact JSON.
func schemaOf(t testing.TB, documents ...string) string {
	t.Helper()
	schema := shapeOf(t, documents...).Schema("")
	if schema["$schema"] != infer.Dialect {
		t.Errorf("the schema is in %v", schema["$schema"])
	}
	delete(schema, "$schema")
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSchemaSaysWhatDocumentsHaveInCommon(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		documents []string
		want      string
	}{
		"nothing": {nil, `{}`},
		"members and what all have": {
			[]string{`{"id":1,"name":"a"}`, `{"id":2}`},
			`{"properties":{"id":{"type":"integer"},"name":{"type":"string"}},"required":["id"],"type":"object"}`,
		},
		"null beside text":           {[]string{`{"a":null}`, `{"a":"x"}`}, `{"properties":{"a":{"type":["null","string"]}},"required":["a"],"type":"object"}`},
		"an integer is a number":     {[]string{`1`, `1.5`, `2e3`}, `{"type":"number"}`},
		"a fraction of zero":         {[]string{`1.0`, `1e3`, `-2.50E+1`, `0.001e3`, `100e-2`, `-0.0e-999999999999999999999`, `1e999999999`}, `{"type":"integer"}`},
		"a large integer":            {[]string{`123456789012345678901234567890`}, `{"type":"integer"}`},
		"objects in arrays":          {[]string{`[{"a":1},{"a":2,"b":true}]`, `[]`}, `{"items":{"properties":{"a":{"type":"integer"},"b":{"type":"boolean"}},"required":["a"],"type":"object"},"type":"array"}`},
		"an empty array":             {[]string{`[]`}, `{"type":"array"}`},
		"an empty object":            {[]string{`{}`}, `{"type":"object"}`},
		"arrays in arrays":           {[]string{`[[1],["x"]]`}, `{"items":{"items":{"type":["integer","string"]},"type":"array"},"type":"array"}`},
		"a member twice counts once": {[]string{`{"a":1,"a":2}`, `{}`}, `{"properties":{"a":{"type":"integer"}},"type":"object"}`},
		"values are no closed set":   {[]string{`"open"`, `"open"`, `"open"`}, `{"type":"string"}`},
		"a byte order mark":          {[]string{"\ufeff{}"}, `{"type":"object"}`},
		"times":                      {[]string{`"2026-05-04T10:00:00Z"`, `"2026-05-04T10:00:00.5+02:00"`, `"2026-05-04T10:00:00Z"`}, `{"format":"date-time","type":"string"}`},
		"two are too few":            {[]string{`"2026-05-04T10:00:00Z"`, `"2026-05-04T10:00:00Z"`}, `{"type":"string"}`},
		"one that is none":           {[]string{`"2026-05-04T10:00:00Z"`, `"2026-05-04T10:00:00Z"`, `"yesterday"`, `"2026-05-04T10:00:00Z"`}, `{"type":"string"}`},
		"a time with a comma":        {[]string{`"2026-05-04T10:00:00,5Z"`, `"2026-05-04T10:00:00Z"`, `"2026-05-04T10:00:00Z"`}, `{"type":"string"}`},
		"addresses":                  {[]string{`"a@b.example"`, `"c+d@e.example"`, `"f@g.h.example"`}, `{"format":"email","type":"string"}`},
		"a name and an address":      {[]string{`"A <a@b.example>"`, `"c@e.example"`, `"f@g.example"`}, `{"type":"string"}`},
		"links":                      {[]string{`"https://a.example/x?y=1"`, `"http://b.example"`, `"ftp://c.example/"`}, `{"format":"uri","type":"string"}`},
		"ids with a colon":           {[]string{`"order:1"`, `"order:2"`, `"order:3"`}, `{"type":"string"}`},
		"uuids": {
			[]string{`"2f1c8a44-7e0d-4b9b-a1f3-0d7c5e6b9a21"`, `"2F1C8A44-7E0D-4B9B-A1F3-0D7C5E6B9A21"`, `"00000000-0000-0000-0000-000000000000"`},
			`{"format":"uuid","type":"string"}`,
		},
		"an empty text": {[]string{`"a@b.example"`, `"a@b.example"`, `"a@b.example"`, `""`}, `{"type":"string"}`},
	} {
		if got := schemaOf(t, c.documents...); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
	if err := infer.New().Add([]byte(`{"a":`)); !errors.Is(err, infer.ErrNotJSON) {
		t.Errorf("of what is no JSON: %v", err)
	}
}

func TestAShapeIsBounded(t *testing.T) {
	t.Parallel()
	var wide, long strings.Builder
	for n := range 3000 {
		fmt.Fprintf(&wide, `,"k%d":{"a":%d}`, n, n)
		fmt.Fprintf(&long, `,%q:1`, strings.Repeat("k", 600)+fmt.Sprint(n))
	}
	deep := strings.Repeat(`{"a":[`, 2000) + strings.Repeat(`]}`, 2000)
	many := infer.New()
	for n := range 100 { // other names in each
		if err := many.Add(fmt.Appendf(nil, `{"p%d":{%s}}`, n, wide.String()[1:])); err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range map[string]*infer.Shape{
		"wide": shapeOf(t, "{"+wide.String()[1:]+"}"), "long names": shapeOf(t, "{"+long.String()[1:]+"}"), "deep": shapeOf(t, deep), "many": many,
	} {
		text, err := json.Marshal(s.Schema(""))
		if err != nil || len(text) > 1<<20 || !s.LeftOut() {
			t.Errorf("%s: %d bytes, left out %v, %v", name, len(text), s.LeftOut(), err)
		}
	}
	if s := schemaOf(t, deep); strings.Count(s, `"items"`) > 24 {
		t.Errorf("deep: %s", s)
	}
	if s := shapeOf(t, `{"`+strings.Repeat("k", 600)+`":1}`); !s.LeftOut() {
		t.Error("a long name is kept")
	}
	if shapeOf(t, `{"a":[{"b":1}]}`).LeftOut() {
		t.Error("a small document has something left out")
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	const order = `{"type":"object","properties":{"id":{"type":"integer"},"total":{"type":"number"},"note":{"type":["string","null"]},` +
		`"lines":{"type":"array","items":{"$ref":"#/$defs/line"}},"labels":{"type":"object","additionalProperties":{"type":"string"},"properties":{"a":{"type":"string"}}},` +
		`"free":{"type":"object"},"either":{"oneOf":[{"type":"string"},{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}]}},` +
		`"required":["id","lines"],"$defs":{"line":{"allOf":[{"properties":{"sku":{"type":"string"}},"required":["sku"]},{"properties":{"count":{"type":"integer"}}}]}}}`
	for name, c := range map[string]struct {
		schema    string
		documents []string
		want      []string
	}{
		"the same": {order, []string{`{"id":1,"total":2,"note":null,"lines":[{"sku":"a","count":1}],"labels":{"z":"y"},"free":{"anything":1},"either":"x"}`}, nil},
		"none":     {order, nil, nil},
		"undeclared": {order, []string{`{"id":1,"lines":[],"discount":1.5}`, `{"id":1,"lines":[{"sku":"a","colour":"red"}]}`}, []string{
			"/discount undeclared [] [number] 1/2: arrives in 1 of 2, and the schema does not name it",
			"/lines/*/colour undeclared [] [string] 1/1: arrives in 1 of 1, and the schema does not name it",
		}},
		"missing": {order, []string{`{"id":1}`, `{"id":2,"lines":[{}]}`}, []string{
			"/lines missing [] [] 1/2: is missing in 1 of 2, and the schema requires it",
			"/lines/*/sku missing [] [] 1/1: is missing in 1 of 1, and the schema requires it",
		}},
		"types": {order, []string{`{"id":"1","total":1,"lines":[]}`, `{"id":1.5,"total":"2","lines":[]}`, `{"id":1,"note":7,"lines":[]}`}, []string{
			"/id type [integer] [number string] 2/3: is number or string in 2 of 3, and the schema says integer",
			"/note type [null string] [integer] 1/1: is integer in 1 of 1, and the schema says null or string",
			"/total type [number] [string] 1/2: is string in 1 of 2, and the schema says number",
		}},
		"an alternative": {order, []string{`{"id":1,"lines":[],"either":{"x":"y"}}`, `{"id":1,"lines":[],"either":7}`}, []string{
			"/either type [string object] [integer] 1/2: is integer in 1 of 2, and the schema says string or object",
			"/either/x type [integer] [string] 1/1: is string in 1 of 1, and the schema says integer",
		}},
		"one of two": {
			`{"anyOf":[{"properties":{"a":{},"b":{}},"required":["a","b"]},{"properties":{"a":{},"c":{}},"required":["a","c"]}]}`, []string{`{"a":1,"b":2}`, `{"c":1,"d":2}`}, []string{
				"/a missing [] [] 1/2: is missing in 1 of 2, and the schema requires it",
				"/d undeclared [] [integer] 1/2: arrives in 1 of 2, and the schema does not name it",
			},
		},
		"an integer is by its value": {
			`{"type":"integer"}`, []string{`1.0`, `1e3`, `1e999999999999999999999`, `1e-999999999999999999999`, `105e-2`, `0.001e2`},
			[]string{" type [integer] [number] 3/6: is number in 3 of 6, and the schema says integer"},
		},
		"others may be anything": {`{"properties":{"a":{}},"additionalProperties":true}`, []string{`{"b":1}`}, nil},
		"others may be like {}":  {`{"properties":{"a":{}},"additionalProperties":{}}`, []string{`{"b":1}`}, nil},
		"there may be no others": {`{"properties":{"a":{}},"additionalProperties":false}`, []string{`{"b":1}`}, []string{"/b undeclared [] [integer] 1/1: arrives in 1 of 1, and the schema does not name it"}},
		"there may be none":      {`{"additionalProperties":false}`, []string{`{"b":1}`}, []string{"/b undeclared [] [integer] 1/1: arrives in 1 of 1, and the schema does not name it"}},
		"where counting ends":    {`{"properties":{"a":{"$ref":"#"},"id":{}},"required":["id"]}`, []string{strings.Repeat(`{"id":1,"a":`, 40) + `{"id":1}` + strings.Repeat(`}`, 40)}, nil},
		"the whole":              {order, []string{`[]`}, []string{" type [object] [array] 1/1: is array in 1 of 1, and the schema says object"}},
		"names with slashes":     {`{"properties":{}}`, []string{`{"a/b~c":1}`}, []string{"/a~1b~0c undeclared [] [integer] 1/1: arrives in 1 of 1, and the schema does not name it"}},
		"a schema of itself":     {`{"$ref":"#"}`, []string{`{"a":1}`}, nil},
		"a reference to others":  {`{"properties":{"a":{"$ref":"other.json"}}}`, []string{`{"a":{"b":1}}`}, nil},
		"nothing is allowed":     {`{"type":["string"],"allOf":[{"type":"integer"}]}`, []string{`1`}, []string{" type [] [integer] 1/1: is integer in 1 of 1, and the schema says nothing"}},
	} {
		found, _, err := infer.Diff([]byte(c.schema), shapeOf(t, c.documents...))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range found {
			got = append(got, fmt.Sprintf("%s %s %v %v %d/%d: %s", d.Path, d.Kind, d.Declared, d.Arrived, d.Count, d.Of, d.Detail))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, _, err := infer.Diff([]byte(`[]`), infer.New()); err == nil {
		t.Error("a schema that is no object is taken")
	}
}

var exponent = regexp.MustCompile(`[0-9][eE]`)

var update = flag.Bool("update", false, "write the closed set into schemas/ anew")

func TestSchemaKnowsEveryKind(t *testing.T) {
	t.Parallel()
	schematest.Enum(t, *update, "difference.json", "kind", schematest.Closed(t, "Kind"))
}

// What documents were given for fits the schema that was inferred from them, and does not differ from it.
func FuzzAdd(f *testing.F) {
	f.Add(`{"a":[1,2.5,null,{"b":"2026-05-04T10:00:00Z"}]}`, `{"a":{"b":true}}`)
	f.Add(`[1.0,-20.00]`, `{"a":0.0}`)
	f.Add(`[[["x"]]]`, "\ufeff\"https://a.example\"")
	f.Add(`{"a":1,"a":"x"}`, `{"":{"~":1,"/":2}}`)
	f.Add(strings.Repeat("[", 60)+strings.Repeat("]", 60), `{`)
	f.Fuzz(func(t *testing.T, one, two string) {
		s := infer.New()
		var taken []string
		for _, text := range []string{one, two, one, one} {
			if err := s.Add([]byte(text)); err == nil {
				taken = append(taken, text)
			}
		}
		text, err := json.Marshal(s.Schema("fuzz"))
		if err != nil {
			t.Fatal(err)
		}
		if found, _, err := infer.Diff(text, s); err != nil || len(found) > 0 && !s.LeftOut() {
			t.Fatalf("%s differs from itself: %v, %v", text, found, err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource("inferred.json", document); err != nil {
			t.Fatal(err)
		}
		schema, err := c.Compile("inferred.json")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, x := range taken {
			if exponent.MatchString(x) {
				continue // the validator would write the number out
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.TrimPrefix(x, "\ufeff")))
			if err != nil {
				continue // numbers that the validator does not take
			}
			if err := schema.Validate(v); err != nil {
				t.Fatalf("%s does not fit %s: %v", x, text, err)
			}
		}
	})
}
