package problem_test

import (
	"encoding/json"
	"flag"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/schemas/schematest"
)

var update = flag.Bool("update", false, "write the codes into schemas/problem.json anew")

func TestCodesAreTheClosedList(t *testing.T) {
	t.Parallel()
	want := []problem.Code{
		"bad_request", "bus_unavailable", "conflict", "disk_full", "invalid", "invalid_body",
		"managed_elsewhere", "media_type", "method", "not_found", "not_ready", "overloaded", "precondition_failed",
		"rate_limited", "refused", "sender_unavailable", "stopping", "store_full", "too_large", "unauthorized",
		"unavailable", "unknown_source",
	}
	if diff := cmp.Diff(want, problem.Codes()); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	var words []string
	for _, code := range want {
		words = append(words, string(code))
	}
	schematest.Enum(t, *update, "problem.json", "code", words)
}

func TestEveryCodeIsAReadableProblem(t *testing.T) {
	t.Parallel()
	for _, code := range problem.Codes() {
		w := httptest.NewRecorder()
		problem.Write(w, problem.New(code))
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		want := map[string]any{
			"type": "urn:hookspan:problem:" + string(code), "title": got["title"],
			"status": float64(w.Code), "code": string(code),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", code, diff)
		}
		if got["title"] == "" || w.Code < 400 {
			t.Errorf("%s: title %q, status %d", code, got["title"], w.Code)
		}
		if ct := w.Header().Get("Content-Type"); ct != problem.ContentType {
			t.Errorf("%s: Content-Type %q", code, ct)
		}
	}
}

func TestWithNamesTheFields(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	w.Header().Set("Retry-After", "3")
	plain := problem.New(problem.Invalid)
	problem.Write(w, plain.With("2 fields are at fault", problem.Field{Path: "url", Message: "is missing"}))
	want := `{"type":"urn:hookspan:problem:invalid","title":"The input is not valid.","status":422,` +
		`"detail":"2 fields are at fault","code":"invalid","errors":[{"path":"url","message":"is missing"}]}` + "\n"
	if got := w.Body.String(); got != want {
		t.Errorf("body %s\nwant %s", got, want)
	}
	if w.Header().Get("Retry-After") != "3" {
		t.Error("a header that was set before is gone")
	}
	if plain.Detail != "" {
		t.Error("With changed the problem it was called on")
	}
}
