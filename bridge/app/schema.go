package app

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/schemas"
)

// schemaCheck returns a function that holds an event's data against the schema of its type.
// A type without a schema passes. The schemas are those of the program, and compiled once.
var schemaCheck = sync.OnceValues(func() (func(*event.Event) error, error) {
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{}) // schemas come from the binary alone
	compiled := map[string]*jsonschema.Schema{}
	paths, err := fs.Glob(schemas.Files, "events/*.json")
	if err != nil {
		return nil, fmt.Errorf("list the event schemas: %w", err)
	}
	for _, path := range paths {
		text, err := schemas.Files.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read a schema: %w", err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("read schema %s: %w", path, err)
		}
		if err := compiler.AddResource(path, doc); err != nil {
			return nil, fmt.Errorf("read schema %s: %w", path, err)
		}
	}
	for _, path := range paths {
		if compiled[path], err = compiler.Compile(path); err != nil {
			return nil, fmt.Errorf("compile schema %s: %w", path, err)
		}
	}
	return func(e *event.Event) error {
		path, found := schemas.ForType(e.Type)
		if !found {
			return nil
		}
		data, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.TrimPrefix(e.Data, []byte("\xef\xbb\xbf"))))
		if err != nil {
			return errors.New("the data is not JSON")
		}
		return compiled[path].Validate(data)
	}, nil
})

// noLoader refuses references to anything outside.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("schema %s is not part of the program", url)
}
