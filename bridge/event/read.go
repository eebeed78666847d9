package event

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Read returns the event that a message carries, in binary or structured mode, and what was
// left out of it. The fields are the message's headers in any order; a name that comes twice
// counts once, first wins. On a bus, where the released NATS binding has no headers, a message
// without a content type may also be a bare JSON event, and is meant to be one where it has a
// specversion and is cut short. The error is an ErrNotCloudEvent in
// every case, and an InvalidError where the message is meant to be an event. The event keeps
// data.
func Read(b Binding, fields iter.Seq2[string, string], data []byte) (Event, []Flaw, error) {
	r := binary{binding: b}
	r.read(fields)
	switch media := mediaType(r.contentType); {
	case isStructured(media):
		return r.structured(data)
	case r.claims:
		return r.event(data)
	case isCloudEvents(media):
		r.fatal("", "the content type %.80s is a form of CloudEvents that is not read here", r.contentType)
		return r.judge(&r.e, specVersion)
	case b != HTTP && r.contentType == "" && bytes.Contains(data, []byte(`"specversion"`)):
		return readBare(data)
	}
	return Event{}, nil, fmt.Errorf("%w: it has neither a specversion nor the content type %s", ErrNotCloudEvent, StructuredType)
}

// FromBinary is Read for binary mode alone, and refuses every event that has a flaw.
func FromBinary(b Binding, fields iter.Seq2[string, string], data []byte) (Event, error) {
	r := binary{binding: b}
	r.read(fields)
	if r.version == "" {
		return Event{}, fmt.Errorf("%w: it has no specversion", ErrNotCloudEvent)
	}
	e, flaws, err := r.event(data)
	return whole(e, flaws, err)
}

// whole is an event that has no flaw of any kind.
func whole(e Event, flaws []Flaw, err error) (Event, error) {
	if err == nil && len(flaws) > 0 {
		err = &InvalidError{Reason: "attribute " + flaws[0].Attribute + " " + flaws[0].Reason, Legible: e}
	}
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

// Fields makes a list of fields readable by Read and FromBinary.
func Fields(list []Field) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range list {
			if !yield(list[i].Name, list[i].Value) {
				return
			}
		}
	}
}

// HeaderMap does the same for the header maps of HTTP and NATS. Of several values the first
// counts. Names in small letters come first and the others in order, so that a map with two
// spellings of one name is always read alike.
func HeaderMap[M ~map[string][]string](m M) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		var space [32]string
		spelled := space[:0]
		for name, values := range m {
			switch {
			case len(values) == 0:
			case hasCapital(name):
				spelled = append(spelled, name)
			case !yield(name, values[0]):
				return
			}
		}
		slices.Sort(spelled)
		for _, name := range spelled {
			if !yield(name, m[name][0]) {
				return
			}
		}
	}
}

func hasCapital(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c >= 'A' && c <= 'Z' {
			return true
		}
	}
	return false
}

// binary gathers an event from header fields.
type binary struct {
	faults
	binding     Binding
	e           Event
	claims      bool // some attribute that every event has was given
	version     string
	time        string
	contentType string
}

func (r *binary) read(fields iter.Seq2[string, string]) {
	prefix := r.binding.prefix()
	for name, value := range fields {
		switch {
		case len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix):
			name := strings.ToLower(name[len(prefix):])
			r.attribute(name, r.value(name, value))
		case r.contentType == "" && strings.EqualFold(name, "content-type"):
			if !Allowed(value) {
				r.flaw("datacontenttype", BadText)
				continue
			}
			r.contentType = value
		}
	}
}

// value undoes what the binding has encoded. The SDK for Go never encodes: what is a URI reference
// only as it stands was not.
func (r *binary) value(name, v string) string {
	decoded := v
	switch r.binding {
	case HTTP:
		v = unquote(v)
		decoded = percentDecode(v)
	case NATS:
		if mayBeEncoded(v) {
			decoded = percentDecode(v)
		}
	}
	if decoded != v && (name == "source" || name == "dataschema") && !IsReference(decoded) && Allowed(decoded) && IsReference(v) {
		return v
	}
	return decoded
}

func (r *binary) attribute(name, value string) {
	var known *string
	switch name {
	case "specversion":
		known = &r.version
	case "time":
		known = &r.time
	default:
		known = r.e.attribute(name)
	}
	switch name {
	case "specversion", "id", "source", "type":
		r.claims = true
	}
	switch {
	case known == nil && !IsExtensionName(name):
		r.name(name)
	case !Allowed(value):
		r.faults.attribute(name, BadText)
	case value == "" && optional(name):
		r.empty(name)
	case known == nil:
		r.e.Extensions = append(r.e.Extensions, Extension{Name: name, Value: value})
	case *known == "":
		*known = value
	}
}

// structured reads a message whose content type says that the data is an event. A sender may
// write that event's attributes as headers too (HTTP 3.2.3, Kafka 3.3.3). Headers of another
// event mean binary mode: what that one is about happens to be an event itself.
func (r *binary) structured(data []byte) (Event, []Flaw, error) {
	e, flaws, err := ReadStructured(data)
	if r.version != "" && (err != nil || e.ID != r.e.ID || e.Source != r.e.Source) {
		return r.event(data)
	}
	return e, flaws, err
}

func (r *binary) event(data []byte) (Event, []Flaw, error) {
	e := &r.e
	if len(data) > 0 {
		e.Data = data
	}
	if e.DataContentType == "" || e.DataContentType == tight(r.contentType) {
		e.DataContentType = r.contentType
	}
	if r.time != "" {
		var err error
		if e.Time, err = parseTime(r.time); err != nil {
			r.flaw("time", "is refused: "+err.Error())
		}
	}
	return r.judge(e, r.version)
}

// attribute is where the event keeps a string attribute that CloudEvents names; nil for an
// extension.
func (e *Event) attribute(name string) *string {
	switch name {
	case "id":
		return &e.ID
	case "source":
		return &e.Source
	case "type":
		return &e.Type
	case "subject":
		return &e.Subject
	case "datacontenttype":
		return &e.DataContentType
	case "dataschema":
		return &e.DataSchema
	}
	return nil
}

// orderExtensions sorts by name, since headers and JSON members come in no order, and
// keeps the first of each name.
func (e *Event) orderExtensions() {
	if len(e.Extensions) < 2 {
		return
	}
	slices.SortStableFunc(e.Extensions, func(a, b Extension) int { return strings.Compare(a.Name, b.Name) })
	e.Extensions = slices.CompactFunc(e.Extensions, func(a, b Extension) bool { return a.Name == b.Name })
}
