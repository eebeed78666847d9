package admin_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/setting/settingtest"
)

var update = flag.Bool("update", false, "write the settings in schemas/ anew")

// declared holds the settings in a schema against their declarations; what else the schema has
// is written by hand.
func declared(t *testing.T, path string, settings setting.Fields) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	properties := document["properties"].(map[string]any)
	for _, f := range settings {
		if f.Tag("api") != "hidden" {
			properties[f.Word] = f.Shape()
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(b.String(), string(text)); diff != "" {
		t.Errorf("%s differs; run go test ./bridge/admin -run TestSchema -update\n%s", path, diff)
	}
}

func TestSchemaOfAnEndpointHasEverySetting(t *testing.T) {
	t.Parallel()
	declared(t, "../../schemas/endpoint.json", endpoint.Fields())
}

// What a source shows of its secrets is how many there are; no request sets a source.
func TestSchemaOfASourceHasEverySetting(t *testing.T) {
	t.Parallel()
	shown := slices.DeleteFunc(slices.Clone(receiver.Fields()), setting.Field.WriteOnly)
	declared(t, "../../schemas/source.json", shown)
	if *update {
		return // what this test was built with are the schemas of before
	}
	s := newServer(t)
	source := s.do("GET", "/v1/sources", "").object(200)["items"].([]any)[0].(map[string]any)
	for _, f := range shown {
		if _, there := source[f.Word]; !there {
			t.Errorf("%s is not shown in %v", f.Word, slices.Sorted(maps.Keys(source)))
		}
	}
	if text := fmt.Sprint(source); strings.Contains(text, "canary") || source["secrets"] != 1.0 || source["path"] != "/webhooks/shop" {
		t.Errorf("shown: %s", text)
	}
}

func TestAMadeUpSettingHasASchema(t *testing.T) {
	t.Parallel()
	for _, f := range setting.Of(&settingtest.MadeUp{}) {
		text, err := json.Marshal(f.Shape())
		if err != nil {
			t.Fatal(err)
		}
		shape, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("a.json", shape); err != nil {
			t.Fatal(err)
		}
		s, err := c.Compile("a.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, example := range shape.(map[string]any)["examples"].([]any) {
			if err := s.Validate(example); err != nil {
				t.Errorf("%s: %v", f.Word, err)
			}
		}
	}
}

// An endpoint has in the API what its schema has, and nothing stands twice.
func TestAnEndpointShowsEverySetting(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	made := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)
	for _, f := range endpoint.Fields() {
		if _, shown := made[f.Word]; shown == f.WriteOnly() && f.Word != "secrets" {
			t.Errorf("%s: shown %v in %v", f.Word, shown, slices.Sorted(maps.Keys(made)))
		}
	}
}
