package admin_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
)

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
