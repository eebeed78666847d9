package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

// likeness says in which way a message that is no event looks like one, "" where it does not. Most
// often its publisher meant it as an event.
func likeness(b Binding, fields iter.Seq2[string, string], data []byte) string {
	strange := "" // the same header each time, whatever order they come in
	for name := range fields {
		if of := attributeOf(name); of != "" && (strange == "" || name < strange) {
			strange = name
		}
	}
	if strange != "" {
		return fmt.Sprintf("the header %s would be an attribute of an event as %s", shown(strange), b.header(attributeOf(strange)))
	}
	switch name, listed := versionIn(data); {
	case name == "":
		return ""
	case name != "specversion":
		return fmt.Sprintf("the data is JSON with the member %s, which an event has as specversion", name)
	case listed:
		return "the data is a JSON array of events, and a message is one event"
	}
	return fmt.Sprintf("the data is a JSON event under the content type %.80q, and under %s it would be read as one", contentTypeOf(fields), StructuredType)
}

// attributeOf is the attribute which every event has, and that a header has the name of in some
// binding: HTTP's and NATS's, Kafka's or AMQP's, or without any prefix.
func attributeOf(header string) string {
	name := strings.ToLower(header)
	for _, prefix := range [...]string{"ce-", "ce_", "cloudevents:", "cloudevents_"} {
		switch attribute, has := strings.CutPrefix(name, prefix); attribute {
		case "specversion", "id", "source", "type":
			if has {
				return attribute
			}
		}
	}
	if name == "specversion" {
		return name
	}
	return ""
}

// versionIn is the name of the member by which a JSON document, or the first of an array, says that it is an
// event, as far as the document can be read: specversion, or what it is most often mistaken for.
func versionIn(doc []byte) (name string, listed bool) {
	if !bytes.Contains(doc, []byte(`"specversion"`)) && !bytes.Contains(doc, []byte(`"specVersion"`)) {
		return "", false
	}
	d := json.NewDecoder(bytes.NewReader(withoutMark(doc)))
	begin, err := d.Token()
	if listed = begin == json.Delim('['); listed {
		begin, err = d.Token()
	}
	if err != nil || begin != json.Delim('{') {
		return "", false
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return "", false
		}
		if name, _ = token.(string); strings.EqualFold(name, "specversion") {
			return name, listed
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return "", false
		}
	}
	return "", false
}
