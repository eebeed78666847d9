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
)

// Take asks for n more bytes. Where there are none, the request is refused whatever else is found.
func (x *Exchange) Take(n int64) bool {
	x.Short = x.Short || !x.Request.Take(n)
	return !x.Short
}

// Take asks for n more bytes.
func (r *Request) Take(n int64) bool { return r.Memory == nil || r.Memory.Take(n) == nil }
