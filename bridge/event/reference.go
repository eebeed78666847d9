package event

import (
	"net/netip"
	"strings"
)

// IsReference reports whether a value is a URI reference (RFC 3986, 4.1), which source is.
// Characters beyond ASCII pass, as in an IRI (RFC 3987), but for those that net/url refuses:
// receivers with the SDK for Go could not read the event.
func IsReference(v string) bool {
	_, rest, ok := cutScheme(v)
	return ok && isRelative(rest)
}

// IsURI is IsReference of one with a scheme, which dataschema is.
func IsURI(v string) bool {
	scheme, rest, ok := cutScheme(v)
	return ok && scheme != "" && isRelative(rest)
}

// cutScheme takes the scheme off. What comes before the first colon must be one, unless the
// colon stands in a later segment, the query or the fragment.
func cutScheme(v string) (scheme, rest string, ok bool) {
	for i := range len(v) {
		switch v[i] {
		case ':':
			return v[:i], v[i+1:], isScheme(v[:i])
		case '/', '?', '#':
			return "", v, true
		}
	}
	return "", v, true
}

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

// isRelative judges all that comes behind a scheme.
func isRelative(v string) bool {
	if rest, found := strings.CutPrefix(v, "//"); found {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		if !isAuthority(rest[:end]) {
			return false
		}
		v = rest[end:]
	}
	v = v[span(v, inPath):]
	if rest, found := strings.CutPrefix(v, "?"); found {
		v = rest[span(rest, inQuery):]
	}
	if rest, found := strings.CutPrefix(v, "#"); found {
		v = rest[span(rest, inQuery):]
	}
	return v == ""
}

func isAuthority(v string) bool {
	if user, host, found := strings.Cut(v, "@"); found {
		if span(user, inUser) < len(user) {
			return false
		}
		v = host
	}
	if literal, found := strings.CutPrefix(v, "["); found {
		address, rest, closed := strings.Cut(literal, "]")
		if !closed || !isIPv6(address) {
			return false
		}
		v = rest
	} else {
		v = v[span(v, inHost):]
	}
	port, found := strings.CutPrefix(v, ":")
	return v == "" || found && span(port, inPort) == len(port)
}

// isIPv6: a zone means something to one machine alone, and no URI has it (RFC 9844).
func isIPv6(v string) bool {
	address, err := netip.ParseAddr(v)
	return err == nil && address.Is6() && address.Zone() == ""
}

// A place is a part of a URI, for the characters that it may hold.
type place uint8

const (
	inUser place = 1 << iota
	inHost
	inPort
	inPath
	inQuery // and in the fragment
)

var places = func() (of [256]place) {
	for c := range of {
		switch c := byte(c); {
		case c >= '0' && c <= '9':
			of[c] = inUser | inHost | inPort | inPath | inQuery
		case isLetter(c), strings.IndexByte("-._~!$&'()*+,;=%", c) >= 0:
			of[c] = inUser | inHost | inPath | inQuery
		case c == ':':
			of[c] = inUser | inPath | inQuery
		case c == '@' || c == '/':
			of[c] = inPath | inQuery
		case c == '?':
			of[c] = inQuery
		case c >= 0x80:
			of[c] = inHost | inPath | inQuery
		}
	}
	return of
}()

// span is how many bytes at the front may stand in a place.
func span(v string, in place) int {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case places[c]&in == 0:
			return i
		case c == '%':
			if i+2 >= len(v) || unhex(v[i+1]) < 0 || unhex(v[i+2]) < 0 {
				return i
			}
			if in == inHost && unhex(v[i+1]) < 8 && v[i+1:i+3] != "25" {
				return i // ASCII is not encoded in a host, says net/url
			}
			i += 2
		}
	}
	return len(v)
}
