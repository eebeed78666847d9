package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/signature"
)

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
	if e := s.registry.Set().ByID(id); e.Secrets[0] != secret || e.Headers[0].Value != "canary" || len(e.Periods) != 2 {
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

// What an endpoint asked for while it was enabled ends with an operator's word too, and a process
// that takes its shard over meanwhile hears of it.
func TestEnableEndsAHold(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"]
	for n, before := range []string{"enable", "pause"} {
		s.do("POST", "/v1/endpoints/crm/"+before, "").object(200)
		s.do("POST", "/v1/endpoints/crm/enable", "").object(200)
		last := s.commands[len(s.commands)-1]
		if want := (delivery.Entry{Endpoint: id.(string)}); last.Kind != delivery.EndHold || last.Entry != want || len(s.commands) != 2+n {
			t.Errorf("%s, then enable: commands %+v", before, s.commands)
		}
	}
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
		{"of a later version", `{` + good + `,"shape":true}`, "shape"},
		{"read only", `{` + good + `,"id":"x","state":"paused"}`, "id state"},
		{"wrong types", `{` + good + `,"active":"yes","concurrency":1.5,"timeout":30,"events":[{}]}`, "active concurrency events timeout"},
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

// Whoever asks for a test event first gets an endpoint back that takes what it is sent, or none.
func TestEnableAsksForATestFirst(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	crm := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"].(string)
	if _, err := s.registry.SetState(t.Context(), crm, endpoint.Disabled, "nothing but failure"); err != nil {
		t.Fatal(err)
	}
	s.refuses = true
	s.do("POST", "/v1/endpoints/crm/enable", `{"test":true}`).problem(409, "conflict")
	if got := s.do("GET", "/v1/endpoints/crm", "").object(200); got["state"] != "disabled" || got["reason"] != "nothing but failure" || len(s.commands) != 0 {
		t.Errorf("after a test that failed: %v, %v, commands %v", got["state"], got["reason"], s.commands)
	}
	for _, body := range []string{`{"test":"yes"}`, `{"test":true,"type":"x"}`, `[]`} {
		s.do("POST", "/v1/endpoints/crm/enable", body).problem(422, "invalid")
	}
	if got := s.do("POST", "/v1/endpoints/crm/enable", `{"test":false}`).object(200); got["state"] != "enabled" {
		t.Errorf("without a test: %v", got)
	}
	s.refuses = false
	if _, err := s.registry.SetState(t.Context(), crm, endpoint.Disabled, "again"); err != nil {
		t.Fatal(err)
	}
	if got := s.do("POST", "/v1/endpoints/crm/enable", `{"test":true}`).object(200); got["state"] != "enabled" || len(s.commands) != 2 {
		t.Errorf("after a test that was taken: %v, commands %v", got, s.commands)
	}
}

// A test event is one that any topic would take.
func TestATestEventNamesATypeThatAnEventMayHave(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)
	for _, body := range []string{
		`{"type":""}`, `{"type":"a\u0001b"}`, `{"type":"a\u0085"}`, `{"type":"\uffff"}`, `{"type":"a\r\nX-Injected: 1"}`, `{"type":"\ud83d"}`,
		"{\"type\":\"\xff\"}", `{"type":7}`,
	} {
		if got := s.do("POST", "/v1/endpoints/crm/test", body).problem(422, "invalid"); fmt.Sprint(got) != "[type]" {
			t.Errorf("%q is refused for %v", body, got)
		}
	}
	for body, want := range map[string]string{``: "hookspan.test", `{"type":null}`: "hookspan.test", `{"type":"com.acme.\u00f6 \ud83d\ude00"}`: "com.acme.\u00f6 \U0001f600"} {
		if got := s.do("POST", "/v1/endpoints/crm/test", body).object(200); got["detail"] != want {
			t.Errorf("%s: sent %v, want %s", body, got["detail"], want)
		}
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
	for _, act := range []string{"/enable", "/test", "/pause", "/secret", "/preview"} {
		s.do("POST", "/v1/endpoints/crm"+act, "").problem(409, "conflict")
	}
	s.do("PATCH", "/v1/endpoints/crm", `{"concurrency":2}`).problem(409, "conflict")
	if got := s.do("GET", "/v1/stats", "").object(200)["endpoints"].(map[string]any); got["removed"] != 1.0 {
		t.Errorf("stats: %v", got)
	}
	if res := s.do("DELETE", "/v1/endpoints/crm", ""); res.status != 204 {
		t.Errorf("delete what is removed: %s", res.body)
	}
}

func TestEndpointsOfATenant(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, rest := range map[string]string{"one": `,"tenant":"acme"`, "two": `,"tenant":"acme"`, "three": `,"tenant":"other"`, "four": "", "five": `,"tenants":"none"`} {
		s.do("POST", "/v1/endpoints", `{"name":"`+name+`","url":"https://e.example/"`+rest+`}`).object(201)
	}
	for query, want := range map[string]string{"tenant=acme": "one two", "tenant=acme&limit=1": "one", "tenant=acm": "", "tenant=": "five four one three two"} {
		var names []string
		for _, item := range s.do("GET", "/v1/endpoints?"+query, "").object(200)["items"].([]any) {
			names = append(names, item.(map[string]any)["name"].(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if e := s.do("GET", "/v1/endpoints/one", "").object(200); e["tenant"] != "acme" || e["tenants"] != "all" {
		t.Errorf("shown as %v, %v", e["tenant"], e["tenants"])
	}
	for _, path := range []string{"/v1/endpoints", "/v1/deliveries"} {
		if got := s.do("GET", path+"?tenant=a%00b", "").problem(422, "invalid"); fmt.Sprint(got) != "[tenant]" {
			t.Errorf("%s with a bad tenant: %v", path, got)
		}
	}
	if got := s.do("PATCH", "/v1/endpoints/five", `{"tenant":"acme"}`).problem(422, "invalid"); fmt.Sprint(got) != "[tenants]" {
		t.Errorf("a tenant and tenants none: %v", got)
	}
	s.do("PATCH", "/v1/endpoints/five", `{"tenant":"acme","tenants":null}`).object(200)
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
