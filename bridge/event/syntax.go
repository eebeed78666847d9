package event

import "strings"

// IsReference reports whether a value may be a URI reference (RFC 3986, 4.1), which source and
// dataschema are. Characters beyond ASCII pass, as in an IRI (RFC 3987).
func IsReference(v string) bool {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case outside[c]:
			return false
		case c == '%' && (i+2 >= len(v) || unhex(v[i+1]) < 0 || unhex(v[i+2]) < 0):
			return false
		}
	}
	colon := strings.IndexByte(v, ':')
	return colon < 0 || strings.ContainsAny(v[:colon], "/?#") || isScheme(v[:colon])
}

// outside are the ASCII characters that no URI has.
var outside = func() (set [256]bool) {
	for c := range ' ' + 1 {
		set[c] = true
	}
	for _, c := range "\"<>\\^`{|}\x7f" {
		set[c] = true
	}
	return set
}()

func isScheme(v string) bool {
	if v == "" || !isLetter(v[0]) {
		return false
	}
	for i := 1; i < len(v); i++ {
		if c := v[i]; !isLetter(c) && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// IsMediaType reports whether a value names a type and a subtype (RFC 9110, 8.3.1), whatever its
// parameters are.
func IsMediaType(v string) bool {
	kind, subtype, found := strings.Cut(mediaType(v), "/")
	return found && isToken(kind) && isToken(subtype)
}

// isToken follows RFC 9110, 5.6.2.
func isToken(v string) bool {
	for i := 0; i < len(v); i++ {
		if c := v[i]; !isLetter(c) && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return v != ""
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
