package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// UnmarshalStructured reads one JSON event (JSON event format 1.0.2) and refuses every one that
// has a flaw. Data of a JSON type is kept as it was written. The error is an ErrNotCloudEvent.
func UnmarshalStructured(data []byte) (Event, error) {
	e, flaws, err := ReadStructured(data)
	return whole(e, flaws, err)
}

// UnmarshalBatch reads a JSON array of events, and refuses every one that has a flaw: all of
// them, or none and an error that names the first bad one.
func UnmarshalBatch(data []byte) ([]Event, error) {
	members, err := Members(data)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(members))
	for i, raw := range members {
		if events[i], err = UnmarshalStructured(raw); err != nil {
			return nil, fmt.Errorf("event %d of the batch: %w", i, err)
		}
	}
	return events, nil
}

// Members are the documents of a batch, each for ReadStructured.
func Members(data []byte) ([]json.RawMessage, error) {
	var members []json.RawMessage
	if err := json.Unmarshal(withoutMark(data), &members); err != nil || members == nil {
		return nil, &InvalidError{Reason: "the body is no JSON array"}
	}
	return members, nil
}

// ReadStructured reads one JSON event and says what was left out of it.
func ReadStructured(data []byte) (Event, []Flaw, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(withoutMark(data), &members); err != nil || members == nil {
		return Event{}, nil, &InvalidError{Reason: "the body is no JSON object"}
	}
	return fromMembers(members)
}

// readBare reads what may be an event or any other document that has the word in it.
func readBare(data []byte) (Event, []Flaw, error) {
	var members map[string]json.RawMessage
	err := json.Unmarshal(withoutMark(data), &members)
	if err == nil && members["specversion"] != nil {
		return fromMembers(members)
	}
	if name, listed := versionIn(data); err != nil && name == "specversion" && !listed {
		return Event{}, nil, &InvalidError{Reason: "the body has a specversion and is no JSON object: " + err.Error()}
	}
	return Event{}, nil, fmt.Errorf("%w: it has no specversion", ErrNotCloudEvent)
}

var byteOrderMark = []byte("\ufeff")

// withoutMark is a document without the byte order mark that some senders begin it with.
func withoutMark(doc []byte) []byte { return bytes.TrimPrefix(doc, byteOrderMark) }

// A document is one JSON event that is being read.
type document struct {
	faults
	e       Event
	version string
	members map[string]json.RawMessage
}

func fromMembers(members map[string]json.RawMessage) (Event, []Flaw, error) {
	d := document{members: members}
	var spelled []string // names that are not allowed as they stand
	for name, raw := range members {
		switch {
		case name == "data" || name == "data_base64" || string(raw) == "null": // an attribute that is null is absent
		case name == "specversion":
			d.text(name, raw, &d.version)
		case d.e.attribute(name) != nil:
			d.text(name, raw, d.e.attribute(name))
		case name == "time":
			d.time(raw)
		case IsExtensionName(name):
			d.extension(name, raw)
		default:
			spelled = append(spelled, name)
		}
	}
	slices.Sort(spelled)
	for _, name := range spelled {
		if small := strings.ToLower(name); IsExtensionName(small) { // an SDK may write traceParent
			d.extension(small, members[name])
		} else {
			d.name(name)
		}
	}
	d.syntax(&d.e) // now: what data is depends on its type
	d.data()
	e, flaws, err := d.judge(&d.e, d.version)
	if bad, ok := errors.AsType[*InvalidError](err); ok { // its data is the whole document
		bad.Legible.DataContentType, bad.Legible.DataSchema = "", ""
	}
	return e, flaws, err
}

func (d *document) text(name string, raw json.RawMessage, to *string) {
	var reason string
	if *to, reason = ReadText(raw); reason != "" {
		*to = ""
		d.attribute(name, reason)
	} else if *to == "" && optional(name) {
		d.empty(name)
	}
}

func (d *document) time(raw json.RawMessage) {
	text, reason := ReadText(raw)
	if reason == "" && text != "" {
		var err error
		if d.e.Time, err = parseTime(text); err != nil {
			reason = "is refused: " + err.Error()
		}
	}
	switch {
	case reason != "":
		d.flaw("time", reason)
	case text == "":
		d.empty("time")
	}
}

func (d *document) extension(name string, raw json.RawMessage) {
	x := Extension{Name: name}
	switch raw[0] {
	case '"':
		var reason string
		if x.Value, reason = ReadText(raw); reason != "" {
			d.flaw(name, reason)
			return
		}
	case 't', 'f':
		x.Value, x.Kind = string(raw), Boolean
	case '{', '[':
		d.flaw(name, "is an object or array")
		return
	default:
		x.Value = string(raw)
		if n, err := strconv.ParseInt(x.Value, 10, 32); err == nil {
			x.Value, x.Kind = strconv.FormatInt(n, 10), Integer
		}
	}
	d.e.Extensions = append(d.e.Extensions, x)
}

// data reads the event's data. Without datacontenttype it is application/json, in so many words:
// whoever is given the event in another form could not tell (JSON event format, 3.1.1).
func (d *document) data() {
	data, plain := d.members["data"]
	encoded, binary := d.members["data_base64"]
	binary = binary && string(encoded) != "null"
	switch {
	case plain && binary:
		d.fatal("data_base64", "it has both data and data_base64")
	case binary:
		text, reason := ReadText(encoded)
		var err error
		if d.e.Data, err = base64.StdEncoding.DecodeString(text); err != nil || reason != "" {
			d.fatal("data_base64", "data_base64 is no base64")
		}
	case plain && !utf8.Valid(data):
		d.fatal("data", "data is no UTF-8")
	case plain && data[0] == '"' && !isJSON(mediaType(d.e.DataContentType)):
		if lone(data) {
			d.fatal("data", "data holds half of a surrogate pair")
		}
		var text string
		_ = json.Unmarshal(data, &text) // the document was parsed before
		d.e.Data = []byte(text)
	case plain:
		d.e.Data = data
	default:
		return
	}
	if len(d.e.Data) == 0 {
		d.e.Data = nil
	} else if d.e.DataContentType == "" {
		d.e.DataContentType = "application/json"
	}
}

// ReadText reads a JSON value as an attribute, and says what is wrong with it, if anything is.
func ReadText(raw json.RawMessage) (text, reason string) {
	switch {
	case raw[0] != '"':
		return "", "is no string"
	case !utf8.Valid(raw) || lone(raw):
		return "", BadText
	}
	_ = json.Unmarshal(raw, &text) // the document was parsed before
	if !Allowed(text) {
		return "", BadText
	}
	return text, ""
}

// lone reports whether a JSON string holds an escaped surrogate that is no half of a pair, for
// which a parser would put U+FFFD.
func lone(raw []byte) bool {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		unit, ok := escapedUnit(raw[i-1:])
		if !ok {
			continue
		}
		i += 4
		if !utf16.IsSurrogate(unit) {
			continue
		}
		low, ok := escapedUnit(raw[i+1:])
		if !ok || utf16.DecodeRune(unit, low) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// escapedUnit reads an escape of \u and four hexadecimal digits.
func escapedUnit(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	return rune(n), err == nil
}
