package tenant

import (
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// MaxBytes bounds a tenant's name.
const MaxBytes = 256

// Why something is no name of a tenant.
const (
	flawLong = "is longer than 256 bytes"
	flawKind = "where a text or a number is wanted"
)

// Name is a tenant's name as text gives it; spaces around it do not count, and "" is no tenant.
// A flaw says why a text that says something is none all the same.
func Name(text string) (name, flaw string) {
	name = strings.Trim(text, " ")
	switch {
	case len(name) > MaxBytes:
		return "", flawLong
	case !event.Allowed(name):
		return "", event.BadText
	}
	return name, ""
}

// Escaped, a character takes up to six bytes.
const maxRaw = 6*MaxBytes + 2

// Value is Name for a value of a JSON document: a number is its text, null and nothing are no tenant.
func Value(v pointer.Value) (name, flaw string) {
	switch v.Kind {
	case pointer.Absent, pointer.Null:
		return "", ""
	case pointer.String, pointer.Number:
		if len(v.Raw) > maxRaw {
			return "", flawLong
		}
		return Name(v.Text())
	case pointer.Bool:
		return "", "is " + string(v.Raw) + ", " + flawKind
	case pointer.Array:
		return "", "is an array, " + flawKind
	}
	return "", "is an object, " + flawKind
}

// One is Name for several values that say the same thing: a second one that differs is a flaw.
func One(values []string) (name, flaw string) {
	for _, v := range values {
		if v != values[0] {
			return "", "is given " + strconv.Itoa(len(values)) + " times, and not the same"
		}
	}
	if len(values) == 0 {
		return "", ""
	}
	return Name(values[0])
}
