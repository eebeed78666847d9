package event_test

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
)

func TestExpiry(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"":                          {},
		"2026-05-04T10:00:00Z":      time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC),
		"2026-05-04T12:00:00+02:00": time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC),
		"tomorrow":                  {},
		"1777888800":                {},
	} {
		var e event.Event
		if text != "" {
			e.SetExtension("expirytime", text)
		}
		if got := e.Expiry(); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
