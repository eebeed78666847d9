package setting

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	if f.Kind == KindObject {
		return f.merge(into, raw)
	}
	raw = quoted(raw)
	if string(raw) == `""` {
		if err := f.Empty(); err != nil {
			return []Fault{f.faultOf(err)}
		}
		f.Reset(into)
		return nil
	}
	if f.Kind.Joint() != "" {
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

// Empty says what is wrong with an empty text, in which one reader sees the default and another
// one nothing at all. It is taken where the two are the same.
func (f Field) Empty() error {
	if f.tag.Get("envDefault") == "" && f.Kind.Joint() == "" && !f.Kind.Secret() {
		return nil
	}
	return Wanted("a value; left out, or null, it is the default")
}

// quoted is JSON with texts for numbers and booleans, single, in a list or in an object: they stand
// for themselves, as in the file.
func quoted(raw json.RawMessage) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return raw
	}
	switch given := v.(type) {
	case []any:
		for i := range given {
			given[i] = asText(given[i])
		}
	case map[string]any:
		for key := range given {
			given[key] = asText(given[key])
		}
	default:
		v = asText(v)
	}
	if texts, err := json.Marshal(v); err == nil {
		return texts
	}
	return raw
}

// asText is a number or a boolean of JSON as it was written.
func asText(v any) any {
	switch v.(type) {
	case json.Number, bool:
		return fmt.Sprint(v)
	}
	return v
}

// text is a value of JSON as a variable would have it; a list is marked as one.
func (f Field) text(raw json.RawMessage) (text, wrong string) {
	if json.Unmarshal(raw, &text) == nil {
		if strings.Contains(text, ItemEnd) {
			wrong = "holds a NUL byte"
		}
		return text, wrong
	}
	var list []string
	switch {
	case !f.Kind.List():
		return "", "want one value"
	case json.Unmarshal(raw, &list) != nil:
		return "", "must be a list of strings, or one string"
	}
	if text = Marked(list); strings.Count(text, ItemEnd) != max(len(list), 1) {
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
