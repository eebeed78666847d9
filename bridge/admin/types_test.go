package admin_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/sighting"
)

// typed is a bus on which events of some types lie.
type typed struct {
	tally  *sighting.Tally
	stored []bus.Message
	n      int64  // events that were published
	most   int    // that NewestOf was asked for last
	asked  string // how old Sightings might be, and what time NewestOf was given
	late   bool   // the time does not suffice for all
	err    error
}

func (y *typed) Sightings(_ context.Context, within time.Duration) (sighting.Report, error) {
	y.asked = within.String()
	return y.tally.Report(), y.err
}

func (y *typed) NewestOf(_ context.Context, kind string, most int, within time.Duration) (look sighting.Look, err error) {
	y.most, look.Partial = most, y.late
	y.asked += " " + within.String()
	for _, m := range slices.Backward(y.stored) {
		if look.Looked++; m.Event.Type == kind && len(look.Found) < most {
			copied := *m.Event
			m.Event = &copied
			look.Found = append(look.Found, m)
		}
	}
	return look, y.err
}

func (y *typed) Stored(_ context.Context, at sighting.Place) (bus.Message, error) {
	for _, m := range y.stored {
		if m.Position == at.Position && m.Partition == at.Partition {
			return m, nil
		}
	}
	return bus.Message{}, bus.ErrGone
}

// publish stores an event.
func (y *typed) publish(kind, topic, source, data string) {
	y.n++
	n := y.n
	at := func(n int64) bus.Position { return bus.Position{Identity: "one", Seq: n} }
	y.stored = append(y.stored, bus.Message{
		Topic: topic, Partition: "EVENTS", Position: at(n), Stored: time.Date(2026, 5, 4, 10, 0, int(n), 0, time.UTC),
		Event: &event.Event{ID: fmt.Sprint("evt-", n), Source: source, Type: kind, DataContentType: "application/json", Data: []byte(data)},
	})
	y.tally.Take("EVENTS", at(n-1), at(n), y.stored[len(y.stored)-1:])
}

const shipped = "com.sticker.order.shipped"

// typesServer has a source of Sticker's, and events of a type that is known and of one that is not.
func typesServer(t *testing.T) (*server, *typed) {
	t.Helper()
	y := &typed{tally: sighting.New()}
	for n := range 3 {
		y.publish(shipped, "hookspan.events.shop.order.shipped", "/sources/shop", fmt.Sprintf(`{"event":"order.shipped","timestamp":"2026-05-04T10:00:00Z","data":{"order_id":"o-%d","status":"shipped","colour":"red"}}`, n))
	}
	y.publish("com.example.paid", "hookspan.events.billing.paid", "/billing", `{"invoice":7,"paid":true}`)
	y.publish("com.example.paid", "hookspan.events.billing.paid", "/till", `{"invoice":8}`)
	sealer, err := endpoint.NewSealer(bytes.Repeat([]byte{1}, endpoint.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return newReplica(t, endpointtest.New(), sealer, func(o *admin.Options) {
		o.Types = y
		o.Intakes = func() []admin.Intake {
			return []admin.Intake{
				{Source: "shop", Provider: "sticker", Topic: "hookspan.events.shop", Types: []admin.DeclaredType{
					{Type: "com.sticker.order.created", Topic: "hookspan.events.shop.order.created", DataContentType: "application/json", Data: []byte(`{"event":"order.created"}`)},
					{Type: shipped, Topic: "hookspan.events.shop.order.shipped", DataContentType: "application/json", Data: []byte(`{"event":"order.shipped"}`)},
				}},
				{Source: "till", Provider: "hmac", Topic: "hookspan.events.billing"},
			}
		}
	}), y
}

// listed are the types that a query lists, and the answer.
func (s *server) listed(query string) (string, map[string]any) {
	s.t.Helper()
	o := s.do("GET", "/v1/event-types"+query, "").object(200)
	var names []string
	for _, item := range o["items"].([]any) {
		names = append(names, item.(map[string]any)["type"].(string))
	}
	return strings.Join(names, " "), o
}

func TestTypesAreThoseDeclaredSeenAndDelivered(t *testing.T) {
	t.Parallel()
	s, y := typesServer(t)
	s.index.Attempted(attempt("dlv_a", "ep_1", delivery.Delivered)) // of com.acme.order
	const created = "com.sticker.order.created"
	for query, want := range map[string]string{
		"":                            "com.acme.order com.example.paid " + created + " " + shipped,
		"?provider=sticker":           "com.acme.order " + created + " " + shipped, // it lies on the source's topic
		"?provider=hmac":              "com.example.paid",
		"?seen=true":                  "com.acme.order com.example.paid " + shipped,
		"?unknown=true":               "com.acme.order com.example.paid",
		"?provider=hmac&unknown=true": "com.example.paid",
		"?seen=false":                 "com.acme.order com.example.paid " + created + " " + shipped,
		"?provider=sticker&seen=true": "com.acme.order " + shipped,
	} {
		if got, _ := s.listed(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"?provider=stickr": "[provider]", "?seen=maybe": "[seen]", "?limit=0": "[limit]", "?cursor=!": "[cursor]", "?type=a": "[type]",
	} {
		if got := fmt.Sprint(s.do("GET", "/v1/event-types"+query, "").problem(422, "invalid")); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	first, page := s.listed("?limit=2")
	second, last := s.listed("?limit=2&cursor=" + page["next"].(string))
	if all, _ := s.listed(""); first+" "+second != all || last["next"] != nil {
		t.Errorf("pages: %s, %s, next %v", first, second, last["next"])
	}
	if y.asked != "1s" {
		t.Errorf("what is stored was counted within %s", y.asked)
	}
	if s.listed("?limit=2&cursor=" + page["next"].(string)); y.asked != "10m0s" {
		t.Errorf("for another page it was counted within %s", y.asked)
	}
	if s.do("GET", "/v1/event-types/com.example.paid", "").object(200); y.asked != "1s 2s" {
		t.Errorf("for one it was counted within, and looked for %s", y.asked)
	}
	if got := fmt.Sprint(page["counted"]); got != "map[events:5 missed:0 since:2026-05-04T10:00:01Z unlisted:0]" {
		t.Errorf("counted: %s", got)
	}
	y.err = bus.ErrUnavailable
	s.do("GET", "/v1/event-types", "").problem(503, "unavailable")
	s.do("GET", "/v1/event-types/"+shipped, "").problem(503, "unavailable")
}

func TestATypeIsShown(t *testing.T) {
	t.Parallel()
	s, y := typesServer(t)
	for _, body := range []string{
		`{"name":"all","url":"https://a.example/","signature":"none"}`, `{"name":"orders","url":"https://b.example/","signature":"none","events":["com.sticker.*"],"filters":[{"jq":".data.total > 1"}]}`,
		`{"name":"paid","url":"https://c.example/","signature":"none","events":["*.paid"]}`, `{"name":"off","url":"https://d.example/","signature":"none","active":false}`,
		`{"name":"elsewhere","url":"https://e.example/","signature":"none","topics":["hookspan.events.crm.>"]}`,
	} {
		s.do("POST", "/v1/endpoints", body).object(201)
	}
	s.do("POST", "/v1/endpoints/all/pause", "").object(200)
	v := s.do("GET", "/v1/event-types/"+shipped, "").object(200)
	for field, want := range map[string]string{
		"known": "true", "provider": "sticker", "schema": "https://github.com/hookspan/hookspan/schemas/events/com.sticker.order.json",
		"count": "3", "first_seen": "2026-05-04T10:00:01Z", "last_seen": "2026-05-04T10:00:03Z", "counted_since": "2026-05-04T10:00:01Z",
		"sources": "[/sources/shop]", "topics": "[hookspan.events.shop.order.shipped]", "content_types": "[application/json]", "deliveries": "0", "example_of": "event",
	} {
		if got := fmt.Sprint(v[field]); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
	takers := ""
	for _, e := range v["endpoints"].([]any) {
		e := e.(map[string]any)
		takers += fmt.Sprint(e["name"], " ", e["state"], " ", e["decides"], ";")
	}
	if takers != "all paused [];orders enabled [filters];" {
		t.Errorf("taken by %s", takers)
	}
	if example := v["example"].(map[string]any); example["id"] != "evt-3" || example["data"].(map[string]any)["event"] != "order.shipped" {
		t.Errorf("example: %v", example)
	}
	if document := v["schema_document"].(map[string]any); document["title"] != "com.sticker.order.*" || v["inferred_schema"] != nil {
		t.Errorf("schema: %v", document["title"])
	}

	y.stored = y.stored[3:] // the events have gone
	if v = s.do("GET", "/v1/event-types/"+shipped, "").object(200); v["example_of"] != "sample" || v["example"].(map[string]any)["id"] != "sample" {
		t.Errorf("example: %v of %v", v["example"], v["example_of"])
	}
	v = s.do("GET", "/v1/event-types/com.sticker.order.created", "").object(200)
	if v["count"] != 0.0 || v["first_seen"] != nil || v["last_seen"] != nil || v["example_of"] != "sample" {
		t.Errorf("of a type that never came: %v", v)
	}
	if v = s.do("GET", "/v1/event-types/com.example.paid", "").object(200); v["known"] != false || v["schema"] != nil || v["provider"] != "hmac" || v["inferred_schema"].(map[string]any)["title"] != "com.example.paid" || fmt.Sprint(v["sources"]) != "[/billing /till]" {
		t.Errorf("of an unknown type: %v", v)
	}
	y.publish("com.example.paid", "hookspan.events.billing.paid", "/till", `"`+strings.Repeat("x", 70_000)+`"`)
	if v = s.do("GET", "/v1/event-types/com.example.paid", "").object(200); v["example"] != nil || v["example_of"] != nil {
		t.Error("a large event is an example")
	}
	y.publish("odd/type ü", "t", "/s", "")
	if v = s.do("GET", "/v1/event-types/"+url.PathEscape("odd/type ü"), "").object(200); v["type"] != "odd/type ü" || v["count"] != 1.0 || v["inferred_schema"] != nil {
		t.Errorf("of an odd name: %v", v)
	}
	for _, path := range []string{"com.sticker.order.shiped", "com.sticker.order.shiped/inferred", "com.sticker.order.shiped/diff"} {
		res := s.do("GET", "/v1/event-types/"+path, "")
		res.problem(404, "not_found")
		if !strings.Contains(res.body, "did you mean "+shipped+"?") {
			t.Errorf("%s: %s", path, res.body)
		}
	}
	long := s.do("GET", "/v1/event-types/"+strings.Repeat("x", 4000), "")
	long.problem(404, "not_found")
	if strings.Contains(long.body, "did you mean") { // which would take long to find out
		t.Errorf("of a long name: %s", long.body)
	}
	s.do("GET", "/v1/event-types/"+shipped+"?last=3", "").problem(422, "invalid")
	s.do("POST", "/v1/event-types/"+shipped, "").problem(405, "method")
}

// A flood of types is neither listed nor compared with a name that was mistyped.
func TestAFloodOfDeliveredTypesIsBounded(t *testing.T) {
	t.Parallel()
	s, y := typesServer(t)
	y.publish("com.example."+strings.Repeat("x", 130), "t", "/s", "{}")
	if res := s.do("GET", "/v1/event-types/com.example."+strings.Repeat("x", 115), ""); strings.Contains(res.body, "xx?") {
		t.Errorf("a long name is proposed: %s", res.body)
	}
	flood := func(from, to int) {
		for n := from; n < to; n++ {
			a := attempt(fmt.Sprint("dlv_", n), "ep_1", delivery.Delivered)
			a.Event.Type = fmt.Sprintf("flood.%05d", n)
			s.index.Attempted(a)
		}
	}
	flood(0, 1990)
	if res := s.do("GET", "/v1/event-types/com.sticker.order.shiped", ""); !strings.Contains(res.body, "did you mean "+shipped+"?") {
		t.Errorf("of less than many: %s", res.body)
	}
	flood(1990, 2005)
	res := s.do("GET", "/v1/event-types/com.sticker.order.shiped", "")
	res.problem(404, "not_found")
	if strings.Contains(res.body, "did you mean") {
		t.Errorf("of many: %s", res.body)
	}
	if v := s.do("GET", "/v1/event-types/flood.02004", "").object(200); v["deliveries"] != 1.0 {
		t.Errorf("one that is not listed: %v", v)
	}
	listed, query, counted := 0, "?seen=true&limit=500", ""
	for query != "" {
		names, page := s.listed(query)
		listed += len(strings.Fields(names))
		query, counted = "", fmt.Sprint(page["counted"])
		if next, more := page["next"].(string); more {
			query = "?seen=true&limit=500&cursor=" + next
		}
	}
	if listed != 2000+3 || !strings.Contains(counted, "unlisted:0 unlisted_deliveries:5]") {
		t.Errorf("%d types, %s", listed, counted)
	}
}

func TestManyEndpointsOfATypeAreCounted(t *testing.T) {
	t.Parallel()
	s, _ := typesServer(t)
	for n := range 25 {
		s.do("POST", "/v1/endpoints", fmt.Sprintf(`{"name":"e-%02d","url":"https://a.example/","signature":"none"}`, n)).object(201)
	}
	_, page := s.listed("?provider=hmac")
	v := page["items"].([]any)[0].(map[string]any)
	if n := len(v["endpoints"].([]any)); n != 20 || v["more_endpoints"] != 5.0 {
		t.Errorf("%d endpoints and %v", n, v["more_endpoints"])
	}
	if v = s.do("GET", "/v1/event-types/com.example.paid", "").object(200); len(v["endpoints"].([]any)) != 25 || v["more_endpoints"] != nil {
		t.Errorf("shown: %v", v)
	}
}
