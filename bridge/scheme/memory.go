package scheme

// A Memory is asked before a request takes more of it than its body has.
type Memory interface {
	// Take returns an error where there is no room for n more bytes.
	Take(n int64) error
}

// What parsing costs, roughly, beyond the bytes that are parsed.
const (
	fieldCost   = 160      // a field of a form
	inflateCost = 48 << 10 // what unpacks gzip
	textCost    = 6        // a byte of JSON, in texts and in the decoder's buffer
	valueCost   = 128      // a value of JSON, in the list or object that has it
	objectCost  = 304      // the table of an object
)

// Parsed is what a JSON text takes at the most as Go values, up to 70 times its size, and about how
// many values it has. A text that is no JSON takes no more.
func Parsed(text []byte) (bytes, values int64) {
	var objects, marks int64
	quoted, empty := false, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if quoted {
			switch c {
			case '\\':
				i++
			case '"':
				quoted = false
			}
			continue
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '"':
			quoted = true
		case '{':
			objects++
			marks++
		case '[', ',':
			marks++
		case '}':
			if empty { // it has no table
				objects--
			}
		}
		empty = c == '{'
	}
	values = marks + 1
	return textCost*int64(len(text)) + valueCost*values + objectCost*objects, values
}

// Take asks for n more bytes. Where there are none, the request is refused whatever else is found.
func (x *Exchange) Take(n int64) bool {
	x.Short = x.Short || !x.Request.Take(n)
	return !x.Short
}

// Take asks for n more bytes.
func (r *Request) Take(n int64) bool { return r.Memory == nil || r.Memory.Take(n) == nil }
