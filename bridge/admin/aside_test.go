package admin_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

// An asideServer is a server over topics with events that are set aside.
type asideServer struct {
	*server
	store, dead *dispatchtest.Store
}

func newAside(t *testing.T) *asideServer {
	t.Helper()
	sealer, err := endpoint.NewSealer(bytes.Repeat([]byte{1}, endpoint.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	stores := map[bus.Partition]*dispatchtest.Store{} // one each: a shelf reads one topic alone
	shelf := func(p bus.Partition) *aside.Shelf {
		stores[p] = dispatchtest.New()
		stores[p].AddPartition(p, "first")
		client := stores[p].Connect()
		return aside.New(aside.Options{Topic: string(p), Reader: client, Publisher: client})
	}
	dead, quarantine := shelf("dead"), shelf("quarantine")
	s := newReplica(t, endpointtest.New(), sealer, func(o *admin.Options) {
		o.Dead, o.Quarantine, o.Publisher = dead, quarantine, stores["quarantine"].Connect()
	})
	a := &asideServer{server: s, store: stores["quarantine"], dead: stores["dead"]}
	a.store.AddPartition("hookspan.events.shop", "first")
	for n := 1; n <= 5; n++ {
		e := dispatchtest.Event(n, "com.acme.order")
		e.SetExtension(delivery.ExtensionEndpoint, []string{"crm", "late"}[n%2])
		e.SetExtension(delivery.ExtensionDelivery, fmt.Sprint("dlv_", n))
		e.SetExtension(delivery.ExtensionReason, "exhausted")
		e.SetExtension(delivery.ExtensionAttempts, "7")
		e.SetExtension(delivery.ExtensionTopic, "hookspan.events.shop")
		stores["dead"].Publish("dead", e)
	}
	return a
}

func (s *server) ids(path string) string {
	s.t.Helper()
	var ids []string
	for _, item := range s.do("GET", path, "").object(200)["items"].([]any) {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	return strings.Join(ids, " ")
}

func TestDeadLettersAreListedReplayedDiscarded(t *testing.T) {
	t.Parallel()
	s := newAside(t)
	crm := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"].(string)
	s.do("POST", "/v1/endpoints", `{"name":"late","url":"https://late.example/"}`).object(201)
	s.do("POST", "/v1/endpoints/late/pause", "").object(200)
	for query, want := range map[string]string{
		"": "dlv_5 dlv_4 dlv_3 dlv_2 dlv_1", "?endpoint=crm": "dlv_4 dlv_2", "?endpoint=" + crm: "dlv_4 dlv_2",
		"?event=evt-3": "dlv_3", "?reason=gone": "", "?until=2020-01-01T00:00:00Z": "",
	} {
		if got := s.ids("/v1/dead" + query); got != want {
			t.Errorf("%q lists %q, want %q", query, got, want)
		}
	}
	page := s.do("GET", "/v1/dead?limit=2", "").object(200)
	if got := s.ids("/v1/dead?limit=2&cursor=" + page["next"].(string)); got != "dlv_3 dlv_2" {
		t.Errorf("the second page is %q", got)
	}
	one := s.do("GET", "/v1/dead/dlv_2", "").object(200)
	if one["attempts"] != 7.0 || one["endpoint"] != "crm" || one["document"].(map[string]any)["id"] != "evt-2" {
		t.Errorf("one letter: %v", one)
	}

	replays := s.do("POST", "/v1/dead/dlv_2/replay", "").object(202)["replays"].([]any)
	c := s.commands[0]
	e := c.All()[0]
	if c.Kind != delivery.StartReplay || c.Replay.Listed != 1 || e.Endpoint != crm || e.Replay != replays[0] || c.Replay.ID != e.Replay || e.Number != 1 || e.Event.Topic != "hookspan.events.shop" || e.Event.Partition != "dead" || e.ID == "dlv_2" {
		t.Errorf("command about %+v, replays %v", e, replays)
	}
	s.do("GET", "/v1/dead/dlv_2", "").problem(404, "not_found")
	s.do("POST", "/v1/dead/dlv_2/replay", "").problem(404, "not_found")
	s.do("POST", "/v1/dead/dlv_3/replay", "").problem(409, "conflict")
	if got := fmt.Sprint(s.do("POST", "/v1/dead/replay?dry_run=true", `{"type":"com.acme.order"}`).object(200)); got != "map[accepted:0 dry_run:true matched:4]" {
		t.Errorf("a dry run says %s", got)
	}
	answer := s.do("POST", "/v1/dead/replay", `{"type":"com.acme.order"}`).object(202)
	if answer["matched"] != 4.0 || answer["accepted"] != 1.0 || !strings.Contains(fmt.Sprint(answer["skipped"]), "deliveries:3 endpoint:late") {
		t.Errorf("replayed: %v", answer)
	}
	if got := s.ids("/v1/dead"); got != "dlv_5 dlv_3 dlv_1" {
		t.Errorf("left are %q", got)
	}
	s.do("POST", "/v1/dead/replay", `{}`).problem(422, "invalid")
	s.do("POST", "/v1/dead/replay", `{"colour":"red"}`).problem(422, "invalid")
	if got := s.do("POST", "/v1/dead/dlv_5/discard", ""); got.status != 204 {
		t.Errorf("discard: %d %s", got.status, got.body)
	}
	if got := fmt.Sprint(s.do("POST", "/v1/dead/discard", `{"endpoint":"late"}`).object(200)); got != "map[accepted:2 matched:2]" {
		t.Errorf("discarded: %s", got)
	}
	if got := s.ids("/v1/dead"); got != "" {
		t.Errorf("left are %q", got)
	}
}

func TestQuarantinedEventsAreMendedAndReleased(t *testing.T) {
	t.Parallel()
	s := newAside(t)
	for n := 1; n <= 4; n++ {
		e := dispatchtest.Event(n, "com.acme.webhook")
		e.DataContentType, e.Data, e.Subject = "application/json", []byte(`{"order":`), "order-7"
		e.SetExtension(delivery.ExtensionReason, "invalid_body")
		e.SetExtension(delivery.ExtensionDetail, "the body is not JSON")
		e.SetExtension(delivery.ExtensionSource, "shop")
		e.SetExtension("kept", "yes")
		if n != 4 {
			e.SetExtension(delivery.ExtensionTopic, "hookspan.events.shop")
		}
		s.store.Publish("quarantine", e)
	}
	ids := strings.Fields(s.ids("/v1/quarantine?source=shop"))
	if len(ids) != 4 {
		t.Fatalf("in quarantine are %v", ids)
	}
	last, third, second, first := ids[0], ids[1], ids[2], ids[3]
	if one := s.do("GET", "/v1/quarantine/"+first, "").object(200); one["source"] != "shop" || one["detail"] != "the body is not JSON" || one["document"] == nil {
		t.Errorf("one event: %v", one)
	}

	s.do("POST", "/v1/quarantine/"+first+"/release", "").object(200) // as it is
	mended := s.do("POST", "/v1/quarantine/"+second+"/release", `{"attributes":{"type":"com.acme.order","subject":null,"amount":3},"data":{"order": "<17>"}}`).object(200)
	if d := mended["document"].(map[string]any); d["type"] != "com.acme.order" || d["subject"] != nil || fmt.Sprint(d["data"]) != "map[order:<17>]" || d["hookspanreason"] != nil || d["kept"] != "yes" || d["amount"] != 3.0 {
		t.Errorf("mended: %v", d)
	}
	for body, want := range map[string]string{
		`{"attributes":{"Type":"x"}}`:                  "[attributes.Type]",
		`{"attributes":{"source":"a b"}}`:              "[attributes.source]",
		`{"attributes":{"source":"http://[bad"}}`:      "[attributes.source]",
		`{"attributes":{"dataschema":"/order.json"}}`:  "[attributes.dataschema]",
		`{"attributes":{"id":null}}`:                   "[attributes.id]",
		`{"attributes":{"type":""}}`:                   "[attributes.type]",
		`{"attributes":{"type":7}}`:                    "[attributes.type]",
		`{"attributes":{"type":"a\u0001b"}}`:           "[attributes.type]",
		`{"attributes":{"subject":"a\uffff"}}`:         "[attributes.subject]",
		`{"attributes":{"kept":"a\ud83d"}}`:            "[attributes.kept]",
		`{"attributes":{"kept":{}}}`:                   "[attributes.kept]",
		`{"data_base64":"%"}`:                          "[data_base64]",
		`{"data":1,"data_base64":"AA=="}`:              "[data_base64]",
		`{"colour":"red","topic":"a..b"}`:              "[colour topic]",
		`{"attributes":{"datacontenttype":"no type"}}`: "[attributes.datacontenttype]",
	} {
		if got := s.do("POST", "/v1/quarantine/"+third+"/release", body).problem(422, "invalid"); fmt.Sprint(got) != want {
			t.Errorf("%s is refused for %v, want %s", body, got, want)
		}
	}
	s.do("POST", "/v1/quarantine/"+last+"/release", "").problem(422, "invalid") // nobody knows where to
	s.do("POST", "/v1/quarantine/"+last+"/release", `{"topic":"hookspan.events.shop","data_base64":"AAE="}`).object(200)
	if got := s.do("POST", "/v1/quarantine/"+third+"/discard", ""); got.status != 204 {
		t.Errorf("discard: %d %s", got.status, got.body)
	}
	for _, id := range ids {
		s.do("GET", "/v1/quarantine/"+id, "").problem(404, "not_found")
	}
	var released []string
	for _, m := range s.store.Kept("hookspan.events.shop") {
		released = append(released, fmt.Sprintf("%s %s %s", m.Event.ID, m.Event.Type, m.Event.Data))
	}
	want := []string{`evt-1 com.acme.webhook {"order":`, `evt-2 com.acme.order {"order": "<17>"}`, "evt-4 com.acme.webhook \x00\x01"}
	if fmt.Sprint(released) != fmt.Sprint(want) {
		t.Errorf("released are %q, want %q", released, want)
	}
}

// What is aside in part is not published, or sent, as if it were the event.
func TestWhatIsCutShortIsNotTheEvent(t *testing.T) {
	t.Parallel()
	s := newAside(t)
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)
	letter := dispatchtest.Event(9, "com.acme.order")
	letter.SetExtension(delivery.ExtensionEndpoint, "crm")
	letter.SetExtension(delivery.ExtensionDelivery, "dlv_9")
	letter.SetExtension(delivery.ExtensionTopic, "hookspan.events.shop")
	letter.SetExtension(delivery.ExtensionCutData, "2000000")
	s.dead.Publish("dead", letter)
	s.do("POST", "/v1/dead/dlv_9/replay", "").problem(409, "conflict")
	answer := s.do("POST", "/v1/dead/replay", `{"endpoint":"crm"}`).object(202)
	if answer["accepted"] != 2.0 || !strings.Contains(fmt.Sprint(answer["skipped"]), "cut short") {
		t.Errorf("replayed: %v", answer)
	}

	marks := []string{delivery.ExtensionCutData, delivery.ExtensionCutAttributes}
	for _, name := range marks {
		e := dispatchtest.Event(1, "com.acme.webhook")
		e.SetExtension(delivery.ExtensionTopic, "hookspan.events.shop")
		e.SetExtension(name, "2000000")
		s.store.Publish("quarantine", e)
	}
	ids := strings.Fields(s.ids("/v1/quarantine"))
	slices.Reverse(ids) // the newest was first
	for i, c := range []struct{ without, path, mended string }{
		{`{"attributes":{"id":"whole"}}`, "[data]", `{"data":{"whole":true}}`},
		{`{"data":{}}`, "[attributes]", `{"attributes":{"id":"whole"}}`},
	} {
		path := "/v1/quarantine/" + ids[i] + "/release"
		for _, body := range []string{"", c.without} {
			if got := s.do("POST", path, body).problem(422, "invalid"); fmt.Sprint(got) != c.path {
				t.Errorf("%s is refused for %v, want %s", body, got, c.path)
			}
		}
		if d := s.do("POST", path, c.mended).object(200)["document"].(map[string]any); d[marks[i]] != nil {
			t.Errorf("released is %v", d)
		}
	}
}
