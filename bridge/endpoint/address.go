package endpoint

import (
	"cmp"
	"net/url"
	"strings"
)

// Address is the endpoint's URL as it is sent and signed.
func (e *Endpoint) Address() string { return EncodeURL(e.URL) }

// EncodeURL is a URL as its receiver sees it: what RFC 3986 does not allow in a path or a query, such
// as a letter with an accent, is percent-encoded, what is encoded stays, scheme and host have small
// letters, and there is a path. One that cannot be read stays as it is.
func EncodeURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	path := cmp.Or(u.RawPath, u.EscapedPath(), "/") // there is a RawPath where it says more than the Path
	sent := u.Scheme + "://" + strings.ToLower(u.Host) + encode(path, pathByte)
	if u.RawQuery != "" || u.ForceQuery {
		sent += "?" + encode(u.RawQuery, queryByte)
	}
	return sent
}

// encode encodes what is not allowed.
func encode(raw string, allowed func(byte) bool) string {
	const hex = "0123456789ABCDEF"
	var out []byte // nil while all is as it should be
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		fine := allowed(c) || c == '%' && i+2 < len(raw) && isHex(raw[i+1]) && isHex(raw[i+2])
		switch {
		case fine && out != nil:
			out = append(out, c)
		case !fine:
			if out == nil {
				out = append(make([]byte, 0, len(raw)+16), raw[:i]...)
			}
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	if out == nil {
		return raw
	}
	return string(out)
}

// pathByte is section 3.3, and brackets, which net/url and browsers leave alone in a path.
func pathByte(c byte) bool { return c != '?' && queryByte(c) || c == '[' || c == ']' }

// queryByte is section 3.4.
func queryByte(c byte) bool {
	switch c {
	case '-', '.', '_', '~', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=', ':', '@', '/', '?':
		return true
	}
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
