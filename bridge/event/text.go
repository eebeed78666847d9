package event

import (
	"strings"
	"unicode/utf8"
)

// Allowed reports whether a value may be an attribute: a CloudEvents String is UTF-8 without
// control characters (C0, DEL, C1) and without the code points that Unicode calls noncharacters.
func Allowed(v string) bool {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c >= utf8.RuneSelf:
			return allowedRunes(v[i:])
		case c < ' ' || c == 0x7f:
			return false
		}
	}
	return true
}

func allowedRunes(v string) bool {
	for len(v) > 0 {
		r, size := utf8.DecodeRuneInString(v)
		if r == utf8.RuneError && size == 1 || !allowedRune(r) {
			return false
		}
		v = v[size:]
	}
	return true
}

func allowedRune(r rune) bool {
	switch {
	case r < ' ' || r >= 0x7f && r <= 0x9f:
		return false
	case r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe:
		return false
	}
	return true
}

// Clean returns the value with an underscore for all that Allowed objects to.
func Clean(v string) string {
	if Allowed(v) {
		return v
	}
	return strings.Map(func(r rune) rune {
		if !allowedRune(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(v, "_"))
}
