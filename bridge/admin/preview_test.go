package admin_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

// previewed remembers what was asked for and says the same of every event.
type previewed struct {
	asked string
	found []delivery.Preview
}

func (p *previewed) Preview(_ context.Context, e *endpoint.Endpoint, most int, since time.Time) ([]delivery.Preview, error) {
	p.asked = fmt.Sprint(e.Transform.Text(), " ", e.URL, " ", most, " ", since.Format(time.RFC3339))
	return p.found, nil
}

func previewServer(t *testing.T, p *previewed) *server {
	t.Helper()
	sealer, err := endpoint.NewSealer(bytes.Repeat([]byte{1}, endpoint.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return newReplica(t, endpointtest.New(), sealer, func(o *admin.Options) { o.Previewer = p })
}

func TestPreview(t *testing.T) {
	t.Parallel()
	ref := delivery.EventRef{ID: "evt-1", Source: "/shop", Type: "a", Topic: "t"}
	p := &previewed{found: []delivery.Preview{
		{Event: ref, Request: &delivery.Request{URL: "https://crm.example/", Header: http.Header{"X-Key": {"canary"}, "Authorization": {"Bearer canary"}, "Webhook-Id": {"msg_1"}}, Body: []byte("{}")}},
		{Event: ref, Request: &delivery.Request{Method: "PUT", URL: "https://crm.example/", Header: http.Header{}, Body: []byte{0xff}}},
		{Event: ref, Skipped: delivery.SkippedFilters, Detail: "the filters do not hold"},
	}}
	s := previewServer(t, p)
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/","headers":{"X-Key":"canary"}}`).object(201)
	got := s.do("POST", "/v1/endpoints/crm/preview", `{"transform":".data","last":3}`)
	items := got.object(200)["items"].([]any)
	if p.asked != ".data https://crm.example/ 3 0001-01-01T00:00:00Z" || len(items) != 3 || strings.Contains(got.body, "canary") {
		t.Errorf("asked for %s: %s", p.asked, got.body)
	}
	for i, want := range []string{
		"map[body:{} headers:map[Authorization:*** Webhook-Id:msg_1 X-Key:***] method:POST url:https://crm.example/]", "map[body: body_base64:/w== headers:map[] method:PUT url:https://crm.example/]", "<nil>",
	} {
		if request := fmt.Sprint(items[i].(map[string]any)["request"]); request != want {
			t.Errorf("%s, want %s", request, want)
		}
	}
	s.do("POST", "/v1/endpoints/crm/preview", "").object(200)
	if p.asked != " https://crm.example/ 10 0001-01-01T00:00:00Z" {
		t.Errorf("asked for %s", p.asked)
	}
	s.do("POST", "/v1/endpoints/crm/preview", `{"since":"2026-05-04T10:00:00Z"}`).object(200)
	if p.asked != " https://crm.example/ 100 2026-05-04T10:00:00Z" {
		t.Errorf("asked for %s", p.asked)
	}
	for body, want := range map[string]string{
		`{"last":0}`: "[last]", `{"last":"x"}`: "[last]", `{"last":101}`: "[last]", `{"since":"now"}`: "[since]", `{"transform":".a."}`: "[transform]", `{"filters":[{"jq":"("}]}`: "[filters[0].jq]", `{"limit":5}`: "[limit]",
	} {
		if fields := fmt.Sprint(s.do("POST", "/v1/endpoints/crm/preview", body).problem(422, "invalid")); fields != want {
			t.Errorf("%s: %s, want %s", body, fields, want)
		}
	}
	s.do("POST", "/v1/endpoints/nobody/preview", "").object(404)
	if e := s.registry.Set().ByName("crm"); !e.Transform.IsZero() {
		t.Error("a preview changed the endpoint")
	}
	newServer(t).do("POST", "/v1/endpoints/crm/preview", "").object(404)
}
