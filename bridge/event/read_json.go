package event

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// UnmarshalStructured reads one JSON event (JSON event format 1.0.2). Data of a JSON type
// is kept as it was written. The error is an ErrNotCloudEvent.
func UnmarshalStructured(data []byte) (Event, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return Event{}, fmt.Errorf("%w: the body is no JSON object", ErrNotCloudEvent)
	}
	return fromMembers(members)
}

// UnmarshalBatch reads a JSON array of events: all of them, or none and an error that names
// the first bad one.
func UnmarshalBatch(data []byte) ([]Event, error) {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("%w: the body is no JSON array of objects", ErrNotCloudEvent)
	}
	events := make([]Event, len(list))
	for i, members := range list {
		var err error
		if events[i], err = fromMembers(members); err != nil {
			return nil, fmt.Errorf("event %d of the batch: %w", i, err)
		}
	}
	return events, nil
}

func fromMembers(members map[string]json.RawMessage) (Event, error) {
	var e Event
	var version string
	for name, raw := range members {
		var err error
		switch {
		case name == "data":
		case string(raw) == "null": // an attribute that is null is absent
			delete(members, name)
		case name == "specversion":
			err = readString(name, raw, &version)
		case name != "data_base64":
			err = e.readMember(name, raw)
		}
		if err != nil {
			return Event{}, err
		}
	}
	if err := e.readData(members); err != nil {
		return Event{}, err
	}
	e.orderExtensions()
	if err := e.accept(version); err != nil {
		return Event{}, err
	}
	return e, nil
}

func (e *Event) readMember(name string, raw json.RawMessage) error {
	if name == "time" {
		var v string
		err := readString(name, raw, &v)
		if err == nil {
			e.Time, err = parseTime(v)
		}
		return err
	}
	if known := e.attribute(name); known != nil {
		return readString(name, raw, known)
	}
	x := Extension{Name: strings.ToLower(name)}
	switch raw[0] {
	case '"':
		if err := readString(name, raw, &x.Value); err != nil {
			return err
		}
	case 't', 'f':
		x.Value, x.Kind = string(raw), Boolean
	case '{', '[':
		return fmt.Errorf("%w: attribute %.40q is an object or array", ErrNotCloudEvent, name)
	default:
		x.Value = string(raw)
		if n, err := strconv.ParseInt(x.Value, 10, 32); err == nil {
			x.Value, x.Kind = strconv.FormatInt(n, 10), Integer
		}
	}
	e.Extensions = append(e.Extensions, x)
	return nil
}

func (e *Event) readData(members map[string]json.RawMessage) error {
	data, plain := members["data"]
	encoded, binary := members["data_base64"]
	switch {
	case plain && binary:
		return fmt.Errorf("%w: it has both data and data_base64", ErrNotCloudEvent)
	case binary:
		var text string
		err := readString("data_base64", encoded, &text)
		if err != nil {
			return err
		}
		if e.Data, err = base64.StdEncoding.DecodeString(text); err != nil {
			return fmt.Errorf("%w: data_base64 is no base64", ErrNotCloudEvent)
		}
	case plain && data[0] == '"' && !isJSON(mediaType(e.DataContentType)):
		var text string
		if err := readString("data", data, &text); err != nil {
			return err
		}
		e.Data = []byte(text)
	case plain:
		e.Data = data
	}
	return nil
}

func readString(name string, raw json.RawMessage, to *string) error {
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("%w: attribute %.40q is no string", ErrNotCloudEvent, name)
	}
	return nil
}
