package jq

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// Encode writes a value as JSON; false where that has more than limit bytes.
func Encode(v any, limit int) ([]byte, bool) {
	e := encoder{limit: limit}
	ok := e.value(v)
	return e.bytes, ok
}

type encoder struct {
	bytes []byte
	limit int
	depth int
}

// value reports false once there is too much: a value may stand in another so often, and that in a
// third, that all of it would never end.
func (e *encoder) value(v any) bool {
	switch v := v.(type) {
	case nil:
		e.bytes = append(e.bytes, "null"...)
	case bool:
		e.bytes = strconv.AppendBool(e.bytes, v)
	case int:
		e.bytes = strconv.AppendInt(e.bytes, int64(v), 10)
	case float64:
		e.float(v)
	case Literal:
		e.bytes = append(e.bytes, v...)
	case string:
		return e.string(v)
	case []any, *Object:
		if e.depth++; e.depth > maxNesting {
			return false
		}
		ok := e.members(v)
		e.depth--
		return ok && len(e.bytes) <= e.limit
	}
	return len(e.bytes) <= e.limit
}

func (e *encoder) members(v any) bool {
	if list, ok := v.([]any); ok {
		return e.array(list)
	}
	o, _ := v.(*Object)
	return e.object(o)
}

func (e *encoder) array(list []any) bool {
	e.bytes = append(e.bytes, '[')
	for i, v := range list {
		if i > 0 {
			e.bytes = append(e.bytes, ',')
		}
		if !e.value(v) {
			return false
		}
	}
	e.bytes = append(e.bytes, ']')
	return true
}

func (e *encoder) object(o *Object) bool {
	e.bytes = append(e.bytes, '{')
	for i := range o.members {
		if i > 0 {
			e.bytes = append(e.bytes, ',')
		}
		if !e.string(o.members[i].key) {
			return false
		}
		e.bytes = append(e.bytes, ':')
		if !e.value(o.members[i].value) {
			return false
		}
	}
	e.bytes = append(e.bytes, '}')
	return true
}

// float writes what is no number as null, and what is infinite as the largest number.
func (e *encoder) float(f float64) {
	if math.IsNaN(f) {
		e.bytes = append(e.bytes, "null"...)
		return
	}
	f = min(max(f, -math.MaxFloat64), math.MaxFloat64)
	if x := math.Abs(f); x != 0 && x < 1e-6 || x >= 1e21 {
		begin := len(e.bytes)
		e.bytes = strconv.AppendFloat(e.bytes, f, 'e', -1, 64)
		if n := len(e.bytes); n-begin >= 4 && e.bytes[n-4] == 'e' && e.bytes[n-3] == '-' && e.bytes[n-2] == '0' { // e-09 is e-9
			e.bytes[n-2] = e.bytes[n-1]
			e.bytes = e.bytes[:n-1]
		}
		return
	}
	e.bytes = strconv.AppendFloat(e.bytes, f, 'f', -1, 64)
}

const hexDigits = "0123456789abcdef"

func (e *encoder) string(s string) bool {
	if len(e.bytes)+len(s) > e.limit {
		return false
	}
	e.bytes = append(e.bytes, '"')
	begin := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		e.bytes = append(e.bytes, s[begin:i]...)
		switch c {
		case '"', '\\':
			e.bytes = append(e.bytes, '\\', c)
		case '\b':
			e.bytes = append(e.bytes, `\b`...)
		case '\f':
			e.bytes = append(e.bytes, `\f`...)
		case '\n':
			e.bytes = append(e.bytes, `\n`...)
		case '\r':
			e.bytes = append(e.bytes, `\r`...)
		case '\t':
			e.bytes = append(e.bytes, `\t`...)
		default:
			if c >= utf8.RuneSelf {
				e.bytes = append(e.bytes, `\ufffd`...)
			} else {
				e.bytes = append(e.bytes, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
			}
		}
		i++
		begin = i
	}
	e.bytes = append(append(e.bytes, s[begin:]...), '"')
	return len(e.bytes) <= e.limit
}
