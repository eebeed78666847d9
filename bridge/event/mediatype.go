package event

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// mediaType is the type without its parameters, in lower case.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// tight is the type without the optional spaces in front of its parameters (RFC 9110, 5.6.6).
func tight(contentType string) string {
	if !strings.Contains(contentType, "; ") || strings.Contains(contentType, `"`) {
		return contentType
	}
	parts := strings.Split(contentType, ";")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.TrimLeft(parts[i], " ")
	}
	return strings.Join(parts, ";")
}

// isJSON follows the JSON event format (3.1): */json, *+json, and no type at all.
func isJSON(media string) bool {
	return media == "" || strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json")
}

// isText reports types whose data people read; such data becomes a JSON string instead of
// base64 when it is UTF-8.
func isText(media string) bool {
	if strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+xml") || strings.HasSuffix(media, "+yaml") {
		return true
	}
	switch media {
	case "application/xml", "application/yaml", "application/javascript", "application/x-www-form-urlencoded":
		return true
	}
	return false
}

// GuessContentType names the type of data that came without one: JSON objects and arrays,
// then text. It is "" for no data.
func GuessContentType(data []byte) string {
	start := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(data) == 0:
		return ""
	case len(start) > 0 && (start[0] == '{' || start[0] == '[') && json.Valid(data):
		return "application/json"
	case utf8.Valid(data):
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}
