package provider_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/language"
)

var update = flag.Bool("update", false, "write what is made of the catalogue and of its language anew")

type members = map[string]any

func theLanguage(t *testing.T) *language.Language {
	t.Helper()
	l, err := provider.Language()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func theSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := theLanguage(t).SchemaText()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("provider.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("provider.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// parsed is what a file says, in the types of JSON.
func parsed(t *testing.T, text string) any {
	t.Helper()
	var file any
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// The files that examples are put into. One that builds on another has nothing of its own.
const (
	aroundExamples = `
name: acme
options:
  - {name: app_token, secret: true, description: the token of the app}
  - {name: region, default: eu, description: where the account is}
verify: [{hmac: {header: X-Acme-Signature}}]
event: {prefix: com.acme, type: /type}
`
	aroundLike = "name: acme\nevent: {prefix: com.acme}\n"
)

// fileWith is a file with members of a section in it.
func fileWith(t *testing.T, s *language.Section, given members) string {
	t.Helper()
	around := aroundExamples
	if given["like"] != nil {
		around = aroundLike
	}
	var file any
	if err := yaml.Unmarshal([]byte(around), &file); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(over(file, s.Place(given)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// over puts what is given over what is there: maps are merged, lists continued.
func over(there, given any) any {
	if list, ok := there.([]any); ok {
		if more, ok := given.([]any); ok {
			return append(list, more...)
		}
	}
	if all, ok := there.(members); ok {
		if more, ok := given.(members); ok {
			for name, value := range more {
				all[name] = over(all[name], value)
			}
			return all
		}
	}
	return given
}

// loads says whether the loader takes a file, and holds the schema to the same.
func loads(t *testing.T, schema *jsonschema.Schema, text string) bool {
	t.Helper()
	_, err := userFiles(t, map[string]string{"acme.yaml": text})
	if fault := schema.Validate(parsed(t, text)); (fault == nil) != (err == nil) {
		t.Errorf("loader: %v\nschema: %v\n%s", err, fault, text)
	}
	return err == nil
}

func eachWord(t *testing.T, try func(t *testing.T, s *language.Section, w language.Word, example members)) {
	t.Helper()
	for _, s := range theLanguage(t).Sections {
		for _, w := range s.Words {
			t.Run(s.Name+"."+w.Name, func(t *testing.T) {
				t.Parallel()
				example, err := w.Members()
				if err != nil {
					t.Fatal(err)
				}
				try(t, s, w, example)
			})
		}
	}
}

func TestEveryExampleOfTheLanguageLoads(t *testing.T) {
	t.Parallel()
	schema := theSchema(t)
	eachWord(t, func(t *testing.T, s *language.Section, w language.Word, example members) {
		if text := fileWith(t, s, example); !loads(t, schema, text) {
			_, err := userFiles(t, map[string]string{"acme.yaml": text})
			t.Errorf("%v\n%s", err, text)
		}
	})
}

func TestNoWordOfTheLanguageTakesAnything(t *testing.T) {
	t.Parallel()
	schema := theSchema(t)
	eachWord(t, func(t *testing.T, s *language.Section, w language.Word, example members) {
		for what, change := range map[string]func(members){
			"a list in a list":  func(m members) { m[w.Name] = []any{[]any{"x"}} },
			"an unknown word":   func(m members) { m[w.Name+"x"] = m[w.Name] },
			"left out, needed?": func(m members) { delete(m, w.Name) },
		} {
			changed := maps.Clone(example)
			if change(changed); what == "left out, needed?" && !w.Required {
				continue
			}
			text := fileWith(t, s, changed)
			if w.Name == "name" && s.Name == "" {
				text = strings.Replace(text, "name: acme\n", "", 1)
			}
			if loads(t, schema, text) {
				t.Errorf("%s is taken:\n%s", what, text)
			}
		}
	})
}

// Closed sets are held against what the loader takes, with the values of all of them.
func TestClosedSetsOfTheLanguageAreTheLoaders(t *testing.T) {
	t.Parallel()
	schema := theSchema(t)
	var all []string
	for _, s := range theLanguage(t).Sections {
		for _, w := range s.Words {
			all = append(all, w.Closed...)
		}
	}
	slices.Sort(all)
	all = append(slices.Compact(all), "moon")
	eachWord(t, func(t *testing.T, s *language.Section, w language.Word, example members) {
		for _, value := range all {
			if len(w.Closed) == 0 {
				return
			}
			example[w.Name] = value
			if taken := loads(t, schema, fileWith(t, s, example)); taken != slices.Contains(w.Closed, value) {
				t.Errorf("%s: taken is %v, the declaration has %v", value, taken, w.Closed)
			}
		}
	})
}

func TestTermsOfTheLanguageAreTaken(t *testing.T) {
	t.Parallel()
	schema, l := theSchema(t), theLanguage(t)
	file := l.Sections[0]
	for _, term := range slices.Concat(l.Values, l.Filters) {
		kind, _, _ := strings.Cut(term.Name, ":")
		text := fileWith(t, file, members{"challenges": []any{members{"open": true, "text": term.Example}}})
		if !loads(t, schema, text) || !strings.Contains(term.Example, kind) {
			t.Errorf("%s: %s is no example", term.Name, term.Example)
		}
	}
	for _, term := range l.Placeholders {
		kind, _, _ := strings.Cut(term.Name, ":")
		text := fileWith(t, file, members{"samples": []any{members{"type": "thing", "body": term.Example}}})
		if !loads(t, schema, text) || !strings.Contains(term.Example, "${"+kind) {
			t.Errorf("%s: %s is no example", term.Name, term.Example)
		}
	}
}

func TestTheCatalogueFitsTheSchemaOfProviderFiles(t *testing.T) {
	t.Parallel()
	schema := theSchema(t)
	names, err := filepath.Glob("catalog/*.yaml")
	if err != nil || len(names) < 200 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(parsed(t, string(text))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrongFilesFitNoSchema(t *testing.T) {
	t.Parallel()
	schema := theSchema(t)
	const event = "event: {prefix: com.acme}\n"
	const good = "name: acme\nverify: [{hmac: {header: X}}]\n" + event
	if !loads(t, schema, good) {
		t.Fatal("the right one is refused")
	}
	for name, text := range map[string]string{
		"unknown section":     good + "colour: red\n",
		"unknown word":        "name: acme\nverify: [{hmac: {haeder: X}}]\n" + event,
		"unknown family":      "name: acme\nverify: [{magic: {}}]\n" + event,
		"unknown hash":        "name: acme\nverify: [{hmac: {header: X, hash: crc}}]\n" + event,
		"unknown cipher":      good + "decrypt: {cipher: rot13}\n",
		"unknown body":        "name: acme\nverify: [{hmac: {header: X}}]\nevent: {prefix: com.acme, body: xml}\n",
		"condition in any":    "name: acme\nverify: [{any: [{when: /a, hmac: {header: X}}]}]\n" + event,
		"text for a map":      "name: acme\nverify: [{hmac: X}]\n" + event,
		"map for a list":      "name: acme\nverify: {hmac: {header: X}}\n" + event,
		"text for a number":   good + "refusal: never\n",
		"text for a boolean":  "name: acme\nverify: [{hmac: {header: X, numbered: many}}]\n" + event,
		"no duration":         good + "freshness: {time: /t, tolerance: soon}\n",
		"no size":             good + "max_body: 25 Mib\n",
		"word of before":      "name: acme\nverify: [{hmac: {header: X, url: any}}]\n" + event,
		"list for the name":   strings.Replace(good, "acme", "[acme]", 1),
		"no name":             strings.Replace(good, "name: acme\n", "", 1),
		"a sample of no type": good + "samples: [{body: x}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if loads(t, schema, text) {
				t.Errorf("taken:\n%s", text)
			}
		})
	}
}

// The loader would read 1.0 as the text 1.
func TestSchemaOfProviderFilesWantsTextsInQuotes(t *testing.T) {
	t.Parallel()
	const sample = "name: acme\nsamples: [{type: thing, headers: {Ce-Specversion: 1.0}}]\n"
	if theSchema(t).Validate(parsed(t, sample)) == nil || theSchema(t).Validate(parsed(t, strings.Replace(sample, "1.0", `"1.0"`, 1))) != nil {
		t.Error("a number is taken for a text, or a text is not")
	}
}

func TestLanguagePageAndSchemaAreWritten(t *testing.T) {
	t.Parallel()
	l := theLanguage(t)
	schema, err := l.SchemaText()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"LANGUAGE.md": l.Page(), "../../schemas/provider.json": string(schema)} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("%s differs; run go test ./bridge/provider -run Language -update\n%s", path, diff)
		}
	}
}

// The file with which the page begins is a provider, and its sample a delivery of it.
func TestTheWholeFileOfTheLanguagePageWorks(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(theLanguage(t).Page(), "```yaml\n")
	text, _, _ := strings.Cut(rest, "```")
	if !strings.HasPrefix(text, "# yaml-language-server: $schema=") || !loads(t, theSchema(t), text) {
		t.Fatalf("it does not load:\n%s", text)
	}
	c, err := userFiles(t, map[string]string{"acme.yaml": text})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Provider("acme")
	s, err := p.Sample(provider.SampleRequest{Secret: invented, Now: noon, URL: "https://hooks.example.com/webhooks/shop"})
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{invented}})
	if err != nil {
		t.Fatal(err)
	}
	if e := accepted(t, v, request(s, noon)).Events[0]; e.Type != "com.acme.order.paid" || e.Subject == "" || !e.Named {
		t.Errorf("%+v", e)
	}
}
