package naming

import "bytes"

// What parsing costs, roughly, beyond the bytes that are parsed.
const (
	memberCost    = 2 << 10 // a member of a batch: the event, its attributes, what intake knows of it
	attributeCost = 160     // a member of an object that becomes an attribute
)

// membersOf counts the members of a JSON object, of the outermost level alone, without parsing.
func membersOf(doc []byte) (n int64) {
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
