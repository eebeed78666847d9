package event

import "time"

// ExtensionExpiry is the CloudEvents extension that says from when on an event is of no use.
const ExtensionExpiry = "expirytime"

// Expiry is from when on the event is of no use, as it says itself; zero where it does not say so,
// or not in a form that can be read.
func (e *Event) Expiry() time.Time {
	text := e.Extension(ExtensionExpiry)
	if text == "" {
		return time.Time{}
	}
	t, err := parseTime(text)
	if err != nil {
		return time.Time{}
	}
	return t
}
