package event

import "strings"

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
