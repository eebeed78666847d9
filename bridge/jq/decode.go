package jq

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxData bounds how deep a document may be nested.
const maxData = 500

// Decode reads one JSON document; false for what is none, or nested too deep. Texts in the value
// are parts of the one that was given.
func Decode(text string) (any, bool) {
	d := decoder{text: strings.TrimPrefix(text, "\ufeff")}
	d.space()
	v, ok := d.value(0)
	if !ok {
		return nil, false
	}
	d.space()
	return v, d.at == len(d.text)
}

// A decoder gathers what is in arrays and objects before it makes them. Objects and their members
// are made many at a time.
type decoder struct {
	text    string
	at      int
	items   []any    // of the arrays that are open
	members []member // of the objects that are
	objects []Object // not used yet
	room    []member // likewise
}

const (
	objectsAtOnce = 8
	membersAtOnce = 32
)

// made is an object of the members from one on.
func (d *decoder) made(from int) *Object {
	if len(d.objects) == 0 {
		d.objects = make([]Object, objectsAtOnce)
	}
	o := &d.objects[0]
	d.objects = d.objects[1:]
	n := len(d.members) - from
	if n > len(d.room) {
		d.room = make([]member, max(n, membersAtOnce))
	}
	o.members = d.room[:n:n]
	d.room = d.room[n:]
	copy(o.members, d.members[from:])
	d.members = d.members[:from]
	o.sort()
	return o
}

func (d *decoder) space() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// take takes a character where it is the next one.
func (d *decoder) take(c byte) bool {
	if d.at < len(d.text) && d.text[d.at] == c {
		d.at++
		return true
	}
	return false
}

func (d *decoder) word(w string) bool {
	if strings.HasPrefix(d.text[d.at:], w) {
		d.at += len(w)
		return true
	}
	return false
}

func (d *decoder) value(depth int) (any, bool) {
	if d.at >= len(d.text) || depth > maxData {
		return nil, false
	}
	switch d.text[d.at] {
	case '{':
		d.at++
		return d.object(depth + 1)
	case '[':
		d.at++
		return d.array(depth + 1)
	case '"':
		d.at++
		s, ok := d.string()
		return s, ok
	case 't':
		return true, d.word("true")
	case 'f':
		return false, d.word("false")
	case 'n':
		return nil, d.word("null")
	}
	return d.number()
}

func (d *decoder) object(depth int) (any, bool) {
	from := len(d.members)
	d.space()
	if d.take('}') {
		return &Object{}, true
	}
	for {
		d.space()
		if !d.take('"') {
			return nil, false
		}
		key, ok := d.string()
		if !ok {
			return nil, false
		}
		d.space()
		if !d.take(':') {
			return nil, false
		}
		d.space()
		v, ok := d.value(depth)
		if !ok {
			return nil, false
		}
		d.members = append(d.members, member{key, v})
		d.space()
		if d.take('}') {
			return d.made(from), true
		}
		if !d.take(',') {
			return nil, false
		}
	}
}

// sort puts members in their order; of two with one key the later one counts.
func (o *Object) sort() {
	sorted := true
	for i := 1; i < len(o.members) && sorted; i++ {
		sorted = o.members[i-1].key < o.members[i].key
	}
	if sorted {
		return
	}
	if len(o.members) <= 12 {
		for i := 1; i < len(o.members); i++ {
			x, at := o.members[i], i
			for ; at > 0 && o.members[at-1].key > x.key; at-- {
				o.members[at] = o.members[at-1]
			}
			o.members[at] = x
		}
	} else {
		slices.SortStableFunc(o.members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	}
	n := 0
	for i := range o.members {
		if n > 0 && o.members[n-1].key == o.members[i].key {
			n--
		}
		o.members[n] = o.members[i]
		n++
	}
	clear(o.members[n:])
	o.members = o.members[:n]
}

func (d *decoder) array(depth int) (any, bool) {
	from := len(d.items)
	d.space()
	if d.take(']') {
		return []any{}, true
	}
	for {
		d.space()
		v, ok := d.value(depth)
		if !ok {
			return nil, false
		}
		d.items = append(d.items, v)
		d.space()
		if d.take(']') {
			list := slices.Clone(d.items[from:])
			d.items = d.items[:from]
			return list, true
		}
		if !d.take(',') {
			return nil, false
		}
	}
}

// string reads what lies behind the opening quote. The text is known to be UTF-8.
func (d *decoder) string() (string, bool) {
	begin := d.at
	for d.at < len(d.text) {
		switch c := d.text[d.at]; {
		case c == '"':
			d.at++
			return d.text[begin : d.at-1], true
		case c == '\\':
			return d.escaped(begin)
		case c < ' ':
			return "", false
		}
		d.at++
	}
	return "", false
}

func (d *decoder) escaped(begin int) (string, bool) {
	b := append(make([]byte, 0, 2*(d.at-begin)+16), d.text[begin:d.at]...)
	for d.at < len(d.text) {
		c := d.text[d.at]
		d.at++
		switch {
		case c == '"':
			return string(b), true
		case c < ' ':
			return "", false
		case c != '\\':
			b = append(b, c)
			continue
		}
		if d.at >= len(d.text) {
			return "", false
		}
		c = d.text[d.at]
		d.at++
		if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
			b = append(b, "\"\\/\b\f\n\r\t"[i])
			continue
		}
		r, ok := d.hex()
		if c != 'u' || !ok {
			return "", false
		}
		if utf16.IsSurrogate(r) {
			r = d.pair(r)
		}
		b = utf8.AppendRune(b, r)
	}
	return "", false
}

// pair is the character of two halves; half of one is U+FFFD.
func (d *decoder) pair(high rune) rune {
	at := d.at
	if d.word(`\u`) {
		if low, ok := d.hex(); ok {
			if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
				return r
			}
		}
	}
	d.at = at
	return utf8.RuneError
}

func (d *decoder) hex() (rune, bool) {
	if d.at+4 > len(d.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(d.text[d.at:d.at+4], 16, 32)
	d.at += 4
	return rune(n), err == nil
}

func (d *decoder) digits() bool {
	begin := d.at
	for d.at < len(d.text) && d.text[d.at] >= '0' && d.text[d.at] <= '9' {
		d.at++
	}
	return d.at > begin
}

func (d *decoder) number() (any, bool) {
	begin := d.at
	d.take('-')
	if !d.take('0') && !d.digits() {
		return nil, false
	}
	plain := true
	if d.take('.') {
		plain = false
		if !d.digits() {
			return nil, false
		}
	}
	if d.take('e') || d.take('E') {
		plain = false
		if !d.take('+') {
			d.take('-')
		}
		if !d.digits() {
			return nil, false
		}
	}
	text := d.text[begin:d.at]
	if plain && len(text) < 18 && text != "-0" {
		n, _ := strconv.Atoi(text) // fits
		return n, true
	}
	if !plain {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f, true
		}
	}
	return number(text), true
}
