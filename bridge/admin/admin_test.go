package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/signature"
)

const token = "a token for tests"

// server is the admin listener over a registry and an index that are real, and an outbound
// side and a log of refusals that remember.
type server struct {
	t        *testing.T
	url      string
	token    string
	store    *endpointtest.Store
	registry *endpoint.Registry
	index    *journal.Index

	mu       sync.Mutex
	ready    error
	commands []dispatch.Command
	behind   map[string]*dispatch.Behind
	refusals [][]byte
}

func newServer(t *testing.T) *server {
	t.Helper()
	sealer, err := endpoint.NewSealer(bytes.Repeat([]byte{1}, endpoint.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, token: token, store: endpointtest.New(), index: journal.New(journal.Options{}), behind: map[string]*dispatch.Behind{}}
	s.registry = endpoint.NewRegistry(s.store, sealer, endpoint.Options{Check: check})
	if err := s.registry.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := admin.New(admin.Options{
		Registry: s.registry, Deliveries: s.index, Outbound: s, Tester: s, Refusals: s,
		Sources: func() []admin.Source {
			return []admin.Source{{Name: "shop", Provider: "sticker", Path: "/webhooks/shop", Secrets: 1}}
		},
		Ready:   func(context.Context) error { s.mu.Lock(); defer s.mu.Unlock(); return s.ready },
		Token:   func() string { return s.token },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hookspan_up 1\n") }),
	})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// check is what the signature schemes ask for.
func check(_ context.Context, e *endpoint.Endpoint) []endpoint.FieldError {
	_, err := signature.Compile(e.Signature, e.Options, e.Secrets)
	var field *signature.FieldError
	if errors.As(err, &field) {
		return []endpoint.FieldError{{Field: field.Field, Message: field.Detail}}
	}
	return nil
}

func (s *server) Command(_ context.Context, c dispatch.Command) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, c)
	return nil
}

func (s *server) Behind(id string) *dispatch.Behind { return s.behind[id] }

func (s *server) Stats() dispatch.Stats {
	return dispatch.Stats{Pending: map[string]int64{"retry": 2}, Oldest: 90 * time.Second, Shards: 32, Lag: 5}
}

func (s *server) Test(_ context.Context, _ *endpoint.Endpoint, eventType string) (dispatch.Attempt, error) {
	sent := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	return dispatch.Attempt{Number: 1, Sent: sent, Received: sent.Add(20 * time.Millisecond), Status: 204, Detail: eventType}, nil
}

func (s *server) Refusals(_ context.Context, limit int, each func([]byte) error) error {
	for _, data := range slices.Backward(s.refusals[max(0, len(s.refusals)-limit):]) {
		if err := each(data); err != nil {
			return err
		}
	}
	return nil
}

type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (s *server) do(method, path, body string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{s.t, res.StatusCode, res.Header, string(text)}
}

// object checks the status and returns the body.
func (a answer) object(status int) map[string]any {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	var o map[string]any
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return o
}

// problem checks that the answer is one, and returns the paths of the fields at fault.
func (a answer) problem(status int, code string) []string {
	a.t.Helper()
	o := a.object(status)
	if a.header.Get("Content-Type") != "application/problem+json" || o["code"] != code || o["status"] != float64(status) {
		a.t.Errorf("want a problem %s: %s", code, a.body)
	}
	var paths []string
	fields, _ := o["errors"].([]any)
	for _, f := range fields {
		paths = append(paths, fmt.Sprint(f.(map[string]any)["path"]))
	}
	return paths
}

func TestEndpointsLiveTheirLife(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	res := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/hooks","rate":"3000/m:5","headers":{"X-Team":"blue","X-Api-Key":"canary"}}`)
	made := res.object(201)
	id := made["id"].(string)
	secret := made["secrets"].([]any)[0].(string)
	if res.header.Get("Location") != "/v1/endpoints/"+id || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("created: %s", res.body)
	}
	for field, want := range map[string]any{
		"name": "crm", "start": "now", "active": true, "signature": "standard", "content": "binary", "jitter": "10%", "timeout": "30s",
		"rate": "50/s:5", "concurrency": 16.0, "disable_after": "120h", "managed_by": "api", "state": "enabled",
	} {
		if made[field] != want {
			t.Errorf("%s is %v, want %v", field, made[field], want)
		}
	}
	if got := fmt.Sprint(made["events"], made["topics"], made["schedule"], made["headers"], made["options"]); got !=
		"[*] [] [1m 5m 15m 1h 6h 24h] map[X-Api-Key:*** X-Team:blue] map[]" {
		t.Errorf("lists: %s", got)
	}

	for _, path := range []string{id, "crm"} {
		if res := s.do("GET", "/v1/endpoints/"+path, ""); res.object(200)["id"] != id || strings.Contains(res.body, secret) || strings.Contains(res.body, "canary") {
			t.Errorf("read: %s", res.body)
		}
	}

	res = s.do("PATCH", "/v1/endpoints/"+id, `{"events":"com.acme.*, com.beta.*","rate":null,"headers":{"x-team":null,"X-Api-Key":"***","X-New":"1"},"schedule":[]}`)
	if got := res.object(200); got["rate"] != nil || got["url"] != "https://crm.example/hooks" ||
		fmt.Sprint(got["events"], got["headers"], got["schedule"]) != "[com.acme.* com.beta.*] map[X-Api-Key:*** X-New:1] []" || got["secrets"] != nil {
		t.Errorf("patched: %s", res.body)
	}
	if e := s.registry.Set().ByID(id); e.Secrets[0] != secret || e.Headers[0].Value != "canary" || len(e.Items) != 2 {
		t.Errorf("registry: %+v", e)
	}
	if got := s.do("PATCH", "/v1/endpoints/"+id, `{"secrets":null}`).object(200); got["secrets"].([]any)[0] == secret {
		t.Error("the secret was not made anew")
	}

	if got := s.do("POST", "/v1/endpoints/"+id+"/pause", "").object(200); got["state"] != "paused" || got["reason"] == nil {
		t.Errorf("paused: %v", got)
	}
	if got := s.do("POST", "/v1/endpoints/"+id+"/enable", "").object(200); got["state"] != "enabled" || got["reason"] != nil {
		t.Errorf("enabled: %v", got)
	}
	if res := s.do("DELETE", "/v1/endpoints/"+id, ""); res.status != 204 || res.body != "" {
		t.Errorf("deleted: %d %s", res.status, res.body)
	}
	s.do("GET", "/v1/endpoints/"+id, "").problem(404, "not_found")
}

func TestBadInputNamesItsFields(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/v1/endpoints", `{"name":"there","url":"https://there.example/"}`).object(201)
	const good = `"name":"crm","url":"https://crm.example/"`
	for _, c := range []struct {
		name, body string
		fields     string
	}{
		{"no JSON", `{`, ""},
		{"a list", `[]`, ""},
		{"nothing", ``, ""},
		{"null", `null`, ""},
		{"trailing text", `{` + good + `} {}`, ""},
		{"nothing given", `{}`, "name url"},
		{"unknown", `{` + good + `,"evnts":["*"]}`, "evnts"},
		{"of a later version", `{` + good + `,"ordered":true}`, "ordered"},
		{"read only", `{` + good + `,"id":"x","state":"paused"}`, "id state"},
		{"wrong types", `{` + good + `,"active":"yes","concurrency":1.5,"timeout":30,"events":[1]}`, "active concurrency events timeout"},
		{"name", `{"name":"Crm_1","url":"https://crm.example/"}`, "name"},
		{"url", `{"name":"crm","url":"ftp://crm.example/"}`, "url"},
		{"url with a password", `{"name":"crm","url":"https://u:p@crm.example/"}`, "url"},
		{"schedule", `{` + good + `,"schedule":["1m","soon"]}`, "schedule[1]"},
		{"schedule below zero", `{` + good + `,"schedule":"1m,-5m"}`, "schedule[1]"},
		{"jitter and rate", `{` + good + `,"jitter":"10","rate":"fast"}`, "jitter rate"},
		{"headers", `{` + good + `,"headers":{"Host":"x","X-A":"a\nb","Webhook-Id":"1"}}`, "headers.Host headers.Webhook-Id headers.X-A"},
		{"a hidden header", `{` + good + `,"headers":{"X-Api-Key":"***"}}`, "headers.X-Api-Key"},
		{"topics", `{` + good + `,"topics":["a..b"]}`, "topics[0]"},
		{"short secret", `{` + good + `,"secrets":["whsec_c2hvcnQ="]}`, "secrets[0]"},
		{"empty secret", `{` + good + `,"secrets":[""]}`, "secrets[0]"},
		{"signature", `{` + good + `,"signature":"rot13","secrets":["x"]}`, "signature"},
		{"start", `{` + good + `,"start":"yesterday"}`, "start"},
		{"content", `{` + good + `,"content":"xml"}`, "content"},
		{"batch", `{` + good + `,"content":"batch","options":{"batch_size":"0"}}`, "options"},
	} {
		paths := s.do("POST", "/v1/endpoints", c.body).problem(422, "invalid")
		if got := strings.Join(paths, " "); got != c.fields {
			t.Errorf("%s: fields %q, want %q", c.name, got, c.fields)
		}
	}
	s.do("POST", "/v1/endpoints", `{"name":"there","url":"https://crm.example/"}`).problem(409, "conflict")
	s.do("POST", "/v1/endpoints", `{"name":"`+strings.Repeat("x", 2<<20)+`"}`).problem(413, "too_large")
	if got := s.do("PATCH", "/v1/endpoints/there", `{"start":"all"}`).problem(422, "invalid"); len(got) != 1 {
		t.Errorf("start changed later: %v", got)
	}
	if n := len(s.registry.Set().All()); n != 1 {
		t.Errorf("%d endpoints, want 1", n)
	}
}

func TestConfiguredEndpointsAreReadOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := endpoint.Default()
	e.Name, e.URL, e.Secrets = "crm", "https://crm.example/", []string{signature.GenerateSecret("standard")}
	if err := s.registry.Adopt(t.Context(), []*endpoint.Endpoint{e}, endpoint.ByEnvironment); err != nil {
		t.Fatal(err)
	}
	if got := s.do("GET", "/v1/endpoints/crm", "").object(200); got["managed_by"] != "env" {
		t.Errorf("managed by %v", got["managed_by"])
	}
	s.do("PATCH", "/v1/endpoints/crm", `{"concurrency":2}`).problem(409, "managed_elsewhere")
	s.do("DELETE", "/v1/endpoints/crm", "").problem(409, "managed_elsewhere")
	s.do("POST", "/v1/endpoints/crm/enable", "").object(200)
	if err := s.registry.Adopt(t.Context(), nil, endpoint.ByEnvironment); err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/v1/endpoints/crm/enable", "").problem(409, "conflict")
	s.do("POST", "/v1/endpoints/crm/test", "").problem(409, "conflict")
	if got := s.do("GET", "/v1/stats", "").object(200)["endpoints"].(map[string]any); got["removed"] != 1.0 {
		t.Errorf("stats: %v", got)
	}
	if res := s.do("DELETE", "/v1/endpoints/crm", ""); res.status != 204 {
		t.Errorf("delete what is removed: %s", res.body)
	}
}

func TestEndpointsComeInPages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for n := range 5 {
		s.do("POST", "/v1/endpoints", fmt.Sprintf(`{"name":"e-%d","url":"https://e.example/"}`, n)).object(201)
	}
	var seen []string
	path := "/v1/endpoints?limit=2"
	for cursor := any(""); cursor != nil; {
		res := s.do("GET", path+"&cursor="+cursor.(string), "").object(200)
		for _, item := range res["items"].([]any) {
			seen = append(seen, item.(map[string]any)["name"].(string))
		}
		if len(seen) == 2 { // what is made or removed meanwhile moves nothing
			s.do("DELETE", "/v1/endpoints/e-1", "")
		}
		cursor = res["next"]
	}
	if got := strings.Join(seen, " "); got != "e-0 e-1 e-2 e-3 e-4" {
		t.Errorf("pages: %s", got)
	}
	if got := s.do("GET", "/v1/endpoints?limit=0&cursor=*&page=2", "").problem(422, "invalid"); fmt.Sprint(got) != "[cursor limit page]" {
		t.Errorf("bad query: %v", got)
	}
}

func attempt(id, endpointID string, o dispatch.Outcome) dispatch.Attempt {
	sent := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	a := dispatch.Attempt{
		Delivery: id, Endpoint: endpointID, Number: 1, Sent: sent, Received: sent.Add(time.Second), Status: 200, Outcome: o,
		Event: dispatch.EventRef{
			ID: "evt-" + id, Source: "/sources/shop", Type: "com.acme.order", Subject: "order-7", Topic: "hookspan.events.shop",
			Partition: "EVENTS", Position: bus.Position{Identity: "one", Seq: 3},
		},
	}
	if o != dispatch.Delivered {
		a.Status, a.Reason = 503, dispatch.Status
	}
	return a
}

func TestDeliveriesAreFoundAndRetried(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"].(string)
	late := s.do("POST", "/v1/endpoints", `{"name":"late","url":"https://late.example/"}`).object(201)["id"].(string)
	s.behind[late] = &dispatch.Behind{Since: time.Now(), Events: 12}
	s.index.Attempted(attempt("dlv_a", id, dispatch.Delivered))
	s.index.Attempted(attempt("dlv_b", id, ""))
	s.index.Attempted(attempt("dlv_c", "ep_gone", dispatch.Failed))

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
	if got := s.do("GET", "/v1/deliveries?status=lost&since=today&colour=red&limit=x", "").problem(422, "invalid"); fmt.Sprint(got) != "[colour limit since status]" {
		t.Errorf("bad query: %v", got)
	}
	s.do("GET", "/v1/deliveries?cursor=!", "").problem(422, "invalid")
	behind := s.do("GET", "/v1/deliveries?event=evt-new", "").object(200)["behind"].([]any)
	if got := behind[0].(map[string]any); len(behind) != 1 || got["endpoint_name"] != "late" || got["events"] != 12.0 {
		t.Errorf("behind: %v", behind)
	}

	one := s.do("GET", "/v1/deliveries/dlv_b", "").object(200)
	if one["endpoint"] != id || one["endpoint_name"] != "crm" || one["status"] != "pending" {
		t.Errorf("one delivery: %v", one)
	}
	s.do("POST", "/v1/deliveries/dlv_b/retry", "").object(202)
	if c := s.commands[0]; c.Kind != dispatch.RetryNow || c.Entry.ID != "dlv_b" || c.Entry.Endpoint != id || c.Entry.Number != 2 || c.Entry.Event.Seq != 3 {
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

func TestATestEventIsSentNow(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)
	for body, want := range map[string]string{"": "hookspan.test", `{"type":"com.acme.order"}`: "com.acme.order"} {
		got := s.do("POST", "/v1/endpoints/crm/test", body).object(200)
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

func TestOnlyTheTokenOpensTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	routes := []string{"/v1/endpoints", "/v1/deliveries", "/v1/sources", "/v1/refusals", "/v1/event-types", "/v1/stats", "/v1/endpoints/x", "/v1/none", "/v1"}
	for _, route := range routes {
		for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + token, token, "Bearer " + token + "x"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+route, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", header)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != 401 {
				t.Errorf("%s with %q: %d", route, header, res.StatusCode)
			}
		}
	}
	s.do("GET", "/v1/sources", "").object(200)
	s.token = ""
	s.do("GET", "/v1/sources", "").problem(503, "unavailable")
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
	res := s.do("PUT", "/v1/endpoints/crm", "{}")
	res.problem(405, "method")
	if got := res.header.Get("Allow"); got != "GET, PATCH, DELETE" {
		t.Errorf("Allow: %s", got)
	}
}

func TestABusThatIsDownIsNoInternalError(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.store.Fail(fmt.Errorf("canary: %w", bus.ErrUnavailable))
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
