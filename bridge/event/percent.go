package event

import "strings"

const hexDigits = "0123456789ABCDEF"

// escaped reports the bytes that the HTTP protocol binding (3.1.3.2) has percent-encoded:
// space, double quote, percent, and all that is not printable ASCII.
func escaped(c byte) bool {
	return c <= ' ' || c >= 0x7f || c == '"' || c == '%'
}

// WrittenSize is how many bytes a value has in a header.
func WrittenSize(v string) int {
	n := len(v)
	for i := 0; i < len(v); i++ {
		if escaped(v[i]) {
			n += 2
		}
	}
	return n
}

func percentEncode(v string) string {
	for i := 0; i < len(v); i++ {
		if escaped(v[i]) {
			return string(appendPercent(make([]byte, 0, len(v)+16), v))
		}
	}
	return v
}

func appendPercent(dst []byte, v string) []byte {
	clean := 0
	for i := 0; i < len(v); i++ {
		if c := v[i]; escaped(c) {
			dst = append(dst, v[clean:i]...)
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
			clean = i + 1
		}
	}
	return append(dst, v[clean:]...)
}

// mayBeEncoded: an encoder leaves no character that it has to encode.
func mayBeEncoded(v string) bool {
	for i := 0; i < len(v); i++ {
		if v[i] != '%' && escaped(v[i]) {
			return false
		}
	}
	return true
}

// percentDecode undoes one round of percent-encoding. Senders differ: some never encode, so
// a percent sign that begins no escape stays. What comes out may be no UTF-8.
func percentDecode(v string) string {
	if strings.IndexByte(v, '%') < 0 {
		return v
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) {
			hi, lo := unhex(v[i+1]), unhex(v[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, v[i])
	}
	return string(out)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unquote takes the double quotes off a header value (RFC 9110, 5.6.4), as the HTTP
// protocol binding asks of readers before they decode.
func unquote(v string) string {
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return v
	}
	v = v[1 : len(v)-1]
	if strings.IndexByte(v, '\\') < 0 {
		return v
	}
	var out strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		out.WriteByte(v[i])
	}
	return out.String()
}
