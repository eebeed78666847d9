package client

import (
	"encoding/json"
	"testing"
)

func TestStatusOfAnEndpointNamesWhatHoldsIt(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`{"state":"enabled","active":true}`:                              "enabled",
		`{"state":"enabled","active":true,"breaker":{"state":"closed"}}`: "enabled",
		`{"state":"enabled","active":true,"breaker":{"state":"open","since":"2026-05-04T10:00:00Z","next_probe":"2026-05-04T10:00:05Z"}}`: "enabled, breaker open since 2026-05-04T10:00:00Z, next probe 2026-05-04T10:00:05Z",
		`{"state":"enabled","active":true,"breaker":{"state":"half_open","since":"2026-05-04T10:00:00Z"}}`:                                "enabled, breaker half_open since 2026-05-04T10:00:00Z",
		`{"state":"paused","reason":"paused by an operator","active":true,"breaker":{"state":"open","since":"2026-05-04T10:00:00Z"}}`:     "paused (paused by an operator), breaker open since 2026-05-04T10:00:00Z",
		`{"state":"enabled","active":false,"breaker":{"state":"open","since":"2026-05-04T10:00:00Z"}}`:                                    "enabled, not active, breaker open since 2026-05-04T10:00:00Z",
		`{"state":"enabled","active":true,"held_until":"2026-05-04T10:01:00Z","held_by":"retry_after"}`:                                   "enabled, held until 2026-05-04T10:01:00Z (retry_after)",
	} {
		var e endpointItem
		if err := json.Unmarshal([]byte(answer), &e); err != nil {
			t.Fatal(err)
		}
		if got := e.status(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
