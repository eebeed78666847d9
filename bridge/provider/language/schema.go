package language

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

type object = map[string]any

const schemaID = "https://github.com/hookspan/hookspan/schemas/provider.json"

// optionName is the definition of a text that is an option's value, which may stand for any other.
const optionName = "option"

// SchemaText is the JSON Schema (draft 2020-12) of a file.
func (l *Language) SchemaText() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(l.schema())
	return b.Bytes(), err
}

func (l *Language) schema() object {
	file := l.Sections[0].schema()
	definitions := object{optionName: object{
		"description": "The value of an option, filled in.", "type": "string", "pattern": `\$\{[a-z0-9_]+\}`, "examples": []any{"${header}"},
	}}
	for _, s := range l.Sections[1:] {
		if s.referred {
			definitions[s.Name] = s.schema()
		}
	}
	file["$schema"], file["$id"], file["$defs"] = "https://json-schema.org/draft/2020-12/schema", schemaID, definitions
	file["title"], file["description"] = "Hookspan provider file", "How one webhook system signs, encrypts and names what it sends. hookspan provider language describes it."
	return file
}

func (s *Section) schema() object {
	properties, required := object{}, []string{}
	for _, w := range s.All() {
		properties[w.Name] = w.schema()
		if w.Required {
			required = append(required, w.Name)
		}
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if s.Doc != "" {
		o["description"] = s.Doc
	}
	if len(required) > 0 {
		slices.Sort(required)
		o["required"] = required
	}
	return o
}

func (w Word) schema() object {
	o := object{"description": w.Doc}
	for key, value := range w.Form.Schema {
		o[key] = value
	}
	if members, err := w.Members(); err == nil {
		o["examples"] = []any{members[w.Name]}
	}
	return o
}

// text is any, or one of a closed set.
func text(closed []string) declaration.Form {
	if len(closed) == 0 {
		return declaration.Form{Words: "a text", Schema: object{"type": "string"}}
	}
	return declaration.Form{Words: "one of " + listOf(closed), Schema: orOption(object{"enum": closed})}
}

func orOption(schema object) object {
	return object{"anyOf": []any{schema, object{"$ref": "#/$defs/" + optionName}}}
}

// holding is the form of a word that holds a section: one, a list of them, or some by name.
func holding(kind reflect.Kind, s *Section) declaration.Form {
	one := object{"$ref": "#/$defs/" + s.Name}
	switch kind {
	case reflect.Slice:
		return declaration.Form{Words: "a list of maps", Schema: object{"type": "array", "items": one}}
	case reflect.Map:
		return declaration.Form{Words: "a map of maps", Schema: object{"type": "object", "additionalProperties": one}}
	default:
		return declaration.Form{Words: "a map", Schema: one}
	}
}
