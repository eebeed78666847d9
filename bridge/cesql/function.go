package cesql

import (
	"strings"
	"unicode/utf8"
)

// call names a function, one for each number of arguments.
type call uint8

const (
	callInt call = iota
	callBool
	callString
	callIsInt
	callIsBool
	callAbs
	callLength
	callConcat
	callConcatWith
	callLower
	callUpper
	callTrim
	callLeft
	callRight
	callSubstring
)

// A function is what a call evaluates.
type function struct {
	call   call
	yields Kind
	takes  []Kind // of its arguments; 0 takes any
	more   bool   // and any number of Strings
}

// functions are those of the specification (3.5) and the casts of its conformance cases.
var functions = map[string][]function{
	"INT":       {{callInt, Integer, []Kind{0}, false}},
	"BOOL":      {{callBool, Boolean, []Kind{0}, false}},
	"STRING":    {{callString, String, []Kind{0}, false}},
	"IS_INT":    {{callIsInt, Boolean, []Kind{0}, false}},
	"IS_BOOL":   {{callIsBool, Boolean, []Kind{0}, false}},
	"ABS":       {{callAbs, Integer, []Kind{Integer}, false}},
	"LENGTH":    {{callLength, Integer, []Kind{String}, false}},
	"CONCAT":    {{callConcat, String, nil, true}},
	"CONCAT_WS": {{callConcatWith, String, []Kind{String}, true}},
	"LOWER":     {{callLower, String, []Kind{String}, false}},
	"UPPER":     {{callUpper, String, []Kind{String}, false}},
	"TRIM":      {{callTrim, String, []Kind{String}, false}},
	"LEFT":      {{callLeft, String, []Kind{String, Integer}, false}},
	"RIGHT":     {{callRight, String, []Kind{String, Integer}, false}},
	"SUBSTRING": {{callSubstring, String, []Kind{String, Integer}, false}, {callSubstring, String, []Kind{String, Integer, Integer}, false}},
}

func find(name string, args int) (function, bool) {
	for _, f := range functions[name] {
		if args == len(f.takes) || f.more && args > len(f.takes) {
			return f, true
		}
	}
	return function{}, false
}

// mostFixed is how many arguments a function has that takes no more.
const mostFixed = 3

func (e *evaluation) call(n *node) (Value, *Error) {
	if !n.known {
		return Truth(false), n.missing()
	}
	if n.call.more {
		return e.join(n)
	}
	var args [mostFixed]Value
	for i, arg := range n.args {
		v, err := e.of(arg)
		if to := n.call.takes[i]; err == nil && to != 0 {
			ok := false
			if v, ok = cast(v, to); !ok {
				err = arg.uncastable(to)
			}
		}
		if err != nil {
			return zero(n.kind), err
		}
		args[i] = v
	}
	if !e.budget.spend(len(args[0].text)) {
		return zero(n.kind), n.spent()
	}
	return n.apply(args[0], args[1], args[2])
}

// apply is of functions whose arguments have their types.
func (n *node) apply(x, y, z Value) (Value, *Error) {
	switch n.call.call {
	case callInt, callBool, callString:
		v, ok := cast(x, n.kind)
		if !ok {
			return zero(n.kind), n.args[0].uncastable(n.kind)
		}
		return v, nil
	case callIsInt:
		_, ok := cast(x, Integer)
		return Truth(ok), nil
	case callIsBool:
		_, ok := cast(x, Boolean)
		return Truth(ok), nil
	case callAbs:
		if v, err := n.result(max(int64(x.number), -int64(x.number))); err == nil {
			return v, nil
		}
		return Number(1<<31 - 1), &Error{MathError, n.at, "yields no integer of 32 bits"}
	case callLength:
		return n.result(int64(utf8.RuneCountInString(x.text)))
	case callLower:
		return Text(strings.ToLower(x.text)), nil
	case callUpper:
		return Text(strings.ToUpper(x.text)), nil
	case callTrim:
		return Text(strings.TrimSpace(x.text)), nil
	case callLeft, callRight:
		return n.side(x.text, int(y.number))
	}
	if len(n.args) == mostFixed {
		return n.substring(x.text, int(y.number), int(z.number))
	}
	return n.substring(x.text, int(y.number), len(x.text))
}

// side is LEFT or RIGHT.
func (n *node) side(s string, length int) (Value, *Error) {
	if length < 0 {
		return Text(s), n.outside("the length is negative")
	}
	if n.call.call == callLeft {
		return Text(s[:offset(s, length)]), nil
	}
	return Text(s[offset(s, max(utf8.RuneCountInString(s)-length, 0)):]), nil
}

// substring counts characters from 1 on, or from the end where pos is negative.
func (n *node) substring(s string, pos, length int) (Value, *Error) {
	all := utf8.RuneCountInString(s)
	switch {
	case pos > all || pos < -all:
		return Text(""), n.outside("the place is not in the text")
	case length < 0:
		return Text(""), n.outside("the length is negative")
	case pos == 0:
		return Text(""), nil
	case pos < 0:
		pos += all + 1
	}
	s = s[offset(s, pos-1):]
	return Text(s[:offset(s, length)]), nil
}

// offset is where the character with a number begins, from 0 on; the text's end behind the last.
func offset(s string, character int) int {
	for i := range s {
		if character == 0 {
			return i
		}
		character--
	}
	return len(s)
}

func (n *node) outside(message string) *Error {
	return &Error{FunctionEvaluationError, n.at, n.name + ": " + message}
}

// join is CONCAT and CONCAT_WS.
func (e *evaluation) join(n *node) (Value, *Error) {
	args, between := n.args, ""
	if n.call.call == callConcatWith {
		v, err := e.cast(args[0], String)
		if err != nil {
			return zero(String), err
		}
		args, between = args[1:], v.text
	}
	var b strings.Builder
	for i, arg := range args {
		v, err := e.cast(arg, String)
		if err != nil {
			return zero(String), err
		}
		if !e.budget.spend(len(between) + len(v.text)) {
			return zero(String), n.spent()
		}
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(v.text)
	}
	return Text(b.String()), nil
}
