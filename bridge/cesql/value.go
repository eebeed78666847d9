package cesql

import (
	"strconv"
	"strings"
)

// Kind is a type of the language; the zero Kind is not known before the evaluation.
type Kind uint8

// The types of values.
const (
	Boolean Kind = iota + 1
	Integer
	String
)

func (k Kind) String() string {
	switch k {
	case Boolean:
		return "boolean"
	case Integer:
		return "integer"
	case String:
		return "text"
	}
	return "value"
}

// A Value is of one of the types. Values may be compared.
type Value struct {
	kind   Kind
	number int32 // of a Boolean 0 or 1
	text   string
}

// Text is a String.
func Text(s string) Value { return Value{kind: String, text: s} }

// Number is an Integer.
func Number(n int32) Value { return Value{kind: Integer, number: n} }

// Truth is a Boolean.
func Truth(b bool) Value {
	if b {
		return Value{kind: Boolean, number: 1}
	}
	return Value{kind: Boolean}
}

// Kind is the value's type.
func (v Value) Kind() Kind { return v.kind }

// IsTrue reports a Boolean that is true.
func (v Value) IsTrue() bool { return v == Truth(true) }

// Any is the value as Go has it: a bool, an int32 or a string.
func (v Value) Any() any {
	switch v.kind {
	case Boolean:
		return v.number != 0
	case Integer:
		return v.number
	}
	return v.text
}

// zero is what an operation of the type yields beside an error; of one that has no type, false.
func zero(k Kind) Value {
	if k == 0 {
		k = Boolean
	}
	return Value{kind: k}
}

// cast follows 3.7. Where a value cannot be cast it reports false, with the type's zero.
func cast(v Value, to Kind) (Value, bool) {
	switch {
	case v.kind == to:
		return v, true
	case to == String:
		if v.kind == Integer {
			return Text(strconv.Itoa(int(v.number))), true
		}
		return Text(strconv.FormatBool(v.number != 0)), true
	case v.kind != String && to == Boolean:
		return Truth(v.number != 0), true
	case v.kind != String:
		return Number(v.number), true
	case to == Integer:
		n, ok := integer(v.text)
		return Number(n), ok
	case len(v.text) == len("true") && strings.EqualFold(v.text, "true"):
		return Truth(true), true
	case len(v.text) == len("false") && strings.EqualFold(v.text, "false"):
		return Truth(false), true
	}
	return Truth(false), false
}

// integer reads a whole text as a 32-bit integer, with or without a sign.
func integer(s string) (int32, bool) {
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative, s = s[0] == '-', s[1:]
	}
	if s == "" {
		return 0, false
	}
	n := int64(0)
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if n = n*10 + int64(s[i]-'0'); n > 1<<31 {
			return 0, false
		}
	}
	if negative {
		n = -n
	}
	return fits(n)
}

// fits reports whether a result is a 32-bit integer.
func fits(n int64) (int32, bool) {
	if int64(int32(n)) != n {
		return 0, false
	}
	return int32(n), true
}
