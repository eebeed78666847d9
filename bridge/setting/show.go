package setting

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// A Member is one setting as the API shows it.
type Member struct {
	Word  string
	Value any
}

// Shown are the settings that anybody may see, as the API shows them.
func (f Fields) Shown(from any) []Member {
	var members []Member
	for _, one := range f {
		if !one.WriteOnly() {
			members = append(members, Member{one.Word, one.Show(from)})
		}
	}
	return members
}

// Shape is what the API shows of the setting, as JSON Schema with its meaning and an example.
func (f Field) Shape() map[string]any {
	shape := f.shape()
	shape["description"] = f.Doc
	if format := f.tag.Get("format"); format != "" {
		shape["format"] = format
	}
	if f.WriteOnly() && f.Kind != KindSecrets { // those that the server made are shown once
		shape["writeOnly"] = true
	}
	if _, given := shape["examples"]; !given {
		shape["examples"] = []any{f.example()}
	}
	return shape
}

func (f Field) shape() map[string]any {
	text := map[string]any{"type": "string"}
	if len(f.Words) > 0 {
		text["enum"] = f.Words
	}
	switch f.Kind {
	case KindObject:
		if own, ok := reflect.New(f.typ).Interface().(shaper); ok {
			return own.Shape()
		}
		return map[string]any{}
	case KindBoolean:
		return map[string]any{"type": "boolean"}
	case KindNumber:
		return map[string]any{"type": "integer", "minimum": f.Least()}
	case KindSize:
		return map[string]any{"type": "integer", "minimum": 0}
	case KindList, KindSecrets:
		return map[string]any{"type": "array", "items": text}
	case KindNumbers:
		return map[string]any{"type": "array", "items": map[string]any{"type": []string{"string", "integer"}}}
	case KindListOrText:
		return map[string]any{"type": []string{"array", "string"}, "items": text}
	case KindHeaders, KindOptions:
		return map[string]any{"type": "object", "additionalProperties": text}
	case KindRate, KindQuota, KindLogin:
		return map[string]any{"type": []string{"string", "null"}}
	case KindDuration:
		if f.absent {
			return map[string]any{"type": []string{"string", "null"}}
		}
	}
	return text
}

// example is a value as it is shown.
func (f Field) example() any {
	into := reflect.New(f.of)
	text := f.tag.Get("example")
	if text == "" {
		text = f.tag.Get("envDefault")
	}
	if text == "" {
		return f.Show(into.Interface())
	}
	if err := f.Set(into.Interface(), text); err != nil {
		panic(fmt.Sprintf("setting %s: its example: %v", f.Word, err))
	}
	return plain(f.Show(into.Interface()))
}

// An Object is a JSON object of several parts, one behind the other: structs, and lists of members.
type Object []any

// MarshalJSON writes the parts in their order.
func (o Object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	add := func(members []byte) {
		if len(members) > 0 && len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, members...)
	}
	for _, part := range o {
		list, ok := part.([]Member)
		if !ok {
			text, err := encode(part)
			if err != nil {
				return nil, err
			}
			add(text[1 : len(text)-1])
		}
		for _, m := range list {
			text, err := encode(m.Value)
			if err != nil {
				return nil, err
			}
			add(append(append([]byte{'"'}, m.Word+`":`...), text...))
		}
	}
	return append(out, '}'), nil
}

// encode leaves <, > and & as they are: what is shown is read by people, too.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
