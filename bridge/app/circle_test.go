package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// A town is an installation whose reports go to another one's source, as webhooks, and which has an
// endpoint that takes nothing.
type town struct {
	*server
	peer atomic.Pointer[server]
}

func found(t *testing.T, environ ...string) *town {
	t.Helper()
	w := &town{}
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(crm.Close)
	road := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: w.peer.Load().IntakeAddr(), Path: "/webhooks/peer"})
	}})
	t.Cleanup(road.Close)
	w.server = start(t, nil, append([]string{
		"HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8", "HOOKSPAN_TOPICS=hookspan.events.>,hookspan.ops,hookspan.dead",
		"HOOKSPAN_SOURCES=shop,peer", "HOOKSPAN_ENDPOINTS=fwd,crm",
		"HOOKSPAN_ENDPOINT_FWD_URL=" + road.URL, "HOOKSPAN_ENDPOINT_FWD_TOPICS=hookspan.ops,hookspan.dead",
		"HOOKSPAN_ENDPOINT_CRM_URL=" + crm.URL, "HOOKSPAN_ENDPOINT_CRM_TOPICS=hookspan.events.>",
		"HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none", "HOOKSPAN_ENDPOINT_CRM_SCHEDULE=,",
	}, environ...)...)
	w.until(http.StatusOK, "ready")
	return w
}

// publish has the installation take an event from outside.
func (w *town) publish(id string) {
	w.t.Helper()
	w.wants(http.StatusOK, "")(w.call(http.MethodPost, "http://"+w.IntakeAddr()+"/webhooks/shop", `{"specversion":"1.0","id":"`+id+`","source":"/t","type":"t.made","data":{"id":"`+id+`"}}`))
}

// has fails unless the endpoint that takes nothing has failed so many events in the end, and operators
// were told so often.
func (w *town) has(failed, told int) {
	w.t.Helper()
	n := 0
	waits(w.t, func() bool {
		_, body := w.get("/v1/deliveries?endpoint=crm&status=failed")
		n = strings.Count(body, `"status":"failed"`)
		return n >= failed
	})
	if n != failed {
		w.t.Errorf("%d deliveries failed, want %d", n, failed)
	}
	if _, body := w.get("/metrics"); !strings.Contains(body, `hookspan_operations_events_total{outcome="published",type="hookspan.delivery.exhausted"} `+strconv.Itoa(told)+"\n") {
		w.t.Errorf("operators were not told %d times of deliveries that were given up", told)
	}
	if _, body := w.get("/v1/dead"); strings.Count(body, `"endpoint":"crm"`) != told {
		w.t.Errorf("dead letters %s, want %d", body, told)
	}
}

// Two installations that send each other what they tell of deliveries come to rest, also where what
// is sent does not say by its content what it is.
func TestReportsGoRoundOnce(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	a := found(t,
		"HOOKSPAN_ENDPOINT_FWD_SIGNATURE=none", `HOOKSPAN_ENDPOINT_FWD_AUTH={"bearer":"`+token+`"}`,
		"HOOKSPAN_SOURCE_PEER_PROVIDER=standard-webhooks", "HOOKSPAN_SOURCE_PEER_SECRETS="+secret)
	b := found(t,
		"HOOKSPAN_ENDPOINT_FWD_CONTENT=data", "HOOKSPAN_ENDPOINT_FWD_SECRETS="+secret,
		"HOOKSPAN_SOURCE_PEER_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_PEER_SECRETS="+token)
	a.peer.Store(b.server)
	b.peer.Store(a.server)
	a.publish("one")
	a.has(1, 1)
	b.has(2, 0) // what a told of it and its dead letter, of which b tells nothing
	b.publish("two")
	b.has(3, 1)
	a.has(3, 1)
	for _, w := range []*town{a, b} {
		w.end()
		<-w.done
	}
}
