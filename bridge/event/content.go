package event

import "net/http"

// Content says how events become the body of an outbound request.
type Content string

// The content modes; a closed set.
const (
	BinaryContent     Content = "binary"     // the data, with the attributes in ce- headers
	StructuredContent Content = "structured" // one JSON document
	BatchContent      Content = "batch"      // a JSON array of documents
	DataContent       Content = "data"       // the data alone
)

// Contents lists the content modes.
func Contents() []Content {
	return []Content{BinaryContent, StructuredContent, BatchContent, DataContent}
}

// Body returns the body of an outbound request and sets the headers that belong to it. In
// every mode but batch there is one event. Data in a body is the event's own, not a copy. A
// request always has a Content-Type, as the HTTP webhook specification (2.1) asks, and goes
// on with the trace of its event (W3C Trace Context).
func Body(c Content, events []*Event, h http.Header) []byte {
	if c == BatchContent {
		return batchBody(events, h)
	}
	e := events[0]
	e.setTrace(h)
	switch c {
	case StructuredContent:
		h["Content-Type"] = []string{StructuredType}
		return AppendStructured(make([]byte, 0, e.structuredSize()), e)
	case BinaryContent:
		var space [20]Field
		setFields(h, e.AppendHeaders(space[:0], HTTP))
	case DataContent:
		if typ := e.binaryType(); typ != "" {
			h["Content-Type"] = []string{typ}
		}
	}
	if h["Content-Type"] == nil {
		if guess := GuessContentType(e.Data); guess != "" {
			h["Content-Type"] = []string{guess}
		}
	}
	return e.Data
}

func batchBody(events []*Event, h http.Header) []byte {
	size := 2
	for _, e := range events {
		size += e.structuredSize()
	}
	h["Content-Type"] = []string{BatchType}
	return AppendBatch(make([]byte, 0, size), events)
}

func (e *Event) setTrace(h http.Header) {
	if v := e.Extension("traceparent"); v != "" {
		h["Traceparent"] = []string{fieldValue(v)}
		if v = e.Extension("tracestate"); v != "" {
			h["Tracestate"] = []string{fieldValue(v)}
		}
	}
}

// structuredSize is about what AppendStructured writes.
func (e *Event) structuredSize() int {
	n := 256 + len(e.ID) + len(e.Source) + len(e.Type) + len(e.Subject) + len(e.Data) + len(e.Data)/3
	for i := range e.Extensions {
		n += len(e.Extensions[i].Name) + len(e.Extensions[i].Value) + 8
	}
	return n
}

// setFields sets headers; one slice holds all their values.
func setFields(h http.Header, fields []Field) {
	values := make([]string, len(fields))
	for i := range fields {
		values[i] = fields[i].Value
		h[fields[i].Name] = values[i : i+1 : i+1]
	}
}
