package admin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// Whoever changes what somebody else has changed meanwhile is told so, and nothing is lost.
func TestNobodyOverwritesWhatHeHasNotSeen(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	made := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`)
	made.object(201)
	first := made.header.Get("ETag")
	if got := s.do("GET", "/v1/endpoints/crm", "").header.Get("ETag"); got != first || len(got) < 8 || !strings.HasPrefix(got, `"`) {
		t.Fatalf("ETags %s and %s", first, got)
	}
	changed := s.when("PATCH", "/v1/endpoints/crm", `{"concurrency":2}`, first)
	changed.object(200)
	second := changed.header.Get("ETag")
	if second == first {
		t.Error("the ETag is the same after a change")
	}
	for _, match := range []string{first, `"stale"`, "W/" + second, "moon", `"a", ` + first} {
		for method, body := range map[string]string{"PATCH": `{"concurrency":3}`, "PUT": `{"url":"https://crm.example/3"}`, "DELETE": ""} {
			got := s.when(method, "/v1/endpoints/crm", body, match)
			got.problem(412, "precondition_failed")
			if tag := got.header.Get("ETag"); tag != second {
				t.Errorf("%s with %s: told the ETag %q, want %q", method, match, tag, second)
			}
		}
	}
	if e := s.registry.Set().ByName("crm"); e == nil || e.Concurrency != 2 || e.URL != "https://crm.example/" {
		t.Fatalf("after what was refused: %+v", e)
	}
	for _, match := range []string{`"a", ` + second, "*"} {
		s.when("PATCH", "/v1/endpoints/crm", `{"concurrency":4}`, match).object(200)
	}
	before := s.do("GET", "/v1/endpoints/crm", "").header.Get("ETag")
	if after := s.do("POST", "/v1/endpoints/crm/pause", "").header.Get("ETag"); after == before || after == "" {
		t.Errorf("paused: %q, before %q", after, before)
	}
	s.when("PATCH", "/v1/endpoints/nobody", `{}`, "*").problem(404, "not_found")
	if got := s.when("DELETE", "/v1/endpoints/crm", "", s.do("GET", "/v1/endpoints/crm", "").header.Get("ETag")); got.status != 204 {
		t.Errorf("deleted: %+v", got)
	}
}

func TestASourceHasATag(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	got := s.do("GET", "/v1/sources/shop", "")
	if o := got.object(200); o["name"] != "shop" || strings.Contains(got.body, "canary") {
		t.Errorf("shown: %s", got.body)
	}
	if tag := got.header.Get("ETag"); len(tag) < 8 || tag != s.do("GET", "/v1/sources/shop", "").header.Get("ETag") {
		t.Errorf("ETag %q", tag)
	}
	s.do("GET", "/v1/sources/nobody", "").problem(404, "not_found")
	s.do("PUT", "/v1/sources/shop", "{}").problem(405, "method")
}

// full is an endpoint with something in each setting that is shown otherwise than it was given.
const full = `{"name":"crm","url":"https://crm.example/","signature":"hmac","secrets":["canary-canary-canary-canary"],"options":{"header":"X-Sig"},
 "headers":{"X-Plain":"1","X-Api-Key":"canary","Accept":"a/b"},"auth":{"oauth2":{"token_url":"https://id.example/","client_id":"i","client_secret":"canary","scopes":["a"]}},
 "tls":{"server_name":"canary.example"},"proxy":"http://u:canary@proxy.example:3128","events":["a.*","b"],"rate":"50/s:20","timeout":"7s","schedule":["1s","9s"],
 "filters":[{"prefix":{"type":"a"}}],"concurrency":3,"active":false,"disable_after":"1h","start":"all","jitter":"20%"}`

// What was read can be written back, whole or in part, and nothing changes: neither what is hidden
// nor what no request may set.
func TestWhatWasReadCanBeWrittenBack(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"PUT", "PATCH"} {
		s := newServer(t)
		s.do("POST", "/v1/endpoints", full).object(201)
		s.do("POST", "/v1/endpoints/crm/pause", "").object(200)
		before := s.registry.Set().ByName("crm")
		got := s.do("GET", "/v1/endpoints/crm", "")
		again := s.when(method, "/v1/endpoints/crm", got.body, got.header.Get("ETag"))
		again.object(200)
		after := s.registry.Set().ByName("crm")
		if diff := cmp.Diff(open(t, before), open(t, after)); diff != "" || after.State != endpoint.Paused {
			t.Errorf("%s: state %s, settings (-before +after):\n%s", method, after.State, diff)
		}
		// What it does may have changed since; who it is may not.
		var o map[string]any
		if err := json.Unmarshal([]byte(got.body), &o); err != nil {
			t.Fatal(err)
		}
		o["timeout"], o["updated"], o["warnings"], o["behind"], o["breaker"] = "8s", "2000-01-01T00:00:00Z", []string{"x"}, nil, "open"
		if changed := s.do(method, "/v1/endpoints/crm", text(t, o)).object(200); changed["timeout"] != "8s" {
			t.Errorf("%s: changed: %v", method, changed)
		}
		o["id"], o["state"], o["managed_by"], o["public_key"] = "ep_other", "enabled", "env", "whpk_x"
		if paths := s.do(method, "/v1/endpoints/crm", text(t, o)).problem(422, "invalid"); strings.Join(paths, " ") != "id managed_by public_key state" {
			t.Errorf("%s: at fault %v", method, paths)
		}
	}
}

// A PUT takes back to its default what it leaves out, but for what nobody can read.
func TestPutReplacesWhatIsShown(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("POST", "/v1/endpoints", full).object(201)
	before := s.registry.Set().ByName("crm")
	s.do("PUT", "/v1/endpoints/crm", `{"url":"https://crm.example/","signature":"hmac","options":{"header":"X-Sig"},"headers":{"x-api-key":"***"}}`).object(200)
	after := s.registry.Set().ByName("crm")
	want := endpoint.Default()
	want.Name, want.URL, want.Signature, want.Options, want.Secrets, want.Start = "crm", "https://crm.example/", "hmac", before.Options, before.Secrets, before.Start
	want.Headers = after.Headers
	if diff := cmp.Diff(open(t, want), open(t, after)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if len(after.Headers) != 1 || after.Headers[0].Value != "canary" {
		t.Errorf("%d headers", len(after.Headers))
	}
	if paths := s.do("PUT", "/v1/endpoints/crm", `{"concurrency":3,"signature":"hmac","options":{"header":"X-Sig"}}`).problem(422, "invalid"); strings.Join(paths, " ") != "url" {
		t.Errorf("without what there must be: %v", paths)
	}
	s.do("PUT", "/v1/endpoints/nobody", `{"url":"https://crm.example/"}`).problem(404, "not_found")
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// open are the settings of an endpoint with what is hidden.
func open(t *testing.T, e *endpoint.Endpoint) map[string]string {
	t.Helper()
	all := map[string]string{"secrets": strings.Join(e.Secrets, " "), "auth": text(t, e.Auth.Open()), "tls": text(t, e.TLS.Open()), "proxy": e.Proxy.Open()}
	for _, h := range e.Headers {
		all["headers "+h.Name] = h.Value
	}
	for _, m := range endpoint.Fields().Shown(&e.Settings) {
		all["shown "+m.Word] = text(t, m.Value)
	}
	return all
}
