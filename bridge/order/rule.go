package order

import (
	"cmp"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// partitionKey is the extension of CloudEvents that says which events belong together.
const partitionKey = "partitionkey"

// A Rule says where events have the key that they are ordered by. The zero Rule takes the extension
// partitionkey, and where that is missing the subject.
type Rule struct {
	attribute string
	pointer   pointer.One
}

// ErrRule says what a rule looks like.
var ErrRule = errors.New("want the name of an attribute (subject, source, type, id or an extension: a-z and 0-9), or a JSON pointer such as /customer/id")

const maxRule = 512

// Parse reads a rule: the name of an attribute, or a JSON pointer into the data. An empty text is
// the zero Rule.
func Parse(text string) (Rule, error) {
	switch {
	case text == "":
		return Rule{}, nil
	case len(text) > maxRule:
		return Rule{}, ErrRule
	case strings.HasPrefix(text, "/"):
		one, err := pointer.ParseOne(text)
		return Rule{pointer: one}, err
	case !event.IsAttributeName(text):
		return Rule{}, ErrRule
	}
	return Rule{attribute: text}, nil
}

// Of is the event's key, "" where it has none: 64 bits of a hash, in base 36. Two keys that meet in
// one are ordered as one, which harms neither.
func (r *Rule) Of(e *event.Event) string {
	switch {
	case r.pointer.Given():
		return keyOf(r.pointer.In(e.Data).Text())
	case r.attribute == "":
		return keyOf(cmp.Or(e.Extension(partitionKey), e.Subject))
	}
	value, _, _ := e.Attribute(r.attribute)
	return keyOf(value)
}

func keyOf(text string) string {
	if text == "" {
		return ""
	}
	h := fnv.New64a()
	h.Write([]byte(text))
	return strconv.FormatUint(h.Sum64(), 36)
}
