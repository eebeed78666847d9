package admin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
)

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
