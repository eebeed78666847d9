package endpoint

import "net/url"

// Address is the URL as it is sent and signed: what an URL may not hold as it is, such as a
// letter with an accent, is percent-encoded.
func (e *Endpoint) Address() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return e.URL
	}
	query := EncodeQuery(u.RawQuery)
	if query == u.RawQuery && (u.RawPath == "" || u.RawPath == u.EscapedPath()) {
		return e.URL
	}
	u.RawQuery = query
	return u.String()
}

// EncodeQuery encodes what RFC 3986 (3.4) does not allow in a query, and what is encoded stays.
func EncodeQuery(raw string) string {
	const hex = "0123456789ABCDEF"
	var out []byte // nil while all is as it should be
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		fine := queryByte(c) || c == '%' && i+2 < len(raw) && isHex(raw[i+1]) && isHex(raw[i+2])
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
