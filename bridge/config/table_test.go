package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/setting"
)

var update = flag.Bool("update", false, "write README.md and schemas/config.json anew")

const (
	readme     = "../../README.md"
	schemaFile = "../../schemas/config.json"
	tableBegin = "<!-- settings: written by `go test ./bridge/config -update` -->\n"
	tableEnd   = "<!-- end of settings -->\n"
)

func TestReadmeShowsEverySetting(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	front, rest, begun := strings.Cut(string(text), tableBegin)
	table, back, ended := strings.Cut(rest, tableEnd)
	if !begun || !ended {
		t.Fatal("README.md has lost the marks of the settings table")
	}
	if *update {
		table = "\n" + config.Markdown() + "\n"
		if err := os.WriteFile(readme, []byte(front+tableBegin+table+tableEnd+back), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(config.Markdown(), strings.Trim(table, "\n")+"\n"); diff != "" {
		t.Errorf("settings in README.md differ; run go test ./bridge/config -update\n%s", diff)
	}
}

func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	for _, table := range config.Tables() {
		for _, s := range table.Settings {
			if !strings.HasSuffix(s.Meaning, ".") || strings.ContainsAny(s.Meaning, "|{") {
				t.Errorf("%s: meaning %q is no sentence for a table", s.Name, s.Meaning)
			}
		}
	}
}

// The schema of the file is made from the same table as the README.
func TestSchemaOfTheFileHasEverySetting(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(fileSchema()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(text)); diff != "" {
		t.Errorf("schemas/config.json differs; run go test ./bridge/config -update\n%s", diff)
	}
}

type object = map[string]any

func fileSchema() object {
	tables := config.Tables()
	process := object{}
	for _, table := range tables[:len(tables)-2] {
		addProperties(process, table.Settings)
	}
	sources, endpoints := tables[len(tables)-2], tables[len(tables)-1]
	process["sources"] = named("Sources by name.", "shop", object{"provider": "sticker", "secrets": "env:SHOP_SECRET"}, sources, "provider")
	process["endpoints"] = named("Endpoints by name.", "crm", object{"url": "https://crm.example/hooks"}, endpoints, "url")
	return object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         "https://github.com/hookspan/hookspan/schemas/config.json",
		"title":       "Hookspan configuration file",
		"description": "The file that HOOKSPAN_CONFIG names: the settings of the environment in lower case. The environment overrides it.",
		"type":        "object", "properties": process, "additionalProperties": false,
		"examples": []any{object{
			"listen":    ":8080",
			"sources":   object{"shop": object{"provider": "sticker", "secrets": []any{"env:SHOP_SECRET"}}},
			"endpoints": object{"crm": object{"url": "https://crm.example/hooks", "events": []any{"com.sticker.*"}}},
		}},
	}
}

func named(description, name string, example object, table config.Table, required string) object {
	properties := object{}
	addProperties(properties, table.Settings[1:]) // the first row is the list of names
	return object{
		"description": description, "type": "object",
		"propertyNames": object{"pattern": "^[a-z0-9-]+$"},
		"additionalProperties": object{
			"type": "object", "properties": properties, "required": []string{required}, "additionalProperties": false,
		},
		"examples": []any{object{name: example}},
	}
}

func addProperties(properties object, settings []config.Setting) {
	for _, s := range settings {
		if s.Name == "HOOKSPAN_CONFIG" {
			continue // a file does not name itself
		}
		p := shape(s)
		p["description"] = s.Meaning
		if s.Default != "" {
			p["description"] = s.Meaning + " Default: " + s.Default + "."
		}
		properties[s.Key] = p
		if s.Kind.Secret() {
			properties[s.Key+"_file"] = object{
				"type": "string", "description": "File that holds " + s.Key + ".", "examples": []any{"/run/secrets/" + s.Key},
			}
		}
	}
}

// shape is what a value of the setting looks like, with an example.
func shape(s config.Setting) object {
	text := func(pattern, example string) object {
		if s.Empty {
			pattern = "^$|" + pattern
		}
		return object{"type": "string", "pattern": pattern, "examples": []any{example}}
	}
	orZero := func(text object) object { // which needs no unit, and so no quotes
		text["type"], text["minimum"], text["maximum"] = []string{"string", "integer"}, 0, 0
		return text
	}
	either := func(plain, pattern string, example any) object { // with quotes or without
		if s.Empty {
			pattern = "^$|" + pattern
		}
		return object{"type": []string{plain, "string"}, "pattern": pattern, "examples": []any{example}}
	}
	whole := object{"type": "string"}
	if !s.Empty {
		whole["minLength"] = 1
	}
	listOf := func(item object, example ...any) object {
		return object{"anyOf": []any{whole, object{"type": "array", "items": item}}, "examples": []any{example}}
	}
	mapOf := func(key, value string, more ...any) object {
		forms := append([]any{whole, object{"type": "object", "additionalProperties": object{"type": []string{"string", "number", "boolean"}}}}, more...)
		return object{"anyOf": forms, "examples": []any{object{key: value}}}
	}
	item := object{"type": "string"}
	if len(s.Words) > 0 {
		item["enum"] = s.Words
	}
	switch s.Kind {
	case setting.KindBoolean:
		return either("boolean", "^(true|false)$", true)
	case setting.KindNumber:
		number := either("integer", "^[0-9]+$", max(3, s.Least))
		number["minimum"] = s.Least
		return number
	case setting.KindDuration:
		return orZero(text(`^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^0$`, "30s"))
	case setting.KindSize:
		return object{"type": []string{"string", "integer"}, "pattern": "^[0-9]+ ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$", "examples": []any{"2MiB"}}
	case setting.KindShare:
		return orZero(text("^[0-9.]+%$|^0$", "10%"))
	case setting.KindRate:
		return text("^[0-9.]+/[smh](:[0-9]+)?$", "50/s:20")
	case setting.KindAddress:
		return text(":[0-9]+$", "127.0.0.1:8081")
	case setting.KindLogin:
		example := []any{"http://proxy.example:3128", "file:/run/secrets/proxy"}
		if s.Key == "smtp_url" {
			example = []any{"smtp://hookspan@mail.example:587", "file:/run/secrets/smtp"}
		}
		whole["examples"] = example
		return whole
	case setting.KindSecret:
		whole["examples"] = []any{"env:SHOP_SECRET", "file:/run/secrets/shop"}
		return whole
	case setting.KindSecrets:
		return listOf(object{"type": "string"}, "env:SHOP_SECRET", "file:/run/secrets/shop")
	case setting.KindHeaders:
		return mapOf("X-Team", "core", object{"type": "array", "items": object{"type": "string"}})
	case setting.KindOptions:
		return mapOf("header_prefix", "X-Acme")
	case setting.KindObject: // what is in it the program says
		return object{"type": []string{"object", "array"}, "examples": []any{object{}}}
	case setting.KindQuota:
		return text("^[0-9]+/[smh]$", "10/h")
	case setting.KindNumbers:
		one := object{"type": []string{"string", "integer"}}
		return object{"anyOf": []any{whole, object{"type": "integer"}, object{"type": "array", "items": one}}, "examples": []any{[]any{"200-299", 404}}}
	case setting.KindList, setting.KindListOrText:
		example, _, _ := strings.Cut(s.Default+",", ",")
		if strings.Contains(example, " ") { // in words
			example = ""
		}
		return listOf(item, example)
	}
	example := s.Default
	if s.Key == "alert_from" {
		example = "hooks@shop.example"
	}
	if len(s.Words) > 0 {
		example = s.Words[0]
	}
	for key, v := range item {
		whole[key] = v
	}
	whole["examples"] = []any{example}
	return whole
}
