package schematest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A route is what the API answers under a path; * stands for one word of it.
type route struct {
	path   string
	schema string // of the answer, or of each item where it is a page
	page   bool
}

var routes = []route{
	{"/v1/endpoints/*/test", "attempt.json", false},
	{"/v1/endpoints/*/secret", "secret.json", false},
	{"/v1/endpoints/*/drain", "tally.json", false},
	{"/v1/endpoints/*/*", "endpoint.json", false},
	{"/v1/endpoints/*", "endpoint.json", false},
	{"/v1/endpoints", "endpoint.json", true},
	{"/v1/deliveries/retry", "tally.json", false},
	{"/v1/deliveries/cancel", "tally.json", false},
	{"/v1/deliveries/*/retry", "delivery.json", false},
	{"/v1/deliveries/*/cancel", "delivery.json", false},
	{"/v1/deliveries/*", "delivery.json", false},
	{"/v1/deliveries", "delivery.json", true},
	{"/v1/replays/*/*", "replay.json", false},
	{"/v1/replays/*", "replay.json", false},
	{"/v1/replays", "replay.json", true},
	{"/v1/dead/replay", "tally.json", false},
	{"/v1/dead/discard", "tally.json", false},
	{"/v1/dead/*/replay", "tally.json", false},
	{"/v1/dead/*", "aside.json", false},
	{"/v1/dead", "aside.json", true},
	{"/v1/quarantine/*/release", "aside.json", false},
	{"/v1/quarantine/*", "aside.json", false},
	{"/v1/quarantine", "aside.json", true},
	{"/v1/sources/*", "source.json", false},
	{"/v1/sources", "source.json", true},
	{"/v1/refusals", "refusal.json", true},
	{"/v1/event-types/*/inferred", "event-type-inferred.json", false},
	{"/v1/event-types/*/diff", "event-type-diff.json", false},
	{"/v1/event-types/*", "event-type.json", false},
	{"/v1/event-types", "event-type.json", true},
	{"/v1/asyncapi.json", "asyncapi.json", false},
	{"/v1/stats", "stats.json", false},
	{"/v1/log-level", "log-level.json", false},
	{"/v1/keys/rotate", "resealing.json", false},
	{"/v1/keys", "seal-keys.json", false},
	{"/healthz", "status.json", false},
	{"/readyz", "status.json", false},
}

// Answer holds an answer of the admin listener against its schema, and fails the test where it
// does not fit.
func Answer(t testing.TB, method, target string, status int, body []byte) {
	t.Helper()
	if err := answer(method, target, status, body); err != nil {
		t.Errorf("%s %s answers %d: %v", method, target, status, err)
	}
}

func answer(method, target string, status int, body []byte) error {
	path, _, _ := strings.Cut(target, "?")
	switch {
	case status >= http.StatusBadRequest:
		return Fits("problem.json", body)
	case status == http.StatusNoContent, path == "/metrics":
		return nil
	}
	if strings.HasPrefix(path, "/v1/deliveries/bat_") {
		return page("delivery.json", body) // the members of a batch
	}
	if matches("/v1/endpoints/*/preview", path) {
		return page("preview.json", body)
	}
	for _, r := range routes {
		if !matches(r.path, path) {
			continue
		}
		if r.page && method == http.MethodGet {
			return page(r.schema, body)
		}
		return Fits(r.schema, body)
	}
	return fmt.Errorf("the answer has no schema: %s", body)
}

func page(schema string, body []byte) error {
	if err := Fits("page.json", body); err != nil {
		return err
	}
	var p struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	for _, item := range p.Items {
		if err := Fits(schema, item); err != nil {
			return err
		}
	}
	return nil
}

// matches compares word by word.
func matches(pattern, path string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != "*" && want[i] != have[i] {
			return false
		}
	}
	return true
}
