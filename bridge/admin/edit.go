package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/spelling"
)

// A patch is a JSON merge patch (RFC 7396) over an endpoint: null takes a field back to its
// default, and an option or header away.
type patch struct {
	fields map[string]json.RawMessage
	faults []problem.Field
}

// apply sets the fields on e, which starts as the endpoint was, or as the default.
func (p *patch) apply(e *endpoint.Endpoint) error {
	p.faults = nil
	for _, name := range slices.Sorted(maps.Keys(p.fields)) {
		if f, known := endpoint.Fields().Find(name); known {
			p.set(e, f, p.fields[name])
		} else {
			p.setOther(e, name, p.fields[name])
		}
	}
	if len(p.faults) > 0 {
		return problem.New(problem.Invalid).With("", p.faults...)
	}
	return nil
}

func (p *patch) fault(path, format string, args ...any) {
	p.faults = append(p.faults, problem.Field{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (p *patch) set(e *endpoint.Endpoint, f setting.Field, raw json.RawMessage) {
	was := e.Settings
	for _, fault := range f.Patch(&e.Settings, raw) {
		p.fault(fault.Field, "%s", fault.Message)
	}
	if f.Tag("api") == "once" && e.ID != "" && !f.Same(&was, &e.Settings) {
		f.Copy(&e.Settings, &was)
		p.fault(f.Word, "cannot be changed after the registration")
	}
}

// setOther takes what is no setting: the name, and what only the server says. That is no fault in
// what was read and comes back.
func (p *patch) setOther(e *endpoint.Endpoint, name string, raw json.RawMessage) {
	is, told := told(e)[name]
	var text string
	switch {
	case name == "name":
		e.Name = p.text(name, raw, "")
	case e.ID != "" && told && json.Unmarshal(raw, &text) == nil && text == is,
		e.ID != "" && !told && slices.Contains(readOnly(), name): // as it was read, or no longer true
	case name == "state":
		p.fault(name, "is read only here: POST to /v1/endpoints/{id}/enable or /pause")
	case slices.Contains(readOnly(), name):
		p.fault(name, "is read only")
	default:
		p.fault(name, "is not a field of an endpoint; did you mean %s?", spelling.Nearest(name, editable()))
	}
}

// editable are the fields that can be set.
func editable() []string {
	words := []string{"name"}
	for _, f := range endpoint.Fields() {
		words = append(words, f.Word)
	}
	return words
}

// only reads a body, which may be empty, with this one field.
func (p *patch) only(w http.ResponseWriter, r *http.Request, name string, set func(raw json.RawMessage)) error {
	var err error
	if p.fields, err = readObject(w, r, true); err != nil {
		return err
	}
	for _, field := range slices.Sorted(maps.Keys(p.fields)) {
		if field == name {
			set(p.fields[field])
		} else {
			p.fault(field, "is not known; known is %s", name)
		}
	}
	if len(p.faults) > 0 {
		return problem.New(problem.Invalid).With("", p.faults...)
	}
	return nil
}

// text reads a text; null is what it is by default.
func (p *patch) text(name string, raw json.RawMessage, unset string) string {
	if string(raw) == "null" {
		return unset
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		p.fault(name, "must be a string")
	}
	return text
}

// eventType reads one as events have it; null is what it is by default.
func (p *patch) eventType(name string, raw json.RawMessage, unset string) string {
	if string(raw) == "null" {
		return unset
	}
	text, reason := event.ReadText(raw)
	switch {
	case reason != "":
		p.fault(name, "%s", reason)
	case text == "":
		p.fault(name, "is empty; left out it is %s", unset)
	}
	return text
}
