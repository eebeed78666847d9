package event

import (
	"crypto/sha256"
	"encoding/hex"
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

// MaxShort is how long a text is at the most that Short returns, in bytes.
const MaxShort = 1 << 10

// Short is a text as records, logs and operations events have it: of one that is longer than
// MaxShort the beginning, … and a hash of the whole, by which two that begin alike are told apart.
// What was cut so is not cut again.
func Short(v string) string {
	if len(v) <= MaxShort {
		return v
	}
	sum := sha256.Sum256([]byte(v))
	tail := "…" + hex.EncodeToString(sum[:8])
	n := MaxShort - len(tail)
	for n > 0 && !utf8.RuneStart(v[n]) {
		n--
	}
	return v[:n] + tail
}
