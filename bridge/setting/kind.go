package setting

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A Value is a type of settings beside Go's own. Its methods but Parse have plain receivers.
type Value interface {
	// Parse reads text as a variable has it. A list of the file is marked as one: see Items. The
	// error says what is wanted and never repeats the text, which may be a secret.
	Parse(text string) error
	OfKind() Kind
}

// Optional methods of a Value.
type (
	// a shower is shown otherwise than as it is.
	shower interface{ Show() any }
	// a merger takes a member of a JSON merge patch (RFC 7396), which is not null. It replaces
	// what it changes: the old value may be shared.
	merger interface{ Merge(raw []byte) []Fault }
	// a shaper of KindObject says in JSON Schema what it looks like.
	shaper interface{ Shape() map[string]any }
	// a worded value is the same as another one with the same text, whatever was made of that.
	worded interface{ Text() string }
	// a checker can be wrong although it could be read.
	checker interface{ Check() []Fault }
)

// Kind is what a setting's value looks like.
type Kind string

const (
	KindText     Kind = "text"
	KindBoolean  Kind = "boolean"
	KindNumber   Kind = "number"
	KindDuration Kind = "duration"
	KindSize     Kind = "size"
	KindShare    Kind = "share"
	KindRate     Kind = "rate"
	KindAddress  Kind = "address"
	KindList     Kind = "list"    // of texts, durations or address ranges
	KindHeaders  Kind = "headers" // a list or a map
	KindOptions  Kind = "options" // a map
	KindSecret   Kind = "secret"  // has a _FILE twin
	KindSecrets  Kind = "secrets" // a list; has a _FILE twin
	KindLogin    Kind = "login"   // an address that may hold a login; has a _FILE twin
	KindObject   Kind = "object"  // JSON in a variable, as it is in the file and the API

	KindQuota      Kind = "quota"        // so many within an interval
	KindNumbers    Kind = "numbers"      // a list of numbers and ranges of them
	KindListOrText Kind = "list or text" // a list, or one text that stands for more than a list says
)

// Secret kinds may hold what nobody is shown.
func (k Kind) Secret() bool { return k == KindSecret || k == KindSecrets || k == KindLogin }

// List: the file may write a list.
func (k Kind) List() bool {
	return k == KindList || k == KindListOrText || k == KindNumbers || k == KindHeaders || k == KindSecrets
}

// Joint is what stands between key and value where the file may write a map; "" where not.
func (k Kind) Joint() string {
	switch k {
	case KindOptions:
		return "="
	case KindHeaders:
		return ": "
	}
	return ""
}

func kindOf(t reflect.Type) Kind {
	if v, ok := reflect.New(t).Interface().(Value); ok {
		return v.OfKind()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return KindDuration
	case t.Kind() == reflect.Bool:
		return KindBoolean
	case t.Kind() == reflect.Int:
		return KindNumber
	case t.Kind() == reflect.String:
		return KindText
	}
	panic(fmt.Sprintf("setting: %s is no type of settings; implement Value", t))
}

// Parser reads a setting of a type.
func (f Field) Parser() (of reflect.Type, read func(text string) (any, error)) {
	return f.typ, func(text string) (any, error) {
		v, err := parse(f.typ, text)
		if err != nil {
			return nil, err
		}
		return v.Interface(), nil
	}
}

// parse reads a value of a type from text.
func parse(t reflect.Type, text string) (reflect.Value, error) {
	v := reflect.New(t)
	if own, ok := v.Interface().(Value); ok {
		return v.Elem(), own.Parse(text)
	}
	var err error
	switch {
	case t == reflect.TypeFor[time.Duration]():
		var d time.Duration
		d, err = ParseDuration(text)
		v.Elem().SetInt(int64(d))
	case t.Kind() == reflect.Bool:
		text = strings.TrimSpace(text)
		if v.Elem().SetBool(text == "true"); text != "true" && text != "false" {
			err = Wanted("true or false")
		}
	case t.Kind() == reflect.Int:
		var n int
		if n, err = strconv.Atoi(strings.TrimSpace(text)); err != nil || n < 0 {
			err = Wanted("a whole number")
		}
		v.Elem().SetInt(int64(n))
	default:
		v.Elem().SetString(text)
	}
	return v.Elem(), err
}

// Show is the value as the API shows it.
func (f Field) Show(from any) any {
	switch v := f.Value(from).(type) {
	case shower:
		return v.Show()
	case time.Duration:
		return FormatDuration(v)
	default:
		return v
	}
}
