package setting

import (
	"bytes"
	"encoding/json"
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
