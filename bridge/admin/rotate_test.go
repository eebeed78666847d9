package admin_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/signature"
)

func TestASecretIsRotated(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	sealer, err := endpoint.NewSealer(bytes.Repeat([]byte{1}, endpoint.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	s := newReplica(t, endpointtest.New(), sealer, func(o *admin.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	made := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)
	id, first := made["id"].(string), made["secrets"].([]any)[0].(string)
	signing := func() string { return fmt.Sprint(endpointtest.SigningAt(s.registry.Set().ByID(id), time.Now())) }
	until := func(v map[string]any) time.Time {
		at, err := time.Parse(time.RFC3339, v["overlap_until"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	rotate := func(body string, overlap time.Duration) string {
		t.Helper()
		before := time.Now()
		v := s.do("POST", "/v1/endpoints/crm/secret", body).object(200)
		if at := until(v); at.Before(before.Add(overlap-time.Second)) || at.After(time.Now().Add(overlap)) {
			t.Errorf("%s: the old one signs until %s", body, at)
		}
		res := s.do("GET", "/v1/endpoints/crm", "")
		shown := res.object(200)
		if strings.Contains(res.body, v["secret"].(string)) || strings.Contains(res.body, first) {
			t.Errorf("%s: a secret is shown again: %s", body, res.body)
		}
		if overlap == 0 && shown["overlap_until"] != nil || overlap > 0 && !until(shown).Equal(until(v)) {
			t.Errorf("%s: shown until %v, answered %v", body, shown["overlap_until"], v["overlap_until"])
		}
		return v["secret"].(string)
	}

	second := rotate("", 24*time.Hour)
	if got, want := signing(), fmt.Sprint([]string{second, first}); got != want || !strings.HasPrefix(second, "whsec_") {
		t.Errorf("%s sign, want %s", got, want)
	}
	third := signature.GenerateSecret("standard")
	rotate(`{"secret":"`+third+`","overlap":"720h"}`, 720*time.Hour)
	if got, want := signing(), fmt.Sprint([]string{third, second, first}); got != want {
		t.Errorf("%s sign, want %s", got, want)
	}
	fourth := rotate(`{"overlap":"0s"}`, 0)
	if got, want := signing(), fmt.Sprint([]string{fourth}); got != want {
		t.Errorf("%s sign, want %s", got, want)
	}
	rotate(`{"overlap":null}`, 24*time.Hour)
	s.do("PATCH", "/v1/endpoints/crm", `{"secrets":["`+third+`"]}`).object(200) // whoever names them all means it
	if got, want := signing(), fmt.Sprint([]string{third}); got != want {
		t.Errorf("%s sign, want %s", got, want)
	}

	s.do("PATCH", "/v1/endpoints/crm", `{"signature":"standard-ed25519","secrets":null}`).object(200)
	v := s.do("POST", "/v1/endpoints/crm/secret", "{}").object(200)
	if key, _ := signature.PublicKey("standard-ed25519", v["secret"].(string)); v["public_key"] != key || key == "" {
		t.Errorf("the public key is %v, want %s", v["public_key"], key)
	}
	if !strings.Contains(log.String(), "overlap_until=") {
		t.Errorf("the log does not say until when: %s", log.String())
	}
	for _, secret := range []string{first, second, third, fourth, v["secret"].(string)} {
		if strings.Contains(log.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

func TestARotationThatIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	other, err := endpoint.NewSealer(bytes.Repeat([]byte{2}, endpoint.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	locked := newReplica(t, s.logs, other, nil)
	s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)
	s.do("POST", "/v1/endpoints", `{"name":"open","url":"https://crm.example/","signature":"none"}`).object(201)
	s.do("POST", "/v1/endpoints", `{"name":"text","url":"https://crm.example/","signature":"sticker","secrets":["a secret of the receiver"]}`).object(201)
	before := s.registry.Set().ByName("crm").Revision
	for _, c := range []struct{ endpoint, body, fields, says string }{
		{"crm", `{"overlap":"721h"}`, "overlap", "at most 720h"},
		{"crm", `{"overlap":"-1h"}`, "overlap", "at most 720h"},
		{"crm", `{"overlap":5}`, "overlap", "must be a string"},
		{"crm", `{"secret":"whsec_short"}`, "secret", "24 to 64 bytes"},
		{"crm", `{"secret":""}`, "secret", "is empty"},
		{"crm", `{"secret":["a"]}`, "secret", "must be a string"},
		{"crm", `{"secrets":["a"]}`, "secrets", "is not known"},
		{"crm", `[]`, "", "JSON object"},
		{"open", ``, "signature", "none to rotate"},
		{"text", `{"secret":"a secret of the receiver"}`, "secret", "signs already"},
	} {
		res := s.do("POST", "/v1/endpoints/"+c.endpoint+"/secret", c.body)
		if got := strings.Join(res.problem(422, "invalid"), " "); !strings.HasPrefix(got, c.fields) || !strings.Contains(res.body, c.says) {
			t.Errorf("%s %s: %s", c.endpoint, c.body, res.body)
		}
		if strings.Contains(res.body, "whsec_short") {
			t.Errorf("a secret is repeated: %s", res.body)
		}
	}
	if e := s.registry.Set().ByName("crm"); e.Revision != before || len(e.OldSecrets) != 0 {
		t.Error("what was refused was written")
	}
	s.do("POST", "/v1/endpoints/nobody/secret", "").problem(404, "not_found")
	if res := locked.do("POST", "/v1/endpoints/crm/secret", ""); !strings.Contains(strings.Join(res.problem(409, "conflict"), " ")+res.body, "HOOKSPAN_SEAL_KEY") {
		t.Errorf("of secrets that cannot be opened: %s", res.body)
	}
	e := endpoint.Default()
	e.Name, e.URL, e.Secrets = "env", "https://crm.example/", []string{signature.GenerateSecret("standard")}
	if err := s.registry.Adopt(t.Context(), []*endpoint.Endpoint{e}, endpoint.ByEnvironment); err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/v1/endpoints/env/secret", `{"secret":5}`).problem(409, "managed_elsewhere")
}
