package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

func attempt(id, endpointID string, o delivery.Outcome) delivery.Attempt {
	sent := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	a := delivery.Attempt{
		Delivery: id, Endpoint: endpointID, Number: 1, Sent: sent, Received: sent.Add(time.Second), Status: 200, Outcome: o,
		Event: delivery.EventRef{
			ID: "evt-" + id, Source: "/sources/shop", Type: "com.acme.order", Subject: "order-7", Topic: "hookspan.events.shop",
			Partition: "EVENTS", Position: bus.Position{Identity: "one", Seq: 3},
		},
	}
	if o != delivery.Delivered {
		a.Status, a.Reason = 503, delivery.ReasonStatus
	}
	return a
}

func TestDeliveriesAreFoundAndRetried(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"].(string)
	late := s.do("POST", "/v1/endpoints", `{"name":"late","url":"https://late.example/"}`).object(201)["id"].(string)
	s.behind[late] = &delivery.Behind{Since: time.Now(), Events: 12}
	s.index.Attempted(attempt("dlv_a", id, delivery.Delivered))
	s.index.Attempted(attempt("dlv_b", id, ""))
	s.index.Attempted(attempt("dlv_c", "ep_gone", delivery.Failed))

	for _, c := range []struct{ query, want string }{
		{"", "dlv_c dlv_b dlv_a"},
		{"?endpoint=crm", "dlv_b dlv_a"},
		{"?endpoint=" + id, "dlv_b dlv_a"},
		{"?endpoint=ep_gone", "dlv_c"},
		{"?status=pending", "dlv_b"},
		{"?reason=status", "dlv_c dlv_b"},
		{"?event=evt-dlv_a&type=com.acme.order&subject=order-7", "dlv_a"},
		{"?since=2026-05-04T12:00:01Z", ""},
		{"?until=2026-05-04T12:00:01Z&limit=1", "dlv_c"},
	} {
		var ids []string
		for _, item := range s.do("GET", "/v1/deliveries"+c.query, "").object(200)["items"].([]any) {
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.query, got, c.want)
		}
	}
	if got := s.do("GET", "/v1/deliveries?status=lost&since=today&colour=red&limit=x&order=up", "").problem(422, "invalid"); fmt.Sprint(got) != "[colour limit order since status]" {
		t.Errorf("bad query: %v", got)
	}
	s.do("GET", "/v1/deliveries?cursor=!", "").problem(422, "invalid")

	one := s.do("GET", "/v1/deliveries/dlv_b", "").object(200)
	if one["endpoint"] != "crm" || one["endpoint_id"] != id || one["endpoint_name"] != "crm" || one["status"] != "pending" {
		t.Errorf("one delivery: %v", one)
	}
	s.do("POST", "/v1/deliveries/dlv_b/retry", "").object(202)
	if c := s.commands[0]; c.Kind != delivery.RetryNow || c.Entry.ID != "dlv_b" || c.Entry.Endpoint != id || c.Entry.Number != 2 || c.Entry.Event.Seq != 3 {
		t.Errorf("command: %+v", c)
	}
	s.do("POST", "/v1/deliveries/dlv_c/retry", "").problem(409, "conflict")
	s.do("POST", "/v1/endpoints/crm/pause", "").object(200)
	s.do("POST", "/v1/deliveries/dlv_b/retry", "").problem(409, "conflict")
	s.do("POST", "/v1/deliveries/none/retry", "").problem(404, "not_found")
	s.do("GET", "/v1/deliveries/none", "").problem(404, "not_found")
	if len(s.commands) != 1 {
		t.Errorf("%d commands, want 1", len(s.commands))
	}

	types := s.do("GET", "/v1/event-types", "").object(200)["items"].([]any)
	if got := types[0].(map[string]any); len(types) != 1 || got["type"] != "com.acme.order" || got["deliveries"] != 3.0 {
		t.Errorf("types: %v", types)
	}
	stats := s.do("GET", "/v1/stats", "").object(200)
	if got := fmt.Sprint(stats["pending"], stats["oldest_pending_seconds"], stats["lag_events"], stats["deliveries"]); got !=
		"map[retry:2] 90 5 map[delivered:1 discarded:0 failed:1]" {
		t.Errorf("stats: %s", got)
	}
}

// What is asked of all that match is asked of each once, and the answer says of how many.
func TestManyDeliveriesAreRetriedOrCancelled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	crm := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"].(string)
	late := s.do("POST", "/v1/endpoints", `{"name":"late","url":"https://late.example/"}`).object(201)["id"].(string)
	for n := range 2500 {
		s.index.Attempted(attempt(fmt.Sprint("dlv_failed", n), crm, delivery.Failed))
	}
	for n := range 3 {
		s.index.Attempted(attempt(fmt.Sprint("dlv_late", n), late, delivery.Failed))
		s.index.Attempted(attempt(fmt.Sprint("dlv_done", n), crm, delivery.Delivered))
		s.index.Attempted(attempt(fmt.Sprint("dlv_open", n), crm, ""))
	}
	queued := delivery.Entry{ID: "dlv_queued", Endpoint: crm, Event: attempt("dlv_queued", crm, "").Event, Number: 1, Created: time.Now()}
	s.waiting = append(s.waiting, delivery.Waiting{Entry: queued, Standing: delivery.Standing{Waits: delivery.WaitsLimited}})
	s.do("POST", "/v1/endpoints/late/pause", "").object(200)

	for _, c := range []struct {
		path, body string
		status     int
		want       string
		kind       delivery.CommandKind
		named      int
	}{
		{"retry?dry_run=true", `{"type":"com.acme.order"}`, 200, "map[accepted:0 dry_run:true matched:2507 skipped:[map[deliveries:3 endpoint:late reason:its endpoint is paused: enable it first]]]", "", 0},
		{"retry", `{"type":"com.acme.order","reason":"status"}`, 202, "map[accepted:2503 matched:2506 skipped:[map[deliveries:3 endpoint:late reason:its endpoint is paused: enable it first]]]", delivery.RetryNow, 2503},
		{"retry", `{"status":"delivered","endpoint":"crm"}`, 202, "map[accepted:3 matched:3]", delivery.RetryNow, 3},
		{"cancel", `{"endpoint":"crm"}`, 202, "map[accepted:4 matched:4]", delivery.Cancel, 4},
		{"cancel", `{"endpoint":"crm","status":"failed","until":"2026-05-04T12:00:00Z"}`, 202, "map[accepted:0 matched:0]", "", 0},
		{"cancel", `{"endpoint":"late","status":"failed"}`, 202, "map[accepted:0 matched:3 skipped:[map[deliveries:3 endpoint:late reason:it has ended: failed]]]", "", 0},
	} {
		s.commands = nil
		if got := fmt.Sprint(s.do("POST", "/v1/deliveries/"+c.path, c.body).object(c.status)); got != c.want {
			t.Errorf("%s %s:\n got %s\nwant %s", c.path, c.body, got, c.want)
		}
		named := map[string]bool{}
		for _, command := range s.commands {
			for _, e := range command.All() {
				if named[e.ID] = true; command.Kind != c.kind || e.Event.Partition == "" {
					t.Errorf("%s: command %s about %+v", c.path, command.Kind, e)
				}
			}
		}
		if len(named) != c.named {
			t.Errorf("%s %s: commands about %d deliveries, want %d", c.path, c.body, len(named), c.named)
		}
	}
	if got := s.do("POST", "/v1/deliveries/retry", `{"colour":"red","status":"lost","since":1}`).problem(422, "invalid"); fmt.Sprint(got) != "[colour since status]" {
		t.Errorf("bad query: %v", got)
	}
	for _, body := range []string{"", "{}"} { // would mean everything
		s.do("POST", "/v1/deliveries/cancel", body).problem(422, "invalid")
	}
	s.do("POST", "/v1/deliveries/cancel?dry_run=maybe", `{"endpoint":"crm"}`).problem(422, "invalid")
	s.commands = nil
	s.do("POST", "/v1/deliveries/dlv_open1/cancel", "").object(202)
	if c := s.commands[0]; c.Kind != delivery.Cancel || c.Entry.ID != "dlv_open1" {
		t.Errorf("command: %+v", c)
	}
	s.do("POST", "/v1/deliveries/dlv_done1/cancel", "").problem(409, "conflict")
}

func TestAnEndpointIsDrainedAndResumed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	crm := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"].(string)
	s.index.Attempted(attempt("dlv_open", crm, ""))
	s.index.Attempted(attempt("dlv_failed", crm, delivery.Failed))
	s.behind[crm] = &delivery.Behind{Events: 12, About: true}
	s.do("POST", "/v1/endpoints/crm/pause", "").object(200)
	if got := fmt.Sprint(s.do("POST", "/v1/endpoints/crm/drain", "").object(202)); got != "map[accepted:1 behind:map[about:true events:12] endpoint:crm matched:1]" {
		t.Errorf("drained: %s", got)
	}
	if c := s.commands[0]; c.Kind != delivery.Drain || c.Entry.Endpoint != crm {
		t.Errorf("command: %+v", c)
	}
	if got := s.do("POST", "/v1/endpoints/crm/resume", "").object(200); got["state"] != "enabled" {
		t.Errorf("resumed: %v", got)
	}
	if _, err := s.registry.SetState(t.Context(), crm, endpoint.Disabled, "the endpoint answered 410 Gone"); err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/v1/endpoints/crm/resume", "").problem(409, "conflict")
	s.do("POST", "/v1/endpoints/none/drain", "").problem(404, "not_found")
}

// A name that no endpoint has is a mistake, and not a query without an answer.
func TestAnUnknownEndpointIsNoQuery(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)
	for name, status := range map[string]int{"crm": 200, "crn": 422, "ep_that-is-gone": 200} {
		for _, request := range [][3]string{
			{"GET", "/v1/deliveries?endpoint=" + name}, {"GET", "/v1/replays?endpoint=" + name},
			{"POST", "/v1/deliveries/retry?dry_run=true", `{"endpoint":"` + name + `"}`}, {"POST", "/v1/deliveries/cancel?dry_run=true", `{"endpoint":"` + name + `"}`},
		} {
			if got := s.do(request[0], request[1], request[2]); got.status != status || status == 422 && !strings.Contains(got.body, `"path":"endpoint"`) {
				t.Errorf("%s %s %s: %d %s", request[0], request[1], request[2], got.status, got.body)
			}
		}
	}
}

func TestATestEventIsSentNow(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)
	for body, want := range map[string]string{"": "hookspan.test", `{"type":"com.acme.order"}`: "com.acme.order"} {
		got := s.do("POST", "/v1/endpoints/crm/test", body).object(200)
		if response, ok := got["response"].(map[string]any); !ok || response["body"] != "" {
			t.Errorf("answered %v", got["response"])
		}
		if got["status_code"] != 204.0 || got["duration_ms"] != 20.0 || got["detail"] != want {
			t.Errorf("tested with %q: %v", body, got)
		}
	}
	s.do("POST", "/v1/endpoints/crm/test", `{"event":"x"}`).problem(422, "invalid")
	s.do("POST", "/v1/endpoints/none/test", "").problem(404, "not_found")
}

func TestRefusalsComeNewestFirst(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for n := range 5 {
		source := []string{"shop", "billing"}[n%2]
		s.refusals = append(s.refusals, fmt.Appendf(nil, `{"time":%q,"source":%q,"reason":"stale","status":401}`, at.Add(time.Duration(n)*time.Second).Format(time.RFC3339Nano), source))
	}
	read := func(query string) (string, any) {
		res := s.do("GET", "/v1/refusals"+query, "").object(200)
		var times []string
		for _, item := range res["items"].([]any) {
			times = append(times, item.(map[string]any)["time"].(string)[17:19])
		}
		return strings.Join(times, " "), res["next"]
	}
	first, next := read("?limit=2")
	second, _ := read("?limit=2&cursor=" + fmt.Sprint(next))
	if first != "04 03" || second != "02 01" {
		t.Errorf("pages %q and %q", first, second)
	}
	if got, next := read("?source=billing&reason=stale"); got != "03 01" || next != nil {
		t.Errorf("filtered: %q", got)
	}
	if got, _ := read("?reason=token"); got != "" {
		t.Errorf("another reason: %q", got)
	}
}
