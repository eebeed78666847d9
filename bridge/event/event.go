// Package event is the CloudEvent as Hookspan carries it: one flat value, and the codecs
// that write it to and read it from a bus, an HTTP request and a JSON document.
package event

import (
	"errors"
	"fmt"
	"time"
)

// An Event is a CloudEvent 1.0. The zero Time means the attribute is absent. Data is kept
// byte for byte; a codec never rewrites it. An Event is a plain value: after it has been
// handed on, nobody changes it.
type Event struct {
	ID              string
	Source          string
	Type            string
	Subject         string
	Time            time.Time
	DataContentType string
	DataSchema      string
	Extensions      []Extension
	Data            []byte
}

// An Extension is a context attribute beyond those that CloudEvents 1.0 names. Value is the
// attribute's canonical string form; Kind keeps the type that a JSON document gave it.
type Extension struct {
	Name  string
	Value string
	Kind  Kind
}

// Kind is the CloudEvents type of an extension. What JSON cannot tell apart is a String.
type Kind uint8

const (
	String Kind = iota
	Integer
	Boolean
)

// Extension returns the value of an extension attribute, "" when the event has none.
func (e *Event) Extension(name string) string {
	for i := range e.Extensions {
		if e.Extensions[i].Name == name {
			return e.Extensions[i].Value
		}
	}
	return ""
}

// SetExtension sets a string extension, replacing one of the same name.
func (e *Event) SetExtension(name, value string) {
	for i := range e.Extensions {
		if e.Extensions[i].Name == name {
			e.Extensions[i] = Extension{Name: name, Value: value}
			return
		}
	}
	e.Extensions = append(e.Extensions, Extension{Name: name, Value: value})
}

// HasID reports whether the event has an id, which is given whole or as Short has it.
func (e *Event) HasID(id string) bool { return e.ID == id || Short(e.ID) == id }

// Validate reports the first attribute that CloudEvents 1.0 does not allow.
func (e *Event) Validate() error {
	switch {
	case e.ID == "":
		return errors.New("attribute id is empty")
	case e.Source == "":
		return errors.New("attribute source is empty")
	case e.Type == "":
		return errors.New("attribute type is empty")
	}
	for _, a := range [...]struct{ name, value string }{
		{"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"subject", e.Subject},
		{"datacontenttype", e.DataContentType}, {"dataschema", e.DataSchema},
	} {
		if !Allowed(a.value) {
			return fmt.Errorf("attribute %s %s", a.name, BadText)
		}
	}
	switch {
	case !IsReference(e.Source):
		return errors.New("attribute source " + badRef)
	case e.DataSchema != "" && !IsURI(e.DataSchema):
		return errors.New("attribute dataschema " + badURI)
	case e.DataContentType != "" && !IsMediaType(e.DataContentType):
		return errors.New("attribute datacontenttype " + badType)
	}
	for i := range e.Extensions {
		switch x := &e.Extensions[i]; {
		case !IsExtensionName(x.Name):
			return fmt.Errorf("extension %q %s", shown(x.Name), badName)
		case !Allowed(x.Value):
			return fmt.Errorf("extension %s %s", x.Name, BadText)
		}
	}
	return nil
}

// IsExtensionName reports whether an extension may have the name: a-z and 0-9, and none of CloudEvents itself.
func IsExtensionName(name string) bool {
	switch name {
	case "", "data", "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema":
		return false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
