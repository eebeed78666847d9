package tracing

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"math/rand/v2"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/hookspan/hookspan/bridge/event"
)

// Names of the extensions that carry a trace.
const (
	parentName = "traceparent"
	stateName  = "tracestate"
)

// parse reads a traceparent of W3C Trace Context as the SDK's propagator does (which lets a dash
// at its end pass), without its tracestate, which matters only for what is recorded. What cannot
// be read is not valid.
func parse(parent string) trace.SpanContext {
	const (
		usual   = "00"
		never   = "ff"
		length  = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
		defined = trace.FlagsSampled | trace.FlagsRandom
	)
	var version, flags [1]byte
	var c trace.SpanContextConfig
	p := parent
	if len(p) < length || p[2] != '-' || p[35] != '-' || p[52] != '-' || !unhex(version[:], p[:2]) || p[:2] == never ||
		!unhex(c.TraceID[:], p[3:35]) || !unhex(c.SpanID[:], p[36:52]) || !unhex(flags[:], p[53:55]) {
		return trace.SpanContext{}
	}
	c.TraceFlags = trace.TraceFlags(flags[0])
	if p[:2] == usual && (len(p) > length || c.TraceFlags&^defined != 0) || len(p) > length && p[length] != '-' {
		return trace.SpanContext{}
	}
	c.TraceFlags &= defined
	c.Remote = true
	if of := trace.NewSpanContext(c); of.IsValid() {
		return of
	}
	return trace.SpanContext{}
}

// unhex reads lower case alone.
func unhex(to []byte, text string) bool {
	for i := range to {
		high, low := digit(text[2*i]), digit(text[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		to[i] = high<<4 | low
	}
	return true
}

func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// traceparent names a span.
func traceparent(of trace.SpanContext) string {
	id, span := of.TraceID(), of.SpanID()
	flags := [1]byte{byte(of.TraceFlags() & (trace.FlagsSampled | trace.FlagsRandom))}
	text := append(make([]byte, 0, 55), "00-"...)
	text = append(hex.AppendEncode(text, id[:]), '-')
	text = append(hex.AppendEncode(text, span[:]), '-')
	return string(hex.AppendEncode(text, flags[:]))
}

// with adds what a tracestate says to its traceparent; one that cannot be read says nothing.
func with(of trace.SpanContext, state string) trace.SpanContext {
	if state == "" {
		return of
	}
	read, err := trace.ParseTraceState(state)
	if err != nil {
		return of
	}
	return of.WithTraceState(read)
}

// carry makes an event name a span, in the place of what it has named.
func carry(e *event.Event, of trace.SpanContext) {
	e.SetExtension(parentName, traceparent(of))
	if state := of.TraceState().String(); state != "" {
		e.SetExtension(stateName, state)
		return
	}
	e.Extensions = slices.DeleteFunc(e.Extensions, func(x event.Extension) bool { return x.Name == stateName })
}

// origin is the trace that begins with an event which names none. Its id is made of what the
// event is, so that whoever meets the event, here or in another process, now or hours later,
// decides alike and finds the same trace, and nothing has to travel with the many events that
// nobody records. Sender and time of arrival are part of it: the same event in another
// installation, or come again after the dedup window, is of another trace.
func origin(e *event.Event) trace.SpanContext {
	const one, other = 0x9e3779b97f4a7c15, 0xd1b54a32d192ed03 // two odd numbers without a pattern
	low := uint64(one)
	for _, part := range [...]string{e.Source, e.ID, e.Extension("recordedtime")} {
		low = mix(low, part)
	}
	return identified(fold(low^other, other), fold(low, one))
}

// unpredictable is a trace that begins with nothing that anybody has chosen.
func unpredictable() trace.SpanContext { return identified(rand.Uint64(), rand.Uint64()) }

// spanOf is a span of a trace that nobody records.
func spanOf(id trace.TraceID) trace.SpanContext {
	var span trace.SpanID
	binary.BigEndian.PutUint64(span[:], rand.Uint64()|1) // 0 is no id
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span})
}

// identified is a trace without a span.
func identified(high, low uint64) trace.SpanContext {
	var id trace.TraceID
	binary.BigEndian.PutUint64(id[:8], high|1) // 0 is no id
	binary.BigEndian.PutUint64(id[8:], low)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id})
}

// mix takes a text in, eight bytes at a time, its length at last.
func mix(h uint64, text string) uint64 {
	const odd = 0xa0761d6478bd642f
	length := uint64(len(text))
	for ; len(text) >= 8; text = text[8:] {
		h = fold(h^word(text), odd)
	}
	var rest uint64
	for i := range len(text) {
		rest |= uint64(text[i]) << (8 * i)
	}
	return fold(fold(h^rest, odd)^length, odd)
}

// word is eight bytes as a number.
func word(t string) uint64 {
	_ = t[7] // looked at once
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
		uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}

// fold is one multiplication, the upper half of its product over the lower.
func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}
