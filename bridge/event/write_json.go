package event

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// AppendStructured appends the event as one JSON document (JSON event format 1.0.2). Data
// of a JSON type goes in as it is, but for white space around it; text becomes a string;
// all else, and what calls itself JSON and is not, becomes data_base64; an empty body is none.
func AppendStructured(dst []byte, e *Event) []byte {
	dst = append(dst, '{')
	e.attributes(func(name, value string, k Kind) {
		dst = appendMember(dst, name, value, k)
	})
	contentType := e.DataContentType
	if contentType == "" && len(e.Data) > 0 && !json.Valid(e.Data) {
		contentType = GuessContentType(e.Data) // without one, a reader takes it for JSON
	}
	if contentType != "" {
		dst = appendMember(dst, "datacontenttype", contentType, String)
	}
	if len(e.Data) > 0 {
		dst = appendData(dst, contentType, e.Data)
	}
	return append(dst, '}')
}

// AppendBatch appends the events as one JSON array.
func AppendBatch(dst []byte, events []*Event) []byte {
	dst = append(dst, '[')
	for i, e := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendStructured(dst, e)
	}
	return append(dst, ']')
}

// appendMember writes a value by its kind, and as a string when it does not read as that.
func appendMember(dst []byte, name, value string, k Kind) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	switch k {
	case Integer:
		if n, err := strconv.ParseInt(value, 10, 32); err == nil {
			return strconv.AppendInt(dst, n, 10)
		}
	case Boolean:
		if value == "true" || value == "false" {
			return append(dst, value...)
		}
	}
	return appendString(dst, value)
}

func appendData(dst []byte, contentType string, data []byte) []byte {
	media := mediaType(contentType)
	switch {
	case !utf8.Valid(data):
	case isJSON(media) && json.Valid(data):
		return append(append(dst, `,"data":`...), data...)
	case isText(media) && !isJSON(media):
		dst = append(dst, `,"data":`...)
		return appendString(dst, data)
	}
	dst = append(dst, `,"data_base64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return append(dst, '"')
}

// appendString appends a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	clean := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[clean:i]...)
		dst = appendEscape(dst, c)
		i++
		clean = i
	}
	dst = append(dst, s[clean:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch {
	case c >= utf8.RuneSelf:
		return append(dst, "\uFFFD"...)
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
