package event

import (
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

// IsJSON reports a content type of JSON; none at all is one.
func IsJSON(contentType string) bool { return isJSON(mediaType(contentType)) }

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

// isStructured reports the type of an event in structured mode; a batch is none.
func isStructured(media string) bool {
	return media == StructuredType || media == "application/cloudevents"
}

// isCloudEvents reports a type that every binding takes for an event in structured mode, or for
// a batch of them.
func isCloudEvents(media string) bool { return strings.HasPrefix(media, "application/cloudevents") }

// GuessContentType names the type of data that came without one: JSON, then text. It is "" for
// no data.
func GuessContentType(data []byte) string {
	switch {
	case len(data) == 0:
		return ""
	case json.Valid(withoutMark(data)):
		return "application/json"
	case utf8.Valid(data):
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// binaryType is the data's type as binary mode may say it. Data that calls itself an event, in
// binary mode, would be read as one in structured mode, and the attributes beside it would not
// be read at all: it gets a type that says what the bytes are.
func (e *Event) binaryType() string {
	if isCloudEvents(mediaType(e.DataContentType)) {
		return GuessContentType(e.Data)
	}
	return fieldValue(e.DataContentType)
}
