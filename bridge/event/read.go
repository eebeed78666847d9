package event

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Read returns the event that a message carries, in binary or structured mode. The fields
// are the message's headers in any order; a name that comes twice counts once, first wins.
// On a bus, where the released NATS binding has no headers, a message without a content
// type may also be a bare JSON event. The error is an ErrNotCloudEvent in every case. The
// event keeps data.
func Read(b Binding, fields iter.Seq2[string, string], data []byte) (Event, error) {
	r := binary{binding: b}
	r.read(fields)
	switch {
	case isStructured(r.contentType):
		return r.structured(data)
	case r.version != "":
		return r.event(data)
	case b != HTTP && r.contentType == "" && bytes.Contains(data, []byte(`"specversion"`)):
		return UnmarshalStructured(data)
	}
	return Event{}, fmt.Errorf("%w: it has neither a specversion nor the content type %s", ErrNotCloudEvent, StructuredType)
}

// FromBinary is Read for binary mode alone.
func FromBinary(b Binding, fields iter.Seq2[string, string], data []byte) (Event, error) {
	r := binary{binding: b}
	r.read(fields)
	if r.version == "" {
		return Event{}, fmt.Errorf("%w: it has no specversion", ErrNotCloudEvent)
	}
	return r.event(data)
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

// HeaderMap does the same for the header maps of HTTP and NATS. Of several values the
// first counts.
func HeaderMap[M ~map[string][]string](m M) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for name, values := range m {
			if len(values) > 0 && !yield(name, values[0]) {
				return
			}
		}
	}
}

// binary gathers an event from header fields.
type binary struct {
	binding     Binding
	e           Event
	version     string
	time        string
	contentType string
}

func (r *binary) read(fields iter.Seq2[string, string]) {
	prefix := r.binding.prefix()
	for name, value := range fields {
		switch {
		case len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix):
			r.attribute(strings.ToLower(name[len(prefix):]), r.value(value))
		case r.contentType == "" && strings.EqualFold(name, "content-type"):
			r.contentType = strings.ToValidUTF8(value, "\uFFFD")
		}
	}
}

func (r *binary) value(v string) string {
	switch r.binding {
	case HTTP:
		return percentDecode(unquote(v))
	case NATS:
		if mayBeEncoded(v) { // the SDK for Go never encodes
			return percentDecode(v)
		}
	}
	return strings.ToValidUTF8(v, "\uFFFD")
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
	switch {
	case known == nil && validName(name):
		r.e.Extensions = append(r.e.Extensions, Extension{Name: name, Value: value})
	case known != nil && *known == "":
		*known = value
	}
}

// structured reads a message whose content type says that the data is an event. A sender may
// write that event's attributes as headers too (HTTP 3.2.3, Kafka 3.3.3). Headers of another
// event mean binary mode: what that one is about happens to be an event itself.
func (r *binary) structured(data []byte) (Event, error) {
	e, err := UnmarshalStructured(data)
	if r.version != "" && (err != nil || e.ID != r.e.ID || e.Source != r.e.Source) {
		return r.event(data)
	}
	return e, err
}

func (r *binary) event(data []byte) (Event, error) {
	e := &r.e
	e.Data = data
	if e.DataContentType == "" || e.DataContentType == tight(r.contentType) {
		e.DataContentType = r.contentType
	}
	if r.time != "" {
		var err error
		if e.Time, err = parseTime(r.time); err != nil {
			return Event{}, err
		}
	}
	e.orderExtensions()
	if err := e.accept(r.version); err != nil {
		return Event{}, err
	}
	return *e, nil
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

// accept judges an event that was read.
func (e *Event) accept(version string) error {
	if version != specVersion {
		return fmt.Errorf("%w: specversion %.20q is not %s", ErrNotCloudEvent, version, specVersion)
	}
	if err := e.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotCloudEvent, err)
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

// parseTime reads RFC 3339 and keeps the offset that was written, whatever zone this
// machine is in.
func parseTime(v string) (time.Time, error) {
	t, err := time.ParseInLocation(time.RFC3339Nano, v, time.UTC)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: attribute time %.40q is not an RFC 3339 time", ErrNotCloudEvent, v)
	}
	return t, nil
}

// isStructured reports the content type of an event in structured mode; a batch is none.
func isStructured(contentType string) bool {
	media := mediaType(contentType)
	return media == StructuredType || media == "application/cloudevents"
}
