package endpoint_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/setting"
)

// exotic has no setting at its default but tenants, which cannot be beside tenant.
func exotic(t *testing.T) *endpoint.Endpoint {
	t.Helper()
	e := endpoint.Default()
	e.Name, e.URL = "crm", "https://crm.example/hooks?a=b&c=<d>"
	values := map[string]string{
		"url": e.URL, "secrets": "canary-one canary-two", "events": "com.a.*,com.b", "topics": "orders.>", "active": "false", "start": "all",
		"signature": "sticker", "content": "data", "schedule": "linear(1s, 90m, 5h, 9)", "jitter": "12.5%", "timeout": "1m1s", "rate": "7/m:3", "concurrency": "3",
		"disable_after": "0", "tenants": "all", "headers": "X-Api-Key: canary", "options": "header_prefix=X-Acme,encrypt=aes-256-cbc", "encrypt_secret": "canary-key",
	}
	for _, f := range endpoint.Fields() {
		text, given := values[f.Word]
		if !given {
			text = f.Tag("example")
		}
		if err := f.Set(&e.Settings, text); err != nil {
			t.Fatalf("%s: %v", f.Word, err)
		}
	}
	return e
}

func TestTheRegistryKeepsEverySetting(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	e := exotic(t)
	made := mustCreate(t, loaded(t, store, (&asked{}).options("")), e)
	kept := loaded(t, store, endpoint.Options{}).Set().ByID(made.ID)
	for _, f := range endpoint.Fields() {
		if !f.Same(&e.Settings, &kept.Settings) {
			t.Errorf("%s: %v became %v", f.Word, f.Show(&e.Settings), f.Show(&kept.Settings))
		}
		if unset := endpoint.Default(); f.Word != "tenants" && f.Same(&unset.Settings, &kept.Settings) {
			t.Errorf("%s has its default: give it an example that is not, or another value in exotic", f.Word)
		}
		if f.Kind.Secret() && !f.Sealed() {
			t.Errorf("%s is secret and not sealed on the bus", f.Word)
		}
	}
	for _, r := range store.Records(registryLog) {
		if bytes.Contains(r.Data, []byte("canary")) {
			t.Errorf("a secret lies open: %s", r.Data)
		}
	}
}

// Records of versions before the settings were declared in one place.
func TestOlderRecordsAreRead(t *testing.T) {
	t.Parallel()
	const open = `{"v":1,"kind":"endpoint","endpoint":{"id":"ep_1","name":"crm","managed_by":"api","start":"now","state":"enabled",` +
		`"created":"2026-05-04T10:00:00Z","updated":"2026-05-04T10:00:00Z","items":[{"from":{},"events":["a.*"],"topics":["t"],"active":true,"revision":-1}],` +
		`"sealed":SEALED,"url":"https://crm.example/","signature":"hmac","content":"batch","options":{"batch_size":"5"},"schedule":[60000000000],` +
		`"timeout":30000000000,"per_second":50,"burst":1,"concurrency":16}}`
	sealed, err := sealer(t, 1).Seal("ep_1", []byte(`{"secrets":["one","two"],"encrypt":"key","headers":[{"Name":"X-A","Value":"b"}],"oath":{"bearer":"of a newer version"}}`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	store := endpointtest.New()
	store.Land(registryLog, bus.Record{ID: [16]byte{1}, Prev: bus.NoPosition, Data: bytes.Replace([]byte(open), []byte("SEALED"), text, 1)})
	r := loaded(t, store, endpoint.Options{})
	want := endpoint.Default().Settings // of what was not a setting then
	want.URL, want.Secrets, want.Events, want.Topics = "https://crm.example/", setting.Secrets{"one", "two"}, setting.List{"a.*"}, setting.List{"t"}
	want.Signature, want.Content, want.Schedule = "hmac", "batch", endpoint.Waits(time.Minute)
	want.Jitter, want.DisableAfter = 0, 0 // which those versions left out where they were zero
	want.Rate, want.Headers = endpoint.Rate{PerSecond: 50}, setting.Headers{{Name: "X-A", Value: "b"}}
	want.Options, want.EncryptSecret = setting.Options{"batch_size": "5"}, "key"
	if diff := cmp.Diff(want, r.Set().ByID("ep_1").Settings); diff != "" {
		t.Error(diff)
	}

	// What a newer version has sealed outlives an edit of this one.
	if _, err := r.Update(t.Context(), "ep_1", func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.Options, e.EncryptSecret, e.Content = nil, "", "binary"
		return e, nil
	}); err != nil {
		t.Fatal(err)
	}
	var record struct {
		Endpoint struct {
			Sealed    endpoint.Sealed
			PerSecond float64 `json:"per_second"`
			Burst     int
		}
	}
	records := store.Records(registryLog)
	if err := json.Unmarshal(records[len(records)-1].Data, &record); err != nil {
		t.Fatal(err)
	}
	plain, err := sealer(t, 1).Open("ep_1", record.Endpoint.Sealed)
	if err != nil || !bytes.Contains(plain, []byte(`"oath":{"bearer":"of a newer version"}`)) || bytes.Contains(plain, []byte("encrypt")) {
		t.Errorf("sealed anew: %s, %v", plain, err)
	}
	if record.Endpoint.PerSecond != 50 || record.Endpoint.Burst != 1 {
		t.Errorf("the rate as every version reads it: %+v", record.Endpoint)
	}
}
