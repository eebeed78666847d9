package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNotCloudEvent says that a message carries no CloudEvent; whoever read it may wrap it.
var ErrNotCloudEvent = errors.New("not a CloudEvent")

// An InvalidError says that a message is meant to be a CloudEvent and is none, because of what
// every event must have. It is an ErrNotCloudEvent.
type InvalidError struct {
	Reason string
	// Attribute is the name of what is at fault, data and data_base64 of a JSON document among
	// them; "" where it is the message as a whole.
	Attribute string
	// Legible holds the attributes that could be read. It has no data, which stays
	// with the message.
	Legible Event
}

func (e *InvalidError) Error() string { return "not a valid CloudEvent: " + e.Reason }

func (e *InvalidError) Unwrap() error { return ErrNotCloudEvent }

// A Flaw is an optional attribute that no CloudEvent may have and that was left out.
type Flaw struct {
	Attribute string // its name as it came, cut short and made printable
	Reason    string
	Slight    bool // its name is at fault, or it has no value: that is no reason to refuse the event
}

// Refuse returns the first flaw of an event that is a reason to take nothing of it, as an
// InvalidError: a value that is not allowed. A name that is not allowed, which JSON can write
// and HTTP mostly cannot, is no reason, and neither is an empty value, which says as much as none.
func Refuse(e Event, flaws []Flaw) error {
	for _, f := range flaws {
		if !f.Slight {
			e.Data = nil
			return &InvalidError{Reason: "attribute " + f.Attribute + " " + f.Reason, Attribute: f.Attribute, Legible: e}
		}
	}
	return nil
}

// BadText says what is wrong with a value that Allowed objects to.
const BadText = "holds what is not allowed: control characters, noncharacters or what is no UTF-8"

const (
	badName = "has a name that is not allowed: only a-z and 0-9 are, and no name of CloudEvents itself"
	badRef  = "is no URI reference (RFC 3986): spaces and other characters that no URI has in their place are written as %20 and the like"
	badURI  = "is no absolute URI (RFC 3986) such as https://shop.example/order.json"
	badType = "is no media type such as application/json"
)

// shown is a name as an operator can read it.
func shown(name string) string {
	const most = 40
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return Clean(name)
}

// faults gathers what is wrong with an event that is being read. Attributes come in no order;
// what is said about them has one.
type faults struct {
	flaws   []Flaw
	invalid string // what makes it no event; of several things the first in the alphabet
	culprit string // the attribute that does, if it is one
}

func (f *faults) flaw(attribute, reason string) {
	f.flaws = append(f.flaws, Flaw{Attribute: shown(attribute), Reason: reason})
}

func (f *faults) name(attribute string) {
	f.flaws = append(f.flaws, Flaw{Attribute: shown(attribute), Reason: badName, Slight: true})
}

// empty notes an optional attribute that has to have a value where it is there (CloudEvents 1.0.2,
// "OPTIONAL Attributes").
func (f *faults) empty(attribute string) {
	f.flaws = append(f.flaws, Flaw{Attribute: attribute, Reason: "is empty", Slight: true})
}

// optional are the attributes of CloudEvents itself that an event may lack.
func optional(attribute string) bool {
	switch attribute {
	case "subject", "time", "dataschema", "datacontenttype":
		return true
	}
	return false
}

func (f *faults) fatal(attribute, format string, args ...any) {
	if reason := fmt.Sprintf(format, args...); f.invalid == "" || reason < f.invalid {
		f.invalid, f.culprit = reason, attribute
	}
}

// attribute notes a fault in the value of an attribute, for whether it is required.
func (f *faults) attribute(name, reason string) {
	switch name {
	case "specversion", "id", "source", "type":
		f.fatal(name, "attribute %s %s", name, reason)
	default:
		f.flaw(name, reason)
	}
}

// syntax takes out attributes that have a form of their own and not that form.
func (f *faults) syntax(e *Event) {
	for _, a := range [...]struct {
		name, reason string
		value        *string
		fits         func(string) bool
	}{
		{"source", badRef, &e.Source, IsReference}, {"dataschema", badURI, &e.DataSchema, IsURI},
		{"datacontenttype", badType, &e.DataContentType, IsMediaType},
	} {
		if *a.value != "" && !a.fits(*a.value) {
			f.attribute(a.name, fmt.Sprintf("%.80q %s", *a.value, a.reason))
			*a.value = ""
		}
	}
}

// judge returns what was read, or why it is no event.
func (f *faults) judge(e *Event, version string) (Event, []Flaw, error) {
	f.syntax(e)
	e.orderExtensions()
	switch {
	case f.invalid != "":
	case version != specVersion && version != "":
		f.fatal("specversion", "attribute specversion is %.20s, not %s", version, specVersion)
	case version == "":
		f.fatal("specversion", "attribute specversion is missing")
	case e.ID == "":
		f.fatal("id", "attribute id is missing")
	case e.Source == "":
		f.fatal("source", "attribute source is missing")
	case e.Type == "":
		f.fatal("type", "attribute type is missing")
	}
	if f.invalid != "" {
		legible := *e
		legible.Data = nil
		return Event{}, nil, &InvalidError{Reason: f.invalid, Attribute: f.culprit, Legible: legible}
	}
	slices.SortFunc(f.flaws, func(a, b Flaw) int { return strings.Compare(a.Attribute, b.Attribute) })
	return *e, f.flaws, nil
}
