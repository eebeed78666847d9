package event

import (
	"net/url"
	"time"
)

// Wrap makes an event of a message that is none: type is the topic's name, source is
// /topics/<topic>, id the message's own id or else its position, time when it was stored.
// The same message always gives the same event. The event keeps data.
func Wrap(topic, messageID, position, contentType string, data []byte, stored time.Time) Event {
	if messageID == "" {
		messageID = position
	}
	if contentType == "" {
		contentType = GuessContentType(data)
	}
	return Event{
		ID:              messageID,
		Source:          "/topics/" + url.PathEscape(topic),
		Type:            topic,
		Time:            stored.UTC(),
		DataContentType: contentType,
		Data:            data,
	}
}
