package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/bridge/config"
)

// fileSays is what the schema of the file and the program say of one.
func fileSays(t *testing.T, schema *jsonschema.Schema, document any) (bySchema, byProgram error) {
	t.Helper()
	text, err := json.Marshal(document) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hookspan.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, byProgram = config.Load([]string{"HOOKSPAN_CONFIG=" + path})
	return schema.Validate(instance), byProgram
}

// What is empty is refused where there is a default, and numbers may stand in quotes or without.
func TestTheSchemaOfTheFileTakesWhatTheFileTakes(t *testing.T) {
	t.Parallel()
	if *update {
		return // the schema of before
	}
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	takes := func(at string, document func(v any) any, v any, want bool) {
		bySchema, byProgram := fileSays(t, schema, document(v))
		if (bySchema == nil) != want || (byProgram == nil) != want {
			t.Errorf("%s: %#v: the schema says %v, the program %v", at, v, bySchema, byProgram)
		}
		if v == any("") && !want && !strings.Contains(byProgram.Error(), at+": want a value") && !strings.Contains(byProgram.Error(), at+": an empty secret") {
			t.Errorf("%s: nothing: %v", at, byProgram)
		}
	}
	for _, c := range []struct {
		word    string
		taken   []any
		refused []any
	}{
		{"namespace", []any{"a"}, []any{""}},
		{"topic_prefix", []any{"", "a"}, nil},
		{"log_format", []any{"text"}, []any{"xml"}},
		{"log_level", []any{"info"}, []any{""}},
		{"listen", []any{":8080"}, []any{""}},
		{"retention", []any{"1s"}, []any{""}},
		{"roles", []any{"receiver", []any{"receiver"}}, []any{""}},
		{"topics", []any{"", []any{}, "a.>"}, nil},
		{"max_connections", []any{"", 10, "10"}, []any{0, 1.5, "x"}},
		{"egress_http", []any{true, "true"}, []any{"", "yes", 1}},
		{"intake_memory", []any{"1GiB", 268435456, "268435456"}, []any{"", "x"}},
		{"smtp_url", nil, []any{""}},
		{"admin_token", []any{"0123456789abcdef0123456789abcdef"}, []any{""}},
	} {
		set := func(v any) any { return map[string]any{c.word: v} }
		for _, v := range c.taken {
			takes(c.word, set, v, true)
		}
		for _, v := range c.refused {
			takes(c.word, set, v, false)
		}
	}
	for _, c := range []struct {
		word    string
		taken   []any
		refused []any
	}{
		{"schedule", []any{[]any{}, "1m"}, []any{""}},
		{"jitter", []any{0, "0", "5%"}, []any{"", 10}},
		{"disable_after", []any{0, "0", "5h"}, []any{"", 7}},
		{"rate", []any{"", "5/s"}, []any{5}},
		{"attempts_limit", []any{"", "5/h"}, []any{5}},
		{"concurrency", []any{16, "16"}, []any{"", 0, "x"}},
		{"events", []any{"a", []any{"a"}}, []any{""}},
		{"success_on", []any{200, "200", []any{200, "201"}}, []any{""}},
		{"give_up_on", []any{"", 400}, nil},
		{"content", []any{"batch"}, []any{""}},
		{"signature", []any{"none"}, []any{""}},
		{"active", []any{false, "false"}, []any{"", "no"}},
		{"headers", []any{map[string]any{}, []any{}, map[string]any{"X-A": 5, "X-B": true}, "X-A: b"}, []any{""}},
		{"options", []any{map[string]any{}, map[string]any{"batch_size": 5, "batch_wait": "1s"}, "batch_size=5"}, []any{"", map[string]any{"batch_size": []any{}}}},
		{"encrypt_secret", nil, []any{""}},
		{"proxy", []any{"none"}, []any{""}},
	} {
		set := func(v any) any {
			return map[string]any{"endpoints": map[string]any{"crm": map[string]any{"url": "https://crm.example/", c.word: v}}}
		}
		for _, v := range c.taken {
			takes("endpoints.crm."+c.word, set, v, true)
		}
		for _, v := range c.refused {
			takes("endpoints.crm."+c.word, set, v, false)
		}
	}
}

// In the environment what is empty is not set, but for a secret.
func TestAnEmptyVariableIsNotSet(t *testing.T) {
	t.Parallel()
	c := load(t, "HOOKSPAN_RETENTION=", "HOOKSPAN_MAX_CONNECTIONS=", "HOOKSPAN_ROLES=", "HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=https://crm.example/", "HOOKSPAN_ENDPOINT_CRM_SCHEDULE=", "HOOKSPAN_ENDPOINT_CRM_EVENTS=")
	if len(c.Roles) != 3 || c.Retention == 0 || c.Endpoints[0].Schedule.Attempts() != 7 || len(c.Endpoints[0].Events) != 1 {
		t.Errorf("%v, %v, %+v", c.Roles, c.Retention, c.Endpoints[0].Schedule)
	}
}
