package tenant

import (
	"errors"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// Attribute is the extension that says whose an event is.
const Attribute = "tenant"

// A Rule says where the events on topics have their tenant. The extension tenant counts first,
// whatever the rule: a source has put it there. The zero Rule looks nowhere else.
type Rule struct {
	attribute string
	place     string // as it was written, for a pointer
	pointer   pointer.One
}

// ErrRule says what a rule looks like.
var ErrRule = errors.New("want the name of an attribute (source, type, subject or an extension: a-z and 0-9), or a JSON pointer such as /partner/id")

// Parse reads a rule: the name of an attribute, or a JSON pointer into the data. An empty text is
// the zero Rule.
func Parse(text string) (Rule, error) {
	switch {
	case text == "" || text == Attribute:
		return Rule{}, nil
	case len(text) > maxRule:
		return Rule{}, ErrRule
	case strings.HasPrefix(text, "/"):
		one, err := pointer.ParseOne(text)
		if err != nil {
			return Rule{}, err
		}
		return Rule{place: text, pointer: one}, nil
	case !readable(text):
		return Rule{}, ErrRule
	}
	return Rule{attribute: text}, nil
}

const maxRule = 512

// readable: the name is of an attribute that names a tenant as it stands.
func readable(name string) bool {
	switch name {
	case "specversion", "id", "time", "datacontenttype", "dataschema", "data":
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

// String is the rule as Parse reads it.
func (r *Rule) String() string {
	switch {
	case r.place != "":
		return r.place
	case r.attribute != "":
		return r.attribute
	}
	return Attribute
}

// Of is whose an event is, "" for nobody's. A flaw says why what stands in the rule's place is no
// name of a tenant.
func (r *Rule) Of(e *event.Event) (name, flaw string) {
	if name, flaw = Name(e.Extension(Attribute)); name != "" || flaw != "" {
		return name, flaw
	}
	if r.pointer.Given() {
		return Value(r.pointer.In(e.Data))
	}
	switch r.attribute {
	case "":
		return "", ""
	case "source":
		return Name(e.Source)
	case "type":
		return Name(e.Type)
	case "subject":
		return Name(e.Subject)
	}
	return Name(e.Extension(r.attribute))
}
