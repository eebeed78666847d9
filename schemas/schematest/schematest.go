// Package schematest holds what Hookspan shows and keeps against the schemas, in the tests of
// whoever makes it: every answer of the API, every operations event, every record of the
// journal. A field that a schema does not know is a fault here, because a schema that lags
// behind is one that nobody can rely on.
package schematest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/schemas"
)

const base = "https://github.com/hookspan/hookspan/schemas/"

// Fits returns what is wrong with a JSON document by the schema of a path such as
// endpoint.json.
func Fits(path string, document []byte) error {
	all, err := compiled()
	if err != nil {
		return err
	}
	s := all[path]
	if s == nil {
		return fmt.Errorf("there is no schema %s", path)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return fmt.Errorf("not JSON: %w: %s", err, document)
	}
	if err := s.Validate(v); err != nil {
		return fmt.Errorf("%w in %s", err, document)
	}
	return nil
}

// OpsEvent holds the data of an operations event against the schema of its type.
func OpsEvent(eventType string, data []byte) error {
	path, found := schemas.ForType(eventType)
	if !found {
		return fmt.Errorf("%s has no schema", eventType)
	}
	return Fits(path, data)
}

// JournalBatch holds every line of a batch of the journal against its schema.
func JournalBatch(batch []byte) error {
	version, rest, _ := bytes.Cut(batch, []byte("\n"))
	if string(version) != "v1" {
		return fmt.Errorf("the batch begins with %q", version)
	}
	for line := range bytes.Lines(rest) {
		path := "journal.json"
		var note struct {
			Note json.RawMessage `json:"note"`
		}
		if bytes.HasPrefix(line, []byte(`{"note":`)) {
			if err := json.Unmarshal(line, &note); err != nil {
				return err
			}
			path = "note.json"
			if bytes.HasPrefix(note.Note, []byte(`{"replica":`)) {
				path = "presence.json"
			}
			line = note.Note
		}
		if err := Fits(path, line); err != nil {
			return err
		}
	}
	return nil
}

// compiled are all schemas, closed: what they do not name is not allowed.
var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	var paths []string
	for _, pattern := range []string{"*.json", "events/*.json"} {
		found, err := fs.Glob(schemas.Files, pattern)
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, path := range paths {
		text, err := schemas.Files.ReadFile(path)
		if err != nil {
			return nil, err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if !strings.HasPrefix(path, "events/") || strings.HasPrefix(path, "events/hookspan.") {
			shut(document)
		}
		if err := c.AddResource(base+path, document); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	all := map[string]*jsonschema.Schema{}
	for _, path := range paths {
		s, err := c.Compile(base + path)
		if err != nil {
			return nil, err
		}
		all[path] = s
	}
	return all, nil
})

// shut refuses, in every part of a schema that names properties, all others.
func shut(node any) {
	switch n := node.(type) {
	case map[string]any:
		if _, named := n["properties"].(map[string]any); named && n["additionalProperties"] == nil {
			n["additionalProperties"] = false
		}
		for key, child := range n {
			if key != "examples" && key != "enum" {
				shut(child)
			}
		}
	case []any:
		for _, child := range n {
			shut(child)
		}
	}
}
