package admin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

func TestStatsOfOneEndpoint(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	crm := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"].(string)
	late := s.do("POST", "/v1/endpoints", `{"name":"late","url":"https://late.example/"}`).object(201)["id"].(string)
	s.index.Attempted(attempt("dlv_a", crm, delivery.Delivered))
	s.index.Attempted(attempt("dlv_b", crm, delivery.Failed))
	s.index.Attempted(attempt("dlv_c", crm, ""))
	s.index.Attempted(attempt("dlv_d", late, delivery.Delivered))
	s.do("POST", "/v1/endpoints/crm/pause", "").object(200)
	s.behind[crm] = &delivery.Behind{Events: 12, About: true}
	figures := func(query string) string {
		v := s.do("GET", "/v1/stats"+query, "").object(200)
		oldest, _ := v["oldest_pending"].(map[string]any)
		return fmt.Sprintf("%v %v %v %v %v %v", v["delivered"], v["failed"], v["success_rate"], v["pending"], oldest["reason"], len(fmt.Sprint(v["intervals"])) > 10)
	}
	for query, want := range map[string]string{
		"":                            "2 1 0.6666666666666666 map[retry:2] retry false", // what waits in this process's shards
		"?endpoint=crm":               "1 1 0.5 map[paused:13] paused false",
		"?endpoint=late&interval=24h": "1 0 1 map[] <nil> true",
		"?type=com.acme.*":            "2 1 0.6666666666666666 map[paused:1] paused false",
		"?tenant=nobody":              "0 0 <nil> map[] <nil> false",
		"?endpoint=crm&since=" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339): "0 0 <nil> map[paused:13] paused false",
	} {
		if got := figures(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"?endpoint=crn", "?interval=1ms", "?interval=often", "?since=yesterday", "?status=failed"} {
		s.do("GET", "/v1/stats"+query, "").problem(422, "invalid")
	}
}
