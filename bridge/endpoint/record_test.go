package endpoint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

func TestNewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	mustCreate(t, r, receiver("crm"))
	last := store.Records(registryLog)[0]
	store.Land(registryLog, bus.Record{ID: [16]byte{9}, Prev: last.Pos, PrevID: last.ID, Data: []byte(`{"v":4,"kind":"endpoint"}`)})
	if _, err := r.Refresh(t.Context()); !errors.Is(err, bus.ErrNewerFormat) {
		t.Errorf("read: %v", err)
	}
	if _, err := r.Create(t.Context(), receiver("erp")); !errors.Is(err, bus.ErrNewerFormat) {
		t.Errorf("write: %v", err)
	}
}

// A version that knows no transform would send the event as it is.
func TestWhatAnEarlierVersionWouldTakeForLessHasAFormat(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*endpoint.Endpoint) error{
		`{"v":1,`: func(*endpoint.Endpoint) error { return nil },
		`{"v":2,`: func(e *endpoint.Endpoint) error { return e.Filters.Parse(`[{"exact":{"type":"a"}}]`) },
		`{"v":3,`: func(e *endpoint.Endpoint) error { return e.Transform.Parse(".data") },
		`{"v":3`:  func(e *endpoint.Endpoint) error { return e.Filters.Parse(`[{"not":{"jq":".data.a"}}]`) },
	} {
		store := endpointtest.New()
		r := loaded(t, store, endpoint.Options{})
		e := receiver("crm")
		if err := change(e); err != nil {
			t.Fatal(err)
		}
		mustCreate(t, r, e)
		if got := string(store.Records(registryLog)[0].Data); !strings.HasPrefix(got, want) {
			t.Errorf("%.40s, want %s", got, want)
		}
	}
}

func TestUnknownFieldsAreCarriedOn(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, r, receiver("crm"))
	last := store.Records(registryLog)[0]
	data := bytes.Replace(last.Data, []byte(`"endpoint":{`), []byte(`"endpoint":{"figure":"by-subject",`), 1)
	data = bytes.Replace(data, []byte(`"items":[{`), []byte(`"items":[{"shape":"x > 1",`), 1)
	store.Land(registryLog, bus.Record{ID: [16]byte{9}, Prev: last.Pos, PrevID: last.ID, Data: data})
	if _, err := r.Update(t.Context(), made.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.Concurrency = 2
		return e, nil
	}); err != nil {
		t.Fatal(err)
	}
	records := store.Records(registryLog)
	var got struct {
		Endpoint struct {
			Figure      string
			Concurrency int
			Items       []struct{ Shape string }
		}
	}
	if err := json.Unmarshal(records[len(records)-1].Data, &got); err != nil {
		t.Fatal(err)
	}
	if e := got.Endpoint; e.Figure != "by-subject" || e.Concurrency != 2 || e.Items[0].Shape != "x > 1" {
		t.Errorf("written as %+v", e)
	}
}

func TestTheWrongKeyIsAClearError(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	made := mustCreate(t, loaded(t, store, endpoint.Options{}), receiver("crm"))
	wrong := endpoint.NewRegistry(store, sealer(t, 2), endpoint.Options{})
	err := wrong.Load(t.Context())
	if !errors.Is(err, endpoint.ErrSealed) || !strings.Contains(err.Error(), "HOOKSPAN_SEAL_KEY") || !strings.Contains(err.Error(), "crm") {
		t.Fatalf("load: %v", err)
	}
	if e := wrong.Set().ByID(made.ID); e.State != endpoint.Paused || len(e.Secrets) != 0 {
		t.Errorf("shown as %s", e.State)
	}
	if _, err := wrong.SetState(t.Context(), made.ID, endpoint.Disabled, "x"); err != nil {
		t.Fatal(err)
	}
	if e := loaded(t, store, endpoint.Options{}).Set().ByID(made.ID); e.Secrets[0] != "canary-secret-crm" {
		t.Error("an edit without the key lost the secrets")
	}

	both := endpoint.NewRegistry(store, sealer(t, 2, 1), endpoint.Options{})
	resealed(t, both, 1, 0)
	resealed(t, both, 0, 1)
	onlyNew := endpoint.NewRegistry(store, sealer(t, 2), endpoint.Options{})
	if err := onlyNew.Load(t.Context()); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
}

// A replica that has not got the new key yet goes on with what it has opened, until a secret
// changes.
func TestSealedAnewUnderARunningReplica(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	old := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, old, receiver("crm"))
	both := endpoint.NewRegistry(store, sealer(t, 2, 1), endpoint.Options{})
	resealed(t, both, 1, 0)
	look := func(want endpoint.State) *endpoint.Endpoint {
		t.Helper()
		set, err := old.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e := set.ByID(made.ID)
		if e.State != want {
			t.Errorf("the endpoint is %s (%s), want %s", e.State, e.Reason, want)
		}
		return e
	}
	if e := look(endpoint.Enabled); len(e.Secrets) != 1 || e.Secrets[0] != "canary-secret-crm" {
		t.Errorf("%d secrets", len(e.Secrets))
	}
	if _, err := old.SetState(t.Context(), made.ID, endpoint.Disabled, "x"); err != nil {
		t.Fatal(err)
	}
	if err := endpoint.NewRegistry(store, sealer(t, 2), endpoint.Options{}).Load(t.Context()); err != nil {
		t.Errorf("the old replica has sealed it with its key again: %v", err)
	}
	if _, err := both.Update(t.Context(), made.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.Secrets = []string{"another secret"}
		return e, nil
	}); err != nil {
		t.Fatal(err)
	}
	look(endpoint.Paused)
}

func TestWithoutAKeyNoSecretIsTaken(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := endpoint.NewRegistry(store, nil, endpoint.Options{})
	if _, err := r.Create(t.Context(), receiver("crm")); !errors.Is(err, endpoint.ErrNoSealKey) {
		t.Errorf("with a secret: %v", err)
	}
	open := receiver("open")
	open.Secrets, open.Signature = nil, "none"
	if _, err := r.Create(t.Context(), open); err != nil {
		t.Errorf("without a secret: %v", err)
	}
}

func TestSecretsReachTheBusSealedOnly(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{SnapshotSlack: 1})
	e := receiver("crm")
	e.Headers = []endpoint.Header{{Name: "X-Key", Value: "canary-header"}}
	e.Options, e.EncryptSecret = map[string]string{"encrypt": "aes-256-gcm"}, "canary-encrypt"
	made := mustCreate(t, r, e)
	for range 5 {
		if _, err := r.Update(t.Context(), made.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) { return e, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	configured := receiver("erp")
	configured.URL = "https://erp.example/canary-path"
	if err := r.Adopt(t.Context(), []*endpoint.Endpoint{configured}, endpoint.ByFile); err != nil {
		t.Fatal(err)
	}
	for _, rec := range store.Records(registryLog) {
		if bytes.Contains(rec.Data, []byte("canary")) {
			t.Errorf("record %d holds a secret: %s", rec.Pos, rec.Data)
		}
	}
}
