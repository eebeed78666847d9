package setting

import (
	"encoding/json"
	"reflect"
	"strings"
)

const wantPairs = "must be an object of strings"

// Patch takes the member of a JSON merge patch (RFC 7396) that stands under the setting's word:
// null takes it back to its default, and an option or header away.
func (f Field) Patch(into any, raw json.RawMessage) []Fault {
	if string(raw) == "null" {
		f.Reset(into)
		return nil
	}
	if f.Kind == KindObject || f.Kind.Joint() != "" {
		return f.merge(into, raw)
	}
	text, wrong := f.text(raw)
	if wrong != "" {
		return []Fault{{f.Word, wrong}}
	}
	if f.Kind == KindLogin && any(text) == f.Show(into) {
		return nil // as it was shown, so its login stays
	}
	if err := f.Set(into, text); err != nil {
		return []Fault{f.faultOf(err)}
	}
	return nil
}

// text is a value of JSON as a variable would have it; a list is marked as one.
func (f Field) text(raw json.RawMessage) (text, wrong string) {
	if f.Kind == KindNumbers {
		raw = quoted(raw)
	}
	var number json.Number
	isText := json.Unmarshal(raw, &text) == nil
	isNumber := !isText && json.Unmarshal(raw, &number) == nil
	switch {
	case f.Kind.List():
		var list []string
		if wrong = "must be a list of strings, or one string"; isText {
			wrong = ""
		} else if json.Unmarshal(raw, &list) == nil {
			text, wrong = Marked(list), ""
			if strings.Count(text, ItemEnd) != max(len(list), 1) {
				wrong = "holds a NUL byte"
			}
			return text, wrong
		}
	case f.Kind == KindBoolean:
		if text = string(raw); text != "true" && text != "false" {
			wrong = "must be true or false"
		}
	case f.Kind == KindNumber:
		if text = string(raw); !isNumber || strings.ContainsAny(text, ".eE") {
			wrong = "must be a whole number"
		}
	case f.Kind != KindText && f.Kind != KindSecret && isNumber: // stands for itself, as in the file
		text = string(raw)
	case !isText:
		wrong = "must be a string"
	}
	if wrong == "" && strings.Contains(text, ItemEnd) {
		wrong = "holds a NUL byte"
	}
	return text, wrong
}

// merge puts an object over what the setting was; neither is written into.
func (f Field) merge(into any, raw json.RawMessage) []Fault {
	next := reflect.New(f.typ)
	if old := f.Value(into); old != nil {
		next.Elem().Set(reflect.ValueOf(old))
	}
	if own, ok := next.Interface().(merger); ok {
		faults := own.Merge(raw)
		for i := range faults {
			faults[i].Field = f.Word + faults[i].Field
		}
		if len(faults) == 0 {
			f.put(into, next.Elem())
		}
		return faults
	}
	old, err := json.Marshal(f.Value(into))
	if err == nil {
		raw, err = merged(old, raw)
	}
	if f.Kind == KindObject && err == nil {
		if err = f.Set(into, string(raw)); err != nil {
			return []Fault{f.faultOf(err)}
		}
		return nil
	}
	next.Elem().SetZero()
	if err != nil || json.Unmarshal(raw, next.Interface()) != nil {
		return []Fault{{f.Word, wantPairs}}
	}
	f.put(into, next.Elem())
	return nil
}

// merged is a document with a merge patch over it.
func merged(document, patch json.RawMessage) (json.RawMessage, error) {
	var changes map[string]json.RawMessage
	if json.Unmarshal(patch, &changes) != nil || changes == nil {
		return patch, nil // anything but an object replaces what was there
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(document, &members) != nil || members == nil {
		members = map[string]json.RawMessage{}
	}
	for key, change := range changes {
		if string(change) == "null" {
			delete(members, key)
			continue
		}
		one, err := merged(members[key], change)
		if err != nil {
			return nil, err
		}
		members[key] = one
	}
	return json.Marshal(members)
}
