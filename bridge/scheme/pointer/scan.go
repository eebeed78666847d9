package pointer

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// maxDepth is the nesting that encoding/json accepts as well.
const maxDepth = 10000

// ByteOrderMark is what many programs of Windows begin a text in UTF-8 with.
var ByteOrderMark = []byte("\xef\xbb\xbf")

// Scan validates doc and fills out, which must have Len slots, with what the pointers met; a
// key that a document repeats counts with its last value. It returns the kind of the whole
// document, or ErrInvalid. The values point into doc. A byte order mark is passed over, as
// RFC 8259 (8.1) allows.
func (s *Set) Scan(doc []byte, out []Value) (Kind, error) {
	if !utf8.Valid(doc) {
		clear(out)
		return Absent, ErrInvalid
	}
	return s.scan(doc, out)
}

// scan is Scan by the grammar alone: a text may hold bytes that are no UTF-8.
func (s *Set) scan(doc []byte, out []Value) (Kind, error) {
	clear(out)
	doc = bytes.TrimPrefix(doc, ByteOrderMark)
	sc := scanner{doc: doc, out: out}
	start := sc.space(0)
	end := sc.value(start, &s.root)
	if end < 0 || sc.space(end) != len(doc) {
		clear(out)
		return Absent, ErrInvalid
	}
	return kindOf(doc[start]), nil
}

// Elements calls yield with each element of a JSON array that Scan has met, in order.
func Elements(array Value, yield func(Value)) {
	if array.Kind != Array {
		return
	}
	sc := scanner{doc: array.Raw}
	for i := sc.space(1); i >= 0 && i < len(sc.doc) && sc.doc[i] != ']'; {
		end := sc.value(i, nil)
		if end < 0 {
			return
		}
		yield(Value{Kind: kindOf(sc.doc[i]), Raw: sc.doc[i:end]})
		if i = sc.space(end); i < len(sc.doc) && sc.doc[i] == ',' {
			i = sc.space(i + 1)
		}
	}
}

// scanner's methods take an index into doc and return the index behind what they read, or
// -1 when the document breaks the grammar there.
type scanner struct {
	doc   []byte
	out   []Value
	depth int
}

func (s *scanner) space(i int) int {
	for i < len(s.doc) && (s.doc[i] == ' ' || s.doc[i] == '\n' || s.doc[i] == '\t' || s.doc[i] == '\r') {
		i++
	}
	return i
}

func (s *scanner) value(i int, n *node) int {
	if i >= len(s.doc) {
		return -1
	}
	var end int
	switch c := s.doc[i]; {
	case c == '{':
		end = s.nested(i, n, s.object)
	case c == '[':
		end = s.nested(i, n, s.array)
	case c == '"':
		end, _ = s.text(i)
	case c == 't':
		end = s.word(i, "true")
	case c == 'f':
		end = s.word(i, "false")
	case c == 'n':
		end = s.word(i, "null")
	default:
		end = s.number(i)
	}
	if end >= 0 && n != nil && n.slot >= 0 {
		s.out[n.slot] = Value{Kind: kindOf(s.doc[i]), Raw: s.doc[i:end]}
	}
	return end
}

func (s *scanner) nested(i int, n *node, read func(int, *node) int) int {
	if s.depth++; s.depth > maxDepth {
		return -1
	}
	end := read(i+1, n)
	s.depth--
	return end
}

func (s *scanner) object(i int, n *node) int {
	if i = s.space(i); i < len(s.doc) && s.doc[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(s.doc) || s.doc[i] != '"' {
			return -1
		}
		end, escaped := s.text(i)
		if end < 0 {
			return -1
		}
		child := n.named(s.doc[i+1:end-1], escaped)
		if i = s.space(end); i >= len(s.doc) || s.doc[i] != ':' {
			return -1
		}
		if i = s.value(s.space(i+1), child); i < 0 {
			return -1
		}
		var done bool
		if i, done = s.next(i, '}'); done || i < 0 {
			return i
		}
	}
}

func (s *scanner) array(i int, n *node) int {
	if i = s.space(i); i < len(s.doc) && s.doc[i] == ']' {
		return i + 1
	}
	for index := 0; ; index++ {
		if i = s.value(i, n.at(index)); i < 0 {
			return -1
		}
		var done bool
		if i, done = s.next(i, ']'); done || i < 0 {
			return i
		}
	}
}

// next steps over a comma to the next member, or over the closing bracket.
func (s *scanner) next(i int, closing byte) (end int, done bool) {
	if i = s.space(i); i >= len(s.doc) {
		return -1, true
	}
	switch s.doc[i] {
	case ',':
		return s.space(i + 1), false
	case closing:
		return i + 1, true
	default:
		return -1, true
	}
}

// text reads a string and says whether it holds an escape.
func (s *scanner) text(i int) (end int, escaped bool) {
	for i = s.plain(i + 1); i < len(s.doc); i = s.plain(i + 1) {
		switch c := s.doc[i]; {
		case c == '"':
			return i + 1, escaped
		case c < 0x20:
			return -1, escaped
		case c == '\\':
			escaped = true
			if i = s.escape(i + 1); i < 0 {
				return -1, escaped
			}
		}
	}
	return -1, escaped
}

// plain steps over the bytes of a string that mean themselves, eight at a time, and stops at
// a quote, a backslash or a control character at the latest.
func (s *scanner) plain(i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s.doc); i += 8 {
		word := binary.LittleEndian.Uint64(s.doc[i:])
		quote, slash := word^(ones*'"'), word^(ones*'\\')
		// Each term has the high bit of the first byte set that is below a space, a quote
		// or a backslash; borrows can only set bits above that byte.
		found := ((word - ones*' ') &^ word) | ((quote - ones) &^ quote) | ((slash - ones) &^ slash)
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	return i
}

// escape returns the index of the escape's last byte.
func (s *scanner) escape(i int) int {
	if i >= len(s.doc) {
		return -1
	}
	switch s.doc[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		for k := i + 1; k <= i+4; k++ {
			if k >= len(s.doc) || !isHex(s.doc[k]) {
				return -1
			}
		}
		return i + 4
	default:
		return -1
	}
}

func (s *scanner) word(i int, word string) int {
	if len(s.doc)-i < len(word) || string(s.doc[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

func (s *scanner) number(i int) int {
	if i < len(s.doc) && s.doc[i] == '-' {
		i++
	}
	whole := s.digits(i)
	if whole == i || (s.doc[i] == '0' && whole > i+1) {
		return -1
	}
	i = whole
	if i < len(s.doc) && s.doc[i] == '.' {
		fraction := s.digits(i + 1)
		if fraction == i+1 {
			return -1
		}
		i = fraction
	}
	if i < len(s.doc) && (s.doc[i] == 'e' || s.doc[i] == 'E') {
		i++
		if i < len(s.doc) && (s.doc[i] == '+' || s.doc[i] == '-') {
			i++
		}
		exponent := s.digits(i)
		if exponent == i {
			return -1
		}
		i = exponent
	}
	return i
}

func (s *scanner) digits(i int) int {
	for i < len(s.doc) && s.doc[i] >= '0' && s.doc[i] <= '9' {
		i++
	}
	return i
}

func kindOf(first byte) Kind {
	switch first {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	default:
		return Number
	}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
