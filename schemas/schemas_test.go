package schemas_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/schemas"
)

const base = "https://github.com/hookspan/hookspan/schemas/"

func paths(t *testing.T) []string {
	t.Helper()
	top, err := fs.Glob(schemas.Files, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	events, err := fs.Glob(schemas.Files, "events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	return append(top, events...)
}

func document(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := schemas.Files.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed.(map[string]any)
}

// compiler knows every schema, so that references are found without a network.
func compiler(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, path := range paths(t) {
		if err := c.AddResource(base+path, document(t, path)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestSchemasCompileAndTheirExamplesAreValid(t *testing.T) {
	t.Parallel()
	for _, path := range paths(t) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			root := document(t, path)
			if root["$id"] != base+path {
				t.Errorf("$id is %v", root["$id"])
			}
			c := compiler(t)
			if _, err := c.Compile(base + path); err != nil {
				t.Fatal(err)
			}
			checkExamples(t, c, path+"#", root)
		})
	}
}

// checkExamples holds every example in a schema against the part that it stands in.
func checkExamples(t *testing.T, c *jsonschema.Compiler, pointer string, node map[string]any) {
	t.Helper()
	if examples, ok := node["examples"].([]any); ok {
		part, err := c.Compile(base + pointer)
		if err != nil {
			t.Fatal(err)
		}
		for _, example := range examples {
			if err := part.Validate(example); err != nil {
				t.Errorf("%s: example does not fit: %v", pointer, err)
			}
		}
	}
	properties, _ := node["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		field := properties[name].(map[string]any)
		where := pointer + "/properties/" + name
		if text, _ := field["description"].(string); !strings.HasSuffix(text, ".") {
			t.Errorf("%s: no description in a full sentence", where)
		}
		if list, _ := field["examples"].([]any); len(list) == 0 {
			t.Errorf("%s: no example", where)
		}
		checkExamples(t, c, where, field)
	}
	definitions, _ := node["$defs"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		checkExamples(t, c, pointer+"/$defs/"+name, definitions[name].(map[string]any))
	}
	for _, inner := range []string{"items", "additionalProperties"} {
		if child, ok := node[inner].(map[string]any); ok {
			checkExamples(t, c, pointer+"/"+inner, child)
		}
	}
}

// What an outside system adds tomorrow must not be refused.
func TestEventSchemasTakeUnknownFields(t *testing.T) {
	t.Parallel()
	for _, path := range paths(t) {
		if !strings.HasPrefix(path, "events/") {
			continue
		}
		root := document(t, path)
		schema, err := compiler(t).Compile(base + path)
		if err != nil {
			t.Fatal(err)
		}
		example := root["examples"].([]any)[0].(map[string]any)
		example["added_tomorrow"] = json.Number("1")
		if data, ok := example["data"].(map[string]any); ok {
			data["added_tomorrow"] = "x"
		}
		if err := schema.Validate(example); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestEventSchemasSeeAFault(t *testing.T) {
	t.Parallel()
	for path, body := range map[string]string{
		"events/com.sticker.order.json":      `{"event":"order.shipped","data":{"status":"shipped"}}`,
		"events/io.sticky.product.json":      `{"type":"product.created","time":"yesterday","data":{"id":"1","object":{"id":1}}}`,
		"events/com.corefy.json":             `{"data":{"type":"payment-invoices","id":"1"}}`,
		"events/com.cryptlex.json":           `{"event":"license.created"}`,
		"events/hookspan.delivery.json":      `{"delivery":"d","endpoint":"e","reason":"boredom"}`,
		"events/io.sticky.bulk.variant.json": `{"type":"bulk.variant.created","time":"2026-05-04 06:00:00","data":{"id":"1","object":{"id":1}}}`,
	} {
		schema, err := compiler(t).Compile(base + path)
		if err != nil {
			t.Fatal(err)
		}
		fault, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(fault) == nil {
			t.Errorf("%s takes %s", path, body)
		}
	}
}

func TestForTypeTakesTheLongestName(t *testing.T) {
	t.Parallel()
	for eventType, want := range map[string]string{
		"com.sticker.order.shipped":           "events/com.sticker.order.json",
		"io.sticky.bulk.variant.created":      "events/io.sticky.bulk.variant.json",
		"com.cryptlex.license.expiring-soon":  "events/com.cryptlex.json",
		"com.corefy.payment-invoices.created": "events/com.corefy.json",
		"hookspan.delivery.exhausted":         "events/hookspan.delivery.json",
		"hookspan.replay.finished":            "events/hookspan.replay.json",
		"io.sticky.test":                      "events/io.sticky.test.json",
		"com.stickers.order":                  "",
		"..":                                  "",
		"../config":                           "",
		"":                                    "",
	} {
		if got, found := schemas.ForType(eventType); got != want || found != (want != "") {
			t.Errorf("%q: %q, %v", eventType, got, found)
		}
	}
}
