package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/topic"
)

func (a *api) getQuarantined(w http.ResponseWriter, r *http.Request) error {
	it, e, err := item(r, a.Quarantine)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, lookedAt(&it, e))
}

func (a *api) discardQuarantined(w http.ResponseWriter, r *http.Request) error {
	it, _, err := item(r, a.Quarantine)
	if err != nil {
		return err
	}
	if err := a.Quarantine.Resolve(r.Context(), &it, aside.Discarded); err != nil {
		return err
	}
	a.Log.Info("quarantined event discarded by hand", "quarantined", it.ID, "event", it.Event.ID, "type", it.Event.Type)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// A mending is what a release changes of an event.
type mending struct {
	attributes map[string]json.RawMessage // null takes one away
	data       json.RawMessage            // nil: as it is
	base64     json.RawMessage
	topic      string // "": where it lay or would have gone
}

// release publishes a quarantined event, mended as the body says, to the topic that it was meant for.
// It is published first and marked as released then: one that was not marked can be released again,
// under the same id.
func (a *api) release(w http.ResponseWriter, r *http.Request) error {
	change, err := readMending(w, r)
	if err != nil {
		return err
	}
	it, held, err := item(r, a.Quarantine)
	if err != nil {
		return err
	}
	if err := change.mends(held); err != nil {
		return err
	}
	e, err := change.apply(held)
	if err != nil {
		return err
	}
	to := it.Event.Topic
	if change.topic != "" {
		to = change.topic
	}
	if to == "" {
		return problem.New(problem.Invalid).With("", problem.Field{Path: "topic", Message: "is missing: an earlier version did not keep where the event was to go"})
	}
	receipt, err := a.Publisher.Publish(r.Context(), to, e, bus.PublishOptions{Key: "release " + it.ID})
	if err != nil {
		return fmt.Errorf("publish what is released: %w", err)
	}
	if err := a.Quarantine.Resolve(r.Context(), &it, aside.Released); err != nil {
		return err
	}
	a.Log.Info("quarantined event released by hand", "quarantined", it.ID, "event", e.ID, "type", e.Type, "topic", to, "position", receipt.Position.Seq)
	it.Event.ID, it.Event.Source, it.Event.Type, it.Event.Subject, it.Event.Topic = e.ID, e.Source, e.Type, e.Subject, to
	return write(w, http.StatusOK, lookedAt(&it, e))
}

func readMending(w http.ResponseWriter, r *http.Request) (mending, error) {
	fields, err := readObject(w, r, true)
	if err != nil {
		return mending{}, err
	}
	var m mending
	var faults []problem.Field
	fault := func(path, message string) { faults = append(faults, problem.Field{Path: path, Message: message}) }
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		raw := fields[name]
		switch name {
		case "attributes":
			if json.Unmarshal(raw, &m.attributes) != nil {
				fault(name, "must be an object of attributes; null takes one away")
			}
		case "data":
			m.data = raw
		case "data_base64":
			m.base64 = raw
		case "topic":
			if json.Unmarshal(raw, &m.topic) != nil || !topic.Valid(m.topic) {
				fault(name, "must be the name of a topic: words joined by dots, without spaces and wildcards")
			}
		default:
			fault(name, "is not known; a release takes attributes, data, data_base64 and topic")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.attributes)) {
		if name == "specversion" || !event.IsAttributeName(name) {
			fault("attributes."+name, "is no attribute that an event may have")
		}
	}
	if m.data != nil && m.base64 != nil {
		fault("data_base64", "is given beside data: leave one out")
	}
	if len(faults) > 0 {
		return m, problem.New(problem.Invalid).With("", faults...)
	}
	return m, nil
}

// mends refuses to publish for the event what is there of one that was cut short.
func (m *mending) mends(held *event.Event) error {
	var faults []problem.Field
	if held.Extension(delivery.ExtensionCutData) != "" && m.data == nil && m.base64 == nil {
		faults = append(faults, problem.Field{Path: "data", Message: "is missing: the message was too large for the quarantine, which holds the beginning of its data; hookspanplace says where all of it lies"})
	}
	if held.Extension(delivery.ExtensionCutAttributes) != "" && len(m.attributes) == 0 {
		faults = append(faults, problem.Field{Path: "attributes", Message: "are missing: the message was too large for the quarantine, and long ones were cut; hookspanplace says where all of it lies"})
	}
	if len(faults) > 0 {
		return problem.New(problem.Invalid).With("", faults...)
	}
	return nil
}

// apply returns the event as it was before it was set aside, mended.
func (m *mending) apply(held *event.Event) (*event.Event, error) {
	e := delivery.Restored(held)
	if len(m.attributes) == 0 && m.data == nil && m.base64 == nil {
		return e, nil
	}
	var document map[string]json.RawMessage
	if err := json.Unmarshal(event.AppendStructured(nil, e), &document); err != nil {
		return nil, fmt.Errorf("encode what is released: %w", err)
	}
	for name, raw := range m.attributes {
		if document[name] = raw; string(raw) == "null" {
			delete(document, name)
		}
	}
	if m.data != nil || m.base64 != nil {
		delete(document, "data")
		delete(document, "data_base64")
	}
	if m.data != nil {
		document["data"] = m.data
	}
	if m.base64 != nil {
		document["data_base64"] = m.base64
	}
	mended, flaws, err := event.ReadStructured(joined(document))
	var faults []problem.Field
	if bad, is := errors.AsType[*event.InvalidError](err); is {
		faults = append(faults, problem.Field{Path: pathOf(bad.Attribute), Message: "is no valid CloudEvent then: " + bad.Reason})
	} else if err != nil {
		return nil, fmt.Errorf("read what is released: %w", err)
	}
	for _, f := range flaws {
		faults = append(faults, problem.Field{Path: pathOf(f.Attribute), Message: f.Reason})
	}
	if len(faults) > 0 {
		return nil, problem.New(problem.Invalid).With("", faults...)
	}
	return &mended, nil
}

// joined is a document of these members, each to the letter: data is not rewritten.
func joined(members map[string]json.RawMessage) []byte {
	text := []byte{'{'}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = strconv.AppendQuote(text, name)
		text = append(append(text, ':'), members[name]...)
	}
	return append(text, '}')
}

// pathOf is where a release gives what is at fault.
func pathOf(attribute string) string {
	switch attribute {
	case "", "data", "data_base64":
		return attribute
	}
	return "attributes." + attribute
}
