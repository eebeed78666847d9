package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
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

func TestASchemaIsInferred(t *testing.T) {
	t.Parallel()
	s, y := typesServer(t)
	y.publish("com.example.paid", "hookspan.events.billing.paid", "/till", `paid`)
	v := s.do("GET", "/v1/event-types/com.example.paid/inferred?last=7", "").object(200)
	if got := fmt.Sprintf("%v %v %v %v %v %v %v", v["type"], v["events"], v["without_json"], v["looked"], v["since"], v["until"], y.most); got != "com.example.paid 3 1 6 2026-05-04T10:00:04Z 2026-05-04T10:00:06Z 7" {
		t.Errorf("looked into %s", got)
	}
	schema, err := json.Marshal(v["schema"])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"$schema":"https://json-schema.org/draft/2020-12/schema","description":"Inferred from the newest 2 events of the type, stored from 2026-05-04T10:00:04Z to 2026-05-04T10:00:06Z.",` +
		`"properties":{"invoice":{"type":"integer"},"paid":{"type":"boolean"}},"required":["invoice"],"title":"com.example.paid","type":"object"}`
	if string(schema) != want {
		t.Errorf("%s\nwant %s", schema, want)
	}
	s.do("GET", "/v1/event-types/com.example.paid/inferred", "").object(200)
	if y.most != 100 {
		t.Errorf("asked for %d", y.most)
	}
	for _, last := range []string{"0", "1001", "x"} {
		s.do("GET", "/v1/event-types/com.example.paid/inferred?last="+last, "").problem(422, "invalid")
		s.do("GET", "/v1/event-types/"+shipped+"/diff?last="+last, "").problem(422, "invalid")
	}
	res := s.do("GET", "/v1/event-types/com.sticker.order.created/inferred", "") // declared, and none came
	res.problem(404, "not_found")
	if !strings.Contains(res.body, "among the newest 6") {
		t.Errorf("answer: %s", res.body)
	}
	y.late = true
	v = s.do("GET", "/v1/event-types/com.example.paid/inferred", "").object(200)
	if text := fmt.Sprint(v["schema"].(map[string]any)["description"]); v["partial"] != true || !strings.HasPrefix(text, "Inferred from those found in time, 2 events") {
		t.Errorf("of a look that took too long: %v, %s", v["partial"], text)
	}
	if v = s.do("GET", "/v1/event-types/"+shipped+"/diff", "").object(200); v["partial"] != true {
		t.Errorf("of a look that took too long: %v", v)
	}
	res = s.do("GET", "/v1/event-types/com.sticker.order.created/inferred", "")
	res.problem(503, "unavailable")
	if !strings.Contains(res.body, "found in time") {
		t.Errorf("answer: %s", res.body)
	}
	y.err = bus.ErrUnavailable
	s.do("GET", "/v1/event-types/com.example.paid/inferred", "").problem(503, "unavailable")
	plain := newServer(t)
	plain.do("GET", "/v1/event-types/"+shipped+"/inferred", "").problem(503, "unavailable")
	plain.do("GET", "/v1/event-types/"+shipped, "").problem(404, "not_found")
}

func TestEventsAreComparedWithTheirSchema(t *testing.T) {
	t.Parallel()
	s, y := typesServer(t)
	v := s.do("GET", "/v1/event-types/"+shipped+"/diff", "").object(200)
	differences := func() (text string) {
		for _, d := range v["differences"].([]any) {
			d := d.(map[string]any)
			text += fmt.Sprint(d["path"], " ", d["kind"], " ", d["count"], "/", d["of"], ";")
		}
		return text
	}
	if got := differences(); got != "/data/colour undeclared 3/3;" || v["different"] != true || v["events"] != 3.0 {
		t.Errorf("%s of %v", got, v)
	}
	y.publish("com.sticker.order.lost", "t", "/s", `{"event":"order.lost","timestamp":"2026-05-04T10:00:00Z","data":{"order_id":7,"status":"lost"}}`)
	if v = s.do("GET", "/v1/event-types/com.sticker.order.lost/diff", "").object(200); differences() != "/data/order_id type 1/1;" {
		t.Errorf("differences: %v", v)
	}
	y.publish("com.sticker.order.fine", "t", "/s", `{"event":"order.fine","timestamp":"2026-05-04T10:00:00Z","data":{"order_id":"7","status":"fine"}}`)
	if v = s.do("GET", "/v1/event-types/com.sticker.order.fine/diff", "").object(200); v["different"] != false || differences() != "" {
		t.Errorf("differences: %v", v)
	}
	var many strings.Builder
	for n := range 300 {
		fmt.Fprintf(&many, `"k%d":1,`, n)
	}
	y.publish("com.sticker.order.odd", "t", "/s", `{`+many.String()+`"event":"order.odd","timestamp":"2026-05-04T10:00:00Z","data":{`+many.String()+`"order_id":"7"}}`)
	if v["more"] != nil {
		t.Errorf("more: %v", v)
	}
	if v = s.do("GET", "/v1/event-types/com.sticker.order.odd/diff", "").object(200); v["more"] != true || len(v["differences"].([]any)) != 500 {
		t.Errorf("of many: %d differences, more %v", len(v["differences"].([]any)), v["more"])
	}
	res := s.do("GET", "/v1/event-types/com.example.paid/diff", "")
	res.problem(404, "not_found")
	if !strings.Contains(res.body, "/inferred makes one") {
		t.Errorf("answer: %s", res.body)
	}
}

// The document has what a list of types has, and of an endpoint what it takes, but not where it is.
func TestWhatRunsIsDescribed(t *testing.T) {
	t.Parallel()
	s, y := typesServer(t)
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/hush","events":["com.sticker.*"]}`).object(201)
	s.do("POST", "/v1/endpoints", `{"name":"gone","url":"https://gone.example","events":["*"]}`).object(201)
	s.do("DELETE", "/v1/endpoints/"+s.do("GET", "/v1/endpoints", "").object(200)["items"].([]any)[1].(map[string]any)["id"].(string), "")
	got := s.do("GET", "/v1/asyncapi.json", "")
	channels := got.object(200)["channels"].(map[string]any)
	messages := func(channel string) string {
		c, _ := channels[channel].(map[string]any)
		m, _ := c["messages"].(map[string]any)
		return strings.Join(slices.Sorted(maps.Keys(m)), " ")
	}
	for channel, want := range map[string]string{
		"webhooks.shop": "webhook",
		"topic.hookspan.events.shop.order.created": "com.sticker.order.created",
		"topic.hookspan.events.billing.paid":       "com.example.paid",
		"endpoint.crm":                             "com.sticker.order.created " + shipped,
		"endpoint.gone":                            "",
	} {
		if got := messages(channel); got != want {
			t.Errorf("%s has %q, not %q", channel, got, want)
		}
	}
	if strings.Contains(got.body, "hush") || !strings.Contains(got.body, `"schema.com.sticker.order":{`) {
		t.Error("the document has an endpoint's URL, or lacks a schema")
	}
	for n := range 120 {
		s.do("POST", "/v1/endpoints", fmt.Sprintf(`{"name":"e%d","url":"https://e%d.example","events":["none"]}`, n, n)).object(201)
	}
	if got := s.do("GET", "/v1/asyncapi.json", ""); !strings.Contains(got.body, "21 more endpoints are not described") || strings.Count(got.body, `"deliver.endpoint.`) != 100 {
		t.Error("more endpoints are described than it says")
	}
	s.do("GET", "/v1/asyncapi.json?x=1", "").problem(422, "invalid")
	y.err = bus.ErrUnavailable
	if got := s.do("GET", "/v1/asyncapi.json", ""); got.status != 503 {
		t.Errorf("without the bus: %+v", got)
	}
}
