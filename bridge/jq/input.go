package jq

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/event"
)

// Input is what an expression sees of an event: attributes by their names, and the data. Data that is
// JSON is that value, whatever its type says; other text is a string; what is no text is null, and
// stands in data_base64.
func Input(e *event.Event) any {
	attributes := NewObject(9 + len(e.Extensions))
	e.Attributes(func(name, value string, k event.Kind) {
		attributes.members = append(attributes.members, member{name, attribute(value, k)})
	})
	attributes.sort()
	in := &Object{make([]member, 0, 3)}
	in.members = append(in.members, member{"attributes", attributes})
	if !utf8.Valid(e.Data) {
		return &Object{append(in.members, member{"data", nil}, member{"data_base64", base64.StdEncoding.EncodeToString(e.Data)})}
	}
	var data any
	if text := string(e.Data); strings.Trim(text, " \t\r\n") != "" {
		var ok bool
		if data, ok = Decode(text); !ok {
			data = text
		}
	} else if text != "" {
		data = text
	}
	in.members = append(in.members, member{"data", data})
	return in
}

// attribute has the type that the event gives it.
func attribute(value string, k event.Kind) any {
	switch k {
	case event.Integer:
		if n, err := strconv.ParseInt(value, 10, 32); err == nil {
			return int(n)
		}
	case event.Boolean:
		if value == "true" || value == "false" {
			return value == "true"
		}
	}
	return value
}
