package link

import (
	"net/textproto"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/event"
)

// A Message is what is published.
type Message struct {
	Subject string
	Header  []event.Field
	Data    []byte
	Status  string // code and text of what is no message but says something of it, as a server does; only a Speaker's
	Synced  bool   // to be acknowledged once it is on the disk of the server, where that is ours to say
	Again   bool   // whoever sends it does so up to Tries times when no acknowledgement comes
}

// Map is the header as the client library has it.
func (m *Message) Map() nats.Header {
	h := make(nats.Header, len(m.Header))
	m.fill(h, nil)
	return h
}

// fill writes the header into h, whose lists are parts of values.
func (m *Message) fill(h nats.Header, values []string) []string {
	for _, f := range m.Header {
		values = append(values, f.Value)
	}
	for i, f := range m.Header {
		h[f.Name] = values[i : i+1 : i+1]
	}
	return values
}

const headerBegin = "NATS/1.0"

// headerSize is how long the header is on the wire, 0 where there is none.
func (m *Message) headerSize() int {
	if len(m.Header) == 0 && m.Status == "" {
		return 0
	}
	size := len(headerBegin) + len("\r\n\r\n")
	if m.Status != "" {
		size += len(" ") + len(trimmed(m.Status))
	}
	for _, f := range m.Header {
		size += len(f.Name) + len(": ") + len(trimmed(f.Value)) + len("\r\n")
	}
	return size
}

// append writes the message as the NATS protocol has it, with a header of that size.
func (m *Message) append(dst []byte, reply string, header int) []byte {
	verb := "PUB "
	if header > 0 {
		verb = "HPUB "
	}
	dst = append(dst, verb...)
	dst = append(append(dst, m.Subject...), ' ')
	dst = append(append(dst, reply...), ' ')
	if header > 0 {
		dst = append(strconv.AppendInt(dst, int64(header), 10), ' ')
	}
	dst = append(strconv.AppendInt(dst, int64(header+len(m.Data)), 10), "\r\n"...)
	if header > 0 {
		dst = append(dst, headerBegin...)
		if m.Status != "" {
			dst = appendValue(append(dst, ' '), trimmed(m.Status))
		}
		dst = append(dst, "\r\n"...)
		for _, f := range m.Header {
			dst = append(append(dst, f.Name...), ": "...)
			dst = append(appendValue(dst, trimmed(f.Value)), "\r\n"...)
		}
		dst = append(dst, "\r\n"...)
	}
	return append(append(dst, m.Data...), "\r\n"...)
}

// appendValue keeps a value from ending its line, as the client library does.
func appendValue(dst []byte, value string) []byte {
	for {
		i := strings.IndexAny(value, "\r\n")
		if i < 0 {
			return append(dst, value...)
		}
		dst = append(append(dst, value[:i]...), ' ')
		value = value[i+1:]
	}
}

func trimmed(value string) string { return textproto.TrimString(value) }
