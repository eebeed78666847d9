package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/cesql"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/jq"
	"github.com/hookspan/hookspan/bridge/setting"
)

// Limits of a list.
const (
	maxBytes   = 16 << 10 // of its JSON
	maxFilters = 200      // of all of them, nested ones too
	maxDepth   = 10
	maxValue   = 2048 // bytes of an attribute's value
)

const wanted = setting.Wanted(`a list of filters such as [{"exact": {"type": "com.example.order"}}, {"sql": "EXISTS subject"}]`)

// A List of filters must hold as a whole. The zero value holds for every event.
type List struct {
	text    string // as JSON, members sorted; "" for none
	filters []*filter
	faults  []setting.Fault
}

// Parse reads JSON. What does not compile is left to Check.
func (l *List) Parse(text string) error {
	*l = List{}
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return wanted
	}
	if len(raw) == 0 {
		return nil
	}
	var err error
	if l.text, err = canonical(text); err != nil {
		return wanted
	}
	c := compiler{left: maxFilters}
	if len(l.text) > maxBytes {
		c.fault("", "has %d bytes; %d are allowed", len(l.text), maxBytes)
	} else {
		l.filters = c.list("", raw, 1)
	}
	l.faults = c.faults
	return nil
}

// canonical is JSON without spaces, every character as it is.
func canonical(text string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return "", err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(tree)
	return strings.TrimSpace(b.String()), err
}

// OfKind is setting.KindObject.
func (List) OfKind() setting.Kind { return setting.KindObject }

// Check is what does not compile.
func (l List) Check() []setting.Fault { return l.faults }

// Err is the first of what Check says.
func (l List) Err() error {
	if len(l.faults) == 0 {
		return nil
	}
	return errors.New("filters" + l.faults[0].Field + ": " + l.faults[0].Message)
}

// Show is never null.
func (l List) Show() any {
	if l.text == "" {
		return []any{}
	}
	return json.RawMessage(l.text)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (l List) MarshalJSON() ([]byte, error) { return json.Marshal(l.Show()) }

// UnmarshalJSON is Parse.
func (l *List) UnmarshalJSON(raw []byte) error { return l.Parse(string(raw)) }

// LooksInside reports whether some filter looks at the data, which takes longer.
func (l List) LooksInside() bool { return slices.ContainsFunc(l.filters, (*filter).looksInside) }

func (f *filter) looksInside() bool {
	return f.jq != nil || slices.ContainsFunc(f.filters, (*filter).looksInside)
}

// IsZero: there are no filters.
func (l List) IsZero() bool { return l.text == "" }

// Text is the JSON, "" for none.
func (l List) Text() string { return l.text }

// Equal reports whether two lists say the same.
func (l List) Equal(o List) bool { return l.text == o.text }

// Shape is one list as JSON Schema: a filter is an object with one dialect.
func (List) Shape() map[string]any {
	paid := map[string]any{"type": "com.example.order.paid"}
	texts := map[string]any{"type": "object", "minProperties": 1, "additionalProperties": map[string]any{"type": "string", "minLength": 1}}
	nested := map[string]any{"$ref": "#/properties/filters/items"}
	several := map[string]any{"type": "array", "minItems": 1, "items": nested}
	describe := func(shape map[string]any, text string, example any) map[string]any {
		described := map[string]any{"description": text, "examples": []any{example}}
		for key, v := range shape {
			described[key] = v
		}
		return described
	}
	return map[string]any{"type": "array", "items": map[string]any{
		"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
		"properties": map[string]any{
			dialectExact:  describe(texts, "Attributes that have these values.", paid),
			dialectPrefix: describe(texts, "Attributes that begin so.", map[string]any{"subject": "eu/"}),
			dialectSuffix: describe(texts, "Attributes that end so.", map[string]any{"type": ".paid"}),
			dialectAll:    describe(several, "Each of them holds.", []any{map[string]any{dialectExact: paid}}),
			dialectAny:    describe(several, "One of them holds.", []any{map[string]any{dialectExact: paid}}),
			dialectNot:    describe(nested, "It does not hold.", map[string]any{dialectExact: paid}),
			dialectSQL:    describe(map[string]any{"type": "string"}, "A CloudEvents SQL expression (CESQL 1.0) that yields a boolean.", "priority > 5"),
			dialectJQ:     describe(map[string]any{"type": "string"}, "A jq expression over attributes and data whose first output is neither null nor false.", ".data.amount > 100"),
		},
	}}
}

// Holds reports whether an event passes all filters. An error says which one failed, and where and
// why: then the event does not pass. What jq sees of the event is taken from view, or put there for
// the next list; the caller begins with nil.
func (l List) Holds(e *event.Event, view *any) (bool, error) {
	if len(l.faults) > 0 {
		return false, l.Err()
	}
	j := judging{event: e, sql: cesql.Steps, jq: jq.FilterSteps, view: view}
	for _, f := range l.filters {
		if ok, err := f.holds(&j); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// A filterError is the error of one filter.
type filterError struct {
	path  string
	cause error
}

func (f *filterError) Error() string { return fmt.Sprintf("filters%s: %v", f.path, f.cause) }

func (f *filterError) Unwrap() error { return f.cause }
