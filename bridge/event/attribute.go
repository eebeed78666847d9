package event

import "time"

// Attribute returns a context attribute by its name, in its canonical string form; false where the
// event has none of the name.
func (e *Event) Attribute(name string) (value string, k Kind, ok bool) {
	switch name {
	case "specversion":
		return specVersion, String, true
	case "id":
		return e.ID, String, true
	case "source":
		return e.Source, String, true
	case "type":
		return e.Type, String, true
	case "subject":
		return e.Subject, String, e.Subject != ""
	case "time":
		if e.Time.IsZero() {
			return "", String, false
		}
		return e.Time.Format(time.RFC3339Nano), String, true
	case "datacontenttype":
		return e.DataContentType, String, e.DataContentType != ""
	case "dataschema":
		return e.DataSchema, String, e.DataSchema != ""
	}
	for i := range e.Extensions {
		if x := &e.Extensions[i]; x.Name == name {
			return x.Value, x.Kind, true
		}
	}
	return "", String, false
}

// Attributes hands over the context attributes that the event has, each as Attribute returns it.
func (e *Event) Attributes(visit func(name, value string, k Kind)) {
	e.attributes(visit)
	if e.DataContentType != "" {
		visit("datacontenttype", e.DataContentType, String)
	}
}

// IsAttributeName reports whether a context attribute may have the name.
func IsAttributeName(name string) bool {
	switch name {
	case "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema":
		return true
	}
	return IsExtensionName(name)
}
