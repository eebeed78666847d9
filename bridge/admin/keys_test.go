package admin_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

func sealer(t *testing.T, fill ...byte) *endpoint.Sealer {
	t.Helper()
	var keys [][]byte
	for _, b := range fill {
		keys = append(keys, bytes.Repeat([]byte{b}, endpoint.KeyBytes))
	}
	s, err := endpoint.NewSealer(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealKeysAreRotated(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	store := endpointtest.New()
	old := newReplica(t, store, sealer(t, 1), nil)
	heard := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	s := newReplica(t, store, sealer(t, 2, 1), func(o *admin.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Replicas = func() []delivery.Presence {
			return []delivery.Presence{{Replica: "a:1", At: heard, Keys: sealer(t, 1).IDs()}, {Replica: "b:1", At: heard, Keys: sealer(t, 1, 2).IDs()}, {Replica: "c:1", At: heard}}
		}
	})
	older, newest := sealer(t, 1).Newest(), sealer(t, 2).Newest()
	old.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/","headers":{"X-Key":"canary"},"auth":{"bearer":"canary"}}`).object(201)
	newReplica(t, store, sealer(t, 3, 1), nil).do("POST", "/v1/endpoints", `{"name":"lost","url":"https://crm.example/"}`).object(201)
	s.do("POST", "/v1/endpoints", `{"name":"erp","url":"https://crm.example/"}`).object(201)

	shown := s.do("GET", "/v1/keys", "")
	shown.object(200)
	for _, want := range []string{
		`"newest":"` + newest + `"`, `{"id":"` + newest + `","given":true,"endpoints":1}`, `{"id":"` + older + `","given":true,"endpoints":1}`,
		`"given":false,"endpoints":1}`, `{"name":"c:1","seen":"2026-05-04T10:00:00Z","keys":[]}`,
	} {
		if !strings.Contains(shown.body, want) {
			t.Errorf("no %s in %s", want, shown.body)
		}
	}
	done := s.do("POST", "/v1/keys/rotate", "")
	v := done.object(200)
	failed, lacking := fmt.Sprint(v["failed"]), fmt.Sprint(v["lacking"])
	if v["key"] != newest || v["sealed"] != 1.0 || v["already"] != 1.0 || !strings.Contains(failed, "name:lost") || !strings.Contains(failed, "key with id "+sealer(t, 3).Newest()) {
		t.Errorf("answered %s", done.body)
	}
	if !strings.Contains(lacking, "a:1") || strings.Contains(lacking, "b:1") || !strings.Contains(lacking, "c:1") {
		t.Errorf("said to lack the key: %s", lacking)
	}
	for _, want := range []string{"endpoints=1 seal_key=" + newest, `by="POST /v1/keys/rotate"`, "endpoint is not sealed with the newest key", "endpoint=lost"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in the log:\n%s", want, log.String())
		}
	}
	if again := s.do("POST", "/v1/keys/rotate", "{}").object(200); again["sealed"] != 0.0 || again["already"] != 2.0 {
		t.Errorf("again: %v", again)
	}
	alone := endpoint.NewRegistry(store, sealer(t, 2, 3), endpoint.Options{})
	if err := alone.Load(t.Context()); err != nil {
		t.Errorf("without the older key: %v", err)
	}
}

// A PATCH where the key is missing loses nothing of what is sealed: it is refused, or carries that on.
func TestAPatchWithoutTheKeyIsRefused(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	s, other := newReplica(t, store, sealer(t, 1), nil), newReplica(t, store, sealer(t, 2), nil)
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/","headers":{"X-Key":"canary"},"auth":{"bearer":"canary"}}`).object(201)
	for _, body := range []string{`{"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}`, `{"secrets":null}`, `{"headers":null}`, `{"active":false}`} {
		res := other.do("PATCH", "/v1/endpoints/crm", body)
		if res.problem(409, "conflict"); !strings.Contains(res.body, "the key with id "+sealer(t, 1).Newest()) || !strings.Contains(res.body, "HOOKSPAN_SEAL_KEY") {
			t.Errorf("%s: %s", body, res.body)
		}
	}
	newReplica(t, store, sealer(t, 2, 1), nil).do("POST", "/v1/keys/rotate", "").object(200)
	s.do("PATCH", "/v1/endpoints/crm", `{"concurrency":3}`).object(200) // s has opened it before
	s.do("PATCH", "/v1/endpoints/crm", `{"headers":null}`).problem(409, "conflict")
	alone := endpoint.NewRegistry(store, sealer(t, 2), endpoint.Options{})
	if err := alone.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := alone.Set().ByName("crm"); e.Concurrency != 3 || len(e.Secrets) != 1 || len(e.Headers) != 1 || e.Auth.Bearer != "canary" {
		t.Errorf("something is lost: %d secrets, %d headers, %v", len(e.Secrets), len(e.Headers), e.Auth)
	}
}

func TestANewSealKey(t *testing.T) {
	t.Parallel()
	var s *server
	s = newReplica(t, endpointtest.New(), sealer(t, 1), func(o *admin.Options) {
		o.NewKey = func(ctx context.Context) error { return s.registry.UseKeys(ctx, sealer(t, 2, 1)) }
	})
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)
	if v := s.do("POST", "/v1/keys/rotate", `{"new":false}`).object(200); v["sealed"] != 0.0 || v["key"] != sealer(t, 1).Newest() {
		t.Errorf("without a new one: %v", v)
	}
	if v := s.do("POST", "/v1/keys/rotate", `{"new":true}`).object(200); v["sealed"] != 1.0 || v["key"] != sealer(t, 2).Newest() {
		t.Errorf("with a new one: %v", v)
	}
	given := newServer(t)
	for _, c := range []struct{ body, field, says string }{
		{`{"new":true}`, "new", "HOOKSPAN_SEAL_KEY"},
		{`{"new":"yes"}`, "new", "true or false"},
		{`{"key":"x"}`, "key", "is not known"},
	} {
		res := given.do("POST", "/v1/keys/rotate", c.body)
		if fields := res.problem(422, "invalid"); fmt.Sprint(fields) != "["+c.field+"]" || !strings.Contains(res.body, c.says) {
			t.Errorf("%s: %s", c.body, res.body)
		}
	}
	given.do("GET", "/v1/keys?limit=1", "").problem(422, "invalid")
	if v := given.do("GET", "/v1/keys", "").object(200); fmt.Sprint(v["replicas"]) != "[]" {
		t.Errorf("alone: %v", v)
	}
	none := newReplica(t, endpointtest.New(), nil, nil)
	if v := none.do("GET", "/v1/keys", "").object(200); v["newest"] != "" || fmt.Sprint(v["keys"]) != "[]" {
		t.Errorf("without keys: %v", v)
	}
	if res := none.do("POST", "/v1/keys/rotate", ""); !strings.Contains(strings.Join(res.problem(503, "unavailable"), "")+res.body, "HOOKSPAN_SEAL_KEY") {
		t.Errorf("without keys: %s", res.body)
	}
}
