package receiver

import (
	"net/http"
	"strings"
)

// forwardedPairs reads one parameter out of every element of Forwarded (RFC 7239), in order; ""
// where an element lacks it. Several lines are one list. What cannot be read ends the list,
// because nobody knows what stands behind it.
func forwardedPairs(h http.Header, name string) (values []string) {
	rest := strings.Join(h.Values("Forwarded"), ",")
	for rest = strings.TrimLeft(rest, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		value, after, ok := forwardedElement(rest, name)
		if !ok {
			break
		}
		values, rest = append(values, value), after
	}
	return values
}

// forwardedElement reads name=value pairs between semicolons up to the next comma.
func forwardedElement(text, wanted string) (value, rest string, ok bool) {
	for {
		text = strings.TrimLeft(text, " \t;")
		name, after, found := strings.Cut(text, "=")
		if !found || strings.ContainsAny(name, ",;\" \t") || name == "" {
			return "", "", false
		}
		one, after, ok := forwardedValue(after)
		if !ok {
			return "", "", false
		}
		if strings.EqualFold(name, wanted) {
			value = one
		}
		text = strings.TrimLeft(after, " \t")
		switch {
		case text == "":
			return value, "", true
		case text[0] == ',':
			return value, text[1:], true
		case text[0] != ';':
			return "", "", false
		}
		if strings.Trim(text, " \t;") == "" {
			return value, "", true
		}
	}
}

// forwardedValue reads a token or a quoted string.
func forwardedValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ",; \t")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], true
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], true
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
