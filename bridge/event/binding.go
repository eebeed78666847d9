package event

import (
	"net/http"
	"strings"
	"time"
)

// A Binding is a transport's way of writing an event in binary mode: its attributes as
// header fields, its data as the body.
type Binding uint8

const (
	// HTTP is the HTTP protocol binding 1.0.2: percent-encoded `ce-` headers, the data's
	// type in Content-Type alone. Names are written as the keys of an http.Header: Ce-Id.
	HTTP Binding = iota
	// NATS is the NATS binding's binary mode (1.0.3-wip): percent-encoded `ce-` headers. The
	// data's type is written twice: as ce-datacontenttype (the specification), without the
	// spaces around its parameters, which the CloudEvents SDK for Go would not decode, and to
	// the letter as content-type.
	NATS
	// Kafka is the Kafka protocol binding 1.0.2: `ce_` headers in plain UTF-8, the data's
	// type in content-type.
	Kafka
)

const (
	// StructuredType is the content type of an event as one JSON document.
	StructuredType = "application/cloudevents+json"
	// BatchType is the content type of a JSON array of events.
	BatchType = "application/cloudevents-batch+json"

	specVersion = "1.0"
)

// A Field is one header.
type Field struct{ Name, Value string }

// Headers returns the event's attributes as header fields, in a fixed order. An extension
// whose name CloudEvents does not allow is left out.
func (e *Event) Headers(b Binding) []Field {
	return e.AppendHeaders(make([]Field, 0, 10+len(e.Extensions)), b)
}

// AppendHeaders is Headers into a slice that the caller has.
func (e *Event) AppendHeaders(dst []Field, b Binding) []Field {
	e.attributes(func(name, value string, _ Kind) {
		if b != Kafka {
			value = percentEncode(value)
		}
		dst = append(dst, Field{b.header(name), value})
	})
	if e.DataContentType == "" {
		return dst
	}
	if b == NATS {
		dst = append(dst, Field{"ce-datacontenttype", percentEncode(tight(e.DataContentType))})
	}
	if typ := e.binaryType(); typ != "" {
		dst = append(dst, Field{b.contentType(), typ})
	}
	return dst
}

// AppendLines appends the headers of the NATS binding as `Name: value` lines, each ended by
// CR LF: the form in which a NATS message carries them.
func (e *Event) AppendLines(dst []byte) []byte {
	e.attributes(func(name, value string, _ Kind) {
		dst = append(append(dst, "ce-"...), name...)
		dst = appendPercent(append(dst, ": "...), value)
		dst = append(dst, "\r\n"...)
	})
	if e.DataContentType == "" {
		return dst
	}
	dst = appendPercent(append(dst, "ce-datacontenttype: "...), tight(e.DataContentType))
	if typ := e.binaryType(); typ != "" {
		dst = append(append(dst, "\r\ncontent-type: "...), typ...)
	}
	return append(dst, "\r\n"...)
}

// attributes visits what every binding writes with its prefix: all but the data's type.
func (e *Event) attributes(visit func(name, value string, k Kind)) {
	visit("specversion", specVersion, String)
	visit("id", e.ID, String)
	visit("source", e.Source, String)
	visit("type", e.Type, String)
	if e.Subject != "" {
		visit("subject", e.Subject, String)
	}
	if !e.Time.IsZero() {
		visit("time", e.Time.Format(time.RFC3339Nano), String)
	}
	if e.DataSchema != "" {
		visit("dataschema", e.DataSchema, String)
	}
	for i := range e.Extensions {
		if x := &e.Extensions[i]; IsExtensionName(x.Name) {
			visit(x.Name, x.Value, x.Kind)
		}
	}
}

func (b Binding) prefix() string {
	if b == Kafka {
		return "ce_"
	}
	return "ce-"
}

func (b Binding) contentType() string {
	if b == HTTP {
		return "Content-Type"
	}
	return "content-type"
}

// common are the header names that most events have, by binding: written out so that they
// cost no allocation.
var common = [...]struct {
	attribute string
	header    [3]string
}{
	{"specversion", [3]string{"Ce-Specversion", "ce-specversion", "ce_specversion"}},
	{"id", [3]string{"Ce-Id", "ce-id", "ce_id"}},
	{"source", [3]string{"Ce-Source", "ce-source", "ce_source"}},
	{"type", [3]string{"Ce-Type", "ce-type", "ce_type"}},
	{"subject", [3]string{"Ce-Subject", "ce-subject", "ce_subject"}},
	{"time", [3]string{"Ce-Time", "ce-time", "ce_time"}},
	{"recordedtime", [3]string{"Ce-Recordedtime", "ce-recordedtime", "ce_recordedtime"}},
	{"partitionkey", [3]string{"Ce-Partitionkey", "ce-partitionkey", "ce_partitionkey"}},
}

func (b Binding) header(name string) string {
	for i := range common {
		if common[i].attribute == name {
			return common[i].header[b]
		}
	}
	if b == HTTP {
		return http.CanonicalHeaderKey("ce-" + name)
	}
	return b.prefix() + name
}

// fieldValue drops what a header value cannot hold, so that no content type breaks a
// message or smuggles a header into it.
func fieldValue(v string) string {
	if strings.IndexFunc(v, control) < 0 {
		return v
	}
	return strings.Map(func(r rune) rune {
		if control(r) {
			return -1
		}
		return r
	}, v)
}

func control(r rune) bool { return r < ' ' || r == 0x7f }
