package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

func TestFiltersOfAnEndpoint(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const text = `[{"any":[{"prefix":{"subject":"<eu>/"}},{"sql":"priority > 5"}]}]`
	made := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/","filters":`+text+`}`)
	if made.object(201); !strings.Contains(made.body, `"filters":`+text) {
		t.Errorf("created: %s", made.body)
	}
	for filters, want := range map[string]string{
		`[{"exact":{"type":"a"}},{"sql":"type ="}]`: "[filters[1].sql]",
		`[{"sql":"nope("},{"xpath":"x"}]`:           "[filters[0].sql filters[1]]",
		`[{"exact":{"type":"a"}},{"jq":".data."}]`:  "[filters[1].jq]",
		`{"sql":"TRUE"}`:                            "[filters]",
		`"TRUE"`:                                    "[filters]",
	} {
		res := s.do("PATCH", "/v1/endpoints/crm", `{"filters":`+filters+`}`)
		if got := fmt.Sprint(res.problem(422, "invalid")); got != want {
			t.Errorf("%s: %s, want %s", filters, got, want)
		}
		if want == "[filters[1].sql]" && !strings.Contains(res.body, `at 7: want a value`) {
			t.Errorf("%s: %s", filters, res.body)
		}
	}
	if res := s.do("PATCH", "/v1/endpoints/crm", `{"filters":null}`); res.object(200) == nil || !strings.Contains(res.body, `"filters":[]`) {
		t.Errorf("without filters: %s", res.body)
	}
}

// The delivery says why there was none.
func TestAFilterErrorIsShown(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"].(string)
	a := attempt("dlv_a", id, delivery.Discarded)
	const why = "filters[0].sql: at 1: the event has no attribute priority"
	a.Status, a.Reason, a.Ended, a.Detail = 0, "", delivery.EndedFilterError, why
	a.Sent = time.Time{}
	s.index.Attempted(a)
	got := s.do("GET", "/v1/deliveries?reason=filter_error&status=discarded", "").object(200)["items"].([]any)
	if len(got) != 1 {
		t.Fatalf("found %v", got)
	}
	if d := got[0].(map[string]any); d["reason"] != "filter_error" || d["detail"] != why || len(d["attempts"].([]any)) != 0 {
		t.Errorf("shown %v", d)
	}
	s.do("POST", "/v1/deliveries/dlv_a/retry", "").object(202)
	if c := s.commands[0]; c.Entry.Number != 2 {
		t.Errorf("the retry is attempt %d, want 2: the record that tells is of the first", c.Entry.Number)
	}
}
