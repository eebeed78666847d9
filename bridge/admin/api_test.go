package admin_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/journal"
)

func TestOnlyTheTokenOpensTheAPI(t *testing.T) {
	t.Parallel()
	routes := []string{"/v1/endpoints", "/v1/deliveries", "/v1/sources", "/v1/refusals", "/v1/event-types", "/v1/stats", "/v1/endpoints/x", "/v1/none", "/v1"}
	synctest.Test(t, func(t *testing.T) {
		api := admin.New(admin.Options{Token: func() string { return token }, Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)})
		for _, route := range routes {
			for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + token, token, "Bearer " + token + "x"} {
				if got := login(api, route, header); got != 401 {
					t.Errorf("%s with %q: %d", route, header, got)
				}
			}
		}
	})
	s := newServer(t)
	s.do("GET", "/v1/sources", "").object(200)
	s.token = ""
	res := s.do("GET", "/v1/sources", "")
	res.problem(503, "unavailable")
	if !strings.Contains(res.body, "HOOKSPAN_ADMIN_TOKEN") {
		t.Errorf("the answer names no remedy: %s", res.body)
	}
	s.do("GET", "/healthz", "").object(200)
}

// On a cluster the seal key has to be given: each replica would make another one.
func TestWithoutASealKeyNoSecretIsTaken(t *testing.T) {
	t.Parallel()
	s := newReplica(t, endpointtest.New(), nil, nil)
	for _, body := range []string{
		`{"name":"crm","url":"https://crm.example/"}`,
		`{"name":"crm","url":"https://crm.example/","signature":"hmac","secrets":["a secret of the tests"]}`,
	} {
		res := s.do("POST", "/v1/endpoints", body)
		res.problem(503, "unavailable")
		if !strings.Contains(res.body, "HOOKSPAN_SEAL_KEY") {
			t.Errorf("the answer names no remedy: %s", res.body)
		}
	}
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/","signature":"none"}`).object(201)
	s.do("PATCH", "/v1/endpoints/crm", `{"signature":"standard","secrets":null}`).problem(503, "unavailable")
	if n := len(s.registry.Set().All()); n != 1 {
		t.Errorf("%d endpoints, want 1", n)
	}
}

func TestOpenRoutesAndUnknownOnes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("GET", "/healthz", "").object(200)
	s.do("GET", "/readyz", "").object(200)
	s.mu.Lock()
	s.ready = errors.New("the bus has no leader")
	s.mu.Unlock()
	s.do("GET", "/readyz", "").problem(503, "not_ready")
	if res := s.do("GET", "/metrics", ""); res.status != 200 || !strings.Contains(res.body, "hookspan_up") {
		t.Errorf("metrics: %d %s", res.status, res.body)
	}
	s.do("GET", "/v1/none", "").problem(404, "not_found")
	s.do("GET", "/", "").problem(404, "not_found")
	res := s.do("POST", "/v1/endpoints/crm", "{}")
	res.problem(405, "method")
	if got := res.header.Get("Allow"); got != "GET, PUT, PATCH, DELETE" {
		t.Errorf("Allow: %s", got)
	}
}

func TestABusThatIsDownIsNoInternalError(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.logs.Fail(fmt.Errorf("canary: %w", bus.ErrUnavailable))
	res := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`)
	res.problem(503, "unavailable")
	if res.header.Get("Retry-After") == "" || strings.Contains(res.body, "canary") {
		t.Errorf("answer: %s", res.body)
	}
}

func FuzzEndpointBody(f *testing.F) {
	for _, seed := range []string{
		`{"name":"crm","url":"https://crm.example/"}`, `{"headers":{"A":null}}`, `{"schedule":"1m,,"}`, `{"rate":"1e9/s"}`, `{"jitter":"NaN%"}`, `[`, `{"options":{"a":1}}`,
	} {
		f.Add(seed)
	}
	registry := endpoint.NewRegistry(endpointtest.New(), nil, endpoint.Options{Check: check})
	h := admin.New(admin.Options{
		Registry: registry, Deliveries: journal.New(journal.Options{}), Outbound: &server{}, Token: func() string { return token },
		Metrics: http.NotFoundHandler(),
	})
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/v1/endpoints", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		h.ServeHTTP(w, r)
		switch w.Code {
		case 201, 409, 413, 422, 503:
		default:
			t.Fatalf("%q: status %d", body, w.Code)
		}
	})
}

// A cursor that a list has not given is refused, and so is another list's: a page from somewhere would
// look like the right one.
func TestCursorsAreThoseThatWereGiven(t *testing.T) {
	t.Parallel()
	s, _ := typesServer(t)
	given := s.do("GET", "/v1/event-types?limit=1", "").object(200)["next"].(string)
	for _, list := range []string{"endpoints", "deliveries", "dead", "quarantine", "replays", "refusals", "event-types"} {
		for _, cursor := range []string{"zzz", "0", "rpl_2", "a.b", ".", given + "x", given[1:], given} {
			if list == "event-types" && cursor == given {
				continue
			}
			if got := s.do("GET", "/v1/"+list+"?cursor="+cursor, "").problem(422, "invalid"); fmt.Sprint(got) != "[cursor]" {
				t.Errorf("%s with the cursor %q is refused for %v", list, cursor, got)
			}
		}
	}
}
