// Package header knows what HTTP lets a header hold.
package header

// ValidName reports whether a header may have the name: a token (RFC 9110, 5.6.2).
func ValidName[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if !token[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

// ValidValue reports whether a header may have the value (RFC 9110, 5.5): no control character
// but the tab.
func ValidValue[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// token holds the bytes of a token. It never changes.
var token = func() (is [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		is[c] = true
	}
	return is
}()
