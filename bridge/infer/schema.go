package infer

import "slices"

// Dialect is the draft of JSON Schema that schemas are in.
const Dialect = "https://json-schema.org/draft/2020-12/schema"

// Schema is the Shape as a JSON Schema, to be marshalled. Required is what every object at a place
// has; no member is forbidden, because others may come.
func (s *Shape) Schema(title string) map[string]any {
	schema := s.root.schema()
	schema["$schema"] = Dialect
	if title != "" {
		schema["title"] = title
	}
	return schema
}

func (p *place) schema() map[string]any {
	schema := map[string]any{}
	switch types := p.types(); len(types) {
	case 0:
	case 1:
		schema["type"] = types[0]
	default:
		schema["type"] = types
	}
	if p.of[text] >= leastTexts {
		if word := p.formats.word(); word != "" {
			schema["format"] = word
		}
	}
	if p.of[object] > 0 {
		p.objectSchema(schema)
	}
	if p.items != nil && p.items.values > 0 {
		schema["items"] = p.items.schema()
	}
	return schema
}

func (p *place) objectSchema(schema map[string]any) {
	properties, required := map[string]any{}, []string{}
	for name, m := range p.members {
		properties[name] = m.schema()
		if m.objects == p.of[object] {
			required = append(required, name)
		}
	}
	if len(properties) > 0 {
		schema["properties"] = properties
	}
	if len(required) > 0 {
		slices.Sort(required)
		schema["required"] = required
	}
	if p.crowded {
		schema["$comment"] = "there were more members than are named here"
	}
}

// types are those of the values, in the order of words; an integer is a number where others are there.
func (p *place) types() (types []string) {
	for k := null; k < jsonTypes; k++ {
		if p.of[k] > 0 && !(k == integer && p.of[number] > 0) {
			types = append(types, words[k])
		}
	}
	return types
}
