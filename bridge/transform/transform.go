package transform

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/hookspan/hookspan/bridge/jq"
	"github.com/hookspan/hookspan/bridge/setting"
)

// A Transform is a jq expression; the zero value changes nothing.
type Transform struct {
	text       string
	expression *jq.Expression
	fault      string
}

const wanted = setting.Wanted("a text, a jq expression such as {body: .data, headers: {\"X-Type\": .attributes.type}}")

// Parse takes a jq expression. What does not compile is left to Check.
func (t *Transform) Parse(text string) error {
	*t = Transform{text: text}
	if strings.TrimSpace(text) == "" {
		t.text = ""
		return nil
	}
	x, err := jq.Compile(text)
	if err != nil {
		t.fault = err.Error()
		return nil
	}
	t.expression = x
	return nil
}

// OfKind is setting.KindText.
func (Transform) OfKind() setting.Kind { return setting.KindText }

// Check is what does not compile.
func (t Transform) Check() []setting.Fault {
	if t.fault == "" {
		return nil
	}
	return []setting.Fault{{Message: t.fault}}
}

// Text is the expression, "" for none.
func (t Transform) Text() string { return t.text }

// Show is Text.
func (t Transform) Show() any { return t.text }

// MarshalJSON writes what UnmarshalJSON reads.
func (t Transform) MarshalJSON() ([]byte, error) { return json.Marshal(t.text) }

// UnmarshalJSON takes a text.
func (t *Transform) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return wanted
	}
	return t.Parse(text)
}

// IsZero: events are sent as they are.
func (t Transform) IsZero() bool { return t.text == "" }

// Equal reports whether two transforms say the same.
func (t Transform) Equal(o Transform) bool { return t.text == o.text }

// apply makes a request of what an expression sees; nil: nothing is to be sent. Errors: jq.ErrSpent
// where the steps did not suffice, else what is wrong, in words that repeat nothing of the event.
func (t Transform) apply(in any, steps jq.Budget) (*Request, error) {
	if t.expression == nil {
		return nil, errors.New("it does not compile: " + t.fault)
	}
	v, ok, err := t.expression.First(in, &steps)
	if err != nil || !ok || v == nil {
		return nil, err
	}
	return requestOf(v)
}
