package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// A hook is an endpoint, with the bodies that it was sent.
type hook struct {
	*httptest.Server
	mu   sync.Mutex
	got  map[string]int
	code int
}

func newHook(t *testing.T, code int) *hook {
	t.Helper()
	h := &hook{got: map[string]int{}, code: code}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, rest, _ := strings.Cut(string(body), `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		h.mu.Lock()
		h.got[id]++
		h.mu.Unlock()
		w.WriteHeader(h.code)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got[id] > 0
}

// environ makes it an endpoint.
func (h *hook) environ(more ...string) []string {
	return append([]string{
		"HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8", "HOOKSPAN_EGRESS_HTTP=true", "HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=" + h.URL, "HOOKSPAN_ENDPOINT_CRM_CONTENT=structured",
		"HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none", "HOOKSPAN_ENDPOINT_CRM_TOPICS=hookspan.events.>",
	}, more...)
}

// put publishes a document to a topic, as a client of the bus does.
func (s *server) put(document string) {
	s.t.Helper()
	nc := s.opened[1].(*embedded.Server).Conns().Events
	m := &nats.Msg{Subject: "hookspan.events.x", Header: nats.Header{"content-type": {"application/cloudevents+json"}}, Data: []byte(document)}
	if _, err := nc.RequestMsgWithContext(s.t.Context(), m); err != nil {
		s.t.Fatal(err)
	}
}

// doc is an event of the id with another attribute, or more.
func doc(id, more string) string {
	return `{"specversion":"1.0","id":"` + id + `","source":"/t","type":"t.made",` + more + `}`
}

// What is no event is in the quarantine, as much of it as the bus takes, and what comes behind it is
// delivered.
func TestALargeMessageThatIsNoEventStopsNothing(t *testing.T) {
	t.Parallel()
	h := newHook(t, 200)
	s := start(t, nil, h.environ()...)
	s.until(http.StatusOK, "ready")
	const noID = `{"specversion":"1.0","source":"/s","type":"t",`
	for n, document := range []string{
		noID + `"note":"` + strings.Repeat("a", 70_000) + `","data":{}}`,
		noID + `"note":"` + strings.Repeat("ü", 22_000) + `","data":{}}`,
		noID + `"note":"` + strings.Repeat("<", 400_000) + `","data":"` + strings.Repeat("d", 400_000) + `"}`,
		noID + `"data":"` + strings.Repeat("d", 1<<20+64<<10-200) + `"}`,
	} {
		s.put(document)
		waits(t, func() bool { // those that are read at once are kept in any order
			_, metrics := s.get("/metrics")
			return strings.Contains(metrics, "hookspan_topic_quarantined_total "+strconv.Itoa(n+1)+"\n")
		})
	}
	s.put(doc("behind", `"data":{}`))
	waits(t, func() bool { return h.has("behind") })
	s.wants(http.StatusOK, "hookspan_topic_quarantined_total 4")(s.get("/metrics"))
	s.wants(http.StatusOK, "hookspan_topic_passed_over_total 0")(s.get("/metrics"))
	_, body := s.get("/v1/quarantine")
	page, _, _ := strings.Cut(body, "\n")
	var list struct{ Items []struct{ ID, Detail string } }
	if err := json.Unmarshal([]byte(page), &list); err != nil || len(list.Items) != 4 {
		t.Fatalf("in quarantine are %d, %v: %.2000s", len(list.Items), err, body)
	}
	for i, it := range list.Items { // the newest first
		if cut := strings.Contains(it.Detail, "cut short"); cut != (i < 2) {
			t.Errorf("item %d: %s", i, it.Detail)
		}
		id := "mended-" + strconv.Itoa(i)
		status, answer := s.call(http.MethodPost, "http://"+s.AdminAddr()+"/v1/quarantine/"+it.ID+"/release", `{"attributes":{"id":"`+id+`"},"topic":"hookspan.events.x"}`)
		switch whole := i > 0; { // of item 1 the attributes were cut, and those that count are given
		case whole && status != http.StatusOK, !whole && (status != http.StatusUnprocessableEntity || !strings.Contains(answer, `"path":"data"`)):
			t.Errorf("the release of item %d is answered %d %.500s", i, status, answer)
		case whole:
			waits(t, func() bool { return h.has(id) })
		}
	}
}

// An event whose attributes take many times their length in records is delivered, whichever way it
// came, tried again and given up like others, and holds nothing up.
func TestLargeAttributesHoldNothingUp(t *testing.T) {
	t.Parallel()
	h, down := newHook(t, 200), newHook(t, 500)
	s := start(t, nil, h.environ(
		"HOOKSPAN_ENDPOINTS=crm,down", "HOOKSPAN_ENDPOINT_DOWN_URL="+down.URL, "HOOKSPAN_ENDPOINT_DOWN_CONTENT=structured",
		"HOOKSPAN_ENDPOINT_DOWN_SIGNATURE=none", "HOOKSPAN_ENDPOINT_DOWN_TOPICS=hookspan.events.>", "HOOKSPAN_ENDPOINT_DOWN_SCHEDULE=10ms",
		"HOOKSPAN_SOURCE_SHOP_CONTENT=structured",
	)...)
	s.until(http.StatusOK, "ready")
	hostile := strings.Repeat("<", 190_000)
	long := strings.Repeat("i", 3000)
	intake := "http://" + s.IntakeAddr() + "/webhooks/shop"
	s.put(doc("of the bus", `"subject":"`+hostile+`"`))
	s.wants(http.StatusOK, "")(s.call(http.MethodPost, intake, doc("of intake", `"subject":"`+hostile+`","note":"`+hostile+`"`)))
	s.wants(http.StatusOK, "")(s.call(http.MethodPost, intake, doc(long, `"data":{}`)))
	s.wants(http.StatusRequestEntityTooLarge, "")(s.call(http.MethodPost, intake, doc("too large", `"subject":"`+strings.Repeat(hostile, 6)+`"`)))
	s.put(doc("behind", `"data":{}`))
	ids := []string{"of the bus", "of intake", long, "behind"}
	for _, id := range ids {
		waits(t, func() bool { return h.has(id) && down.has(id) })
	}
	for _, id := range ids {
		s.shows("/v1/deliveries?status=delivered&event="+url.QueryEscape(id), `"endpoint_name":"crm"`)
		s.shows("/v1/deliveries?status=failed&event="+url.QueryEscape(id), `"reason":"exhausted"`)
		s.shows("/v1/dead?event="+url.QueryEscape(id), `"endpoint":"down"`)
	}
	s.until(http.StatusOK, "ready")
}
