package scheme

import "bytes"

// A Memory is asked before a request takes more of it than its body has.
type Memory interface {
	// Take returns an error where there is no room for n more bytes.
	Take(n int64) error
}

// What parsing costs, roughly, beyond the bytes that are parsed.
const (
	MemberCost    = 2 << 10  // a member of a batch: the event, its attributes, what intake knows of it
	AttributeCost = 160      // a member of an object that becomes an attribute
	fieldCost     = 160      // a field of a form
	inflateCost   = 48 << 10 // what unpacks gzip
)

// Take asks for n more bytes. Where there are none, the request is refused whatever else is found.
func (x *Exchange) Take(n int64) bool {
	x.Short = x.Short || !x.Request.Take(n)
	return !x.Short
}

func (r *Request) Take(n int64) bool { return r.Memory == nil || r.Memory.Take(n) == nil }

// MembersOf counts the members of a JSON object, of the outermost level alone, without parsing.
func MembersOf(doc []byte) (n int64) {
	depth := 0
	for i := 0; i < len(doc); i++ {
		switch doc[i] {
		case '"':
			i = endOfText(doc, i+1)
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 1 {
				n++
			}
		}
	}
	return n + 1
}

// endOfText returns the place of the quote that ends a text.
func endOfText(doc []byte, i int) int {
	for i < len(doc) {
		next := bytes.IndexAny(doc[i:], `"\`)
		if next < 0 {
			return len(doc)
		}
		if i += next; doc[i] == '"' {
			return i
		}
		i += 2
	}
	return i
}
