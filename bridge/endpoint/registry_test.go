package endpoint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

var registryLog = bus.LogName{Kind: bus.Registry}

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

func loaded(t *testing.T, store endpoint.Store, o endpoint.Options) *endpoint.Registry {
	t.Helper()
	r := endpoint.NewRegistry(store, sealer(t, 1), o)
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func receiver(name string) *endpoint.Endpoint {
	e := endpoint.Default()
	e.Name, e.URL = name, "https://"+name+".example/hooks"
	e.Secrets = []string{"canary-secret-" + name}
	return e
}

func mustCreate(t *testing.T, r *endpoint.Registry, e *endpoint.Endpoint) *endpoint.Endpoint {
	t.Helper()
	made, err := r.Create(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestCreateIsDurableAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	end := store.Publish(orders, time.Now())
	e := receiver("crm")
	e.Headers = []endpoint.Header{{Name: "Authorization", Value: "canary-header"}}
	e.Rate = endpoint.Rate{PerSecond: 50, Burst: 20}
	made := mustCreate(t, loaded(t, store, endpoint.Options{}), e)
	if store.Syncs() == 0 {
		t.Error("Create returned without a sync")
	}
	if got := made.Items[0].From[orders]; got != end {
		t.Errorf("the first item begins at %v, want the end %v", got, end)
	}

	again := loaded(t, store, endpoint.Options{}).Set().ByName("crm")
	if again == nil {
		t.Fatal("the endpoint is gone after a restart")
	}
	if again.ID != made.ID || again.URL != e.URL || again.Secrets[0] != e.Secrets[0] ||
		again.Headers[0] != e.Headers[0] || again.Rate != e.Rate || len(again.Schedule) != 6 ||
		again.State != endpoint.Enabled || !again.Created.Equal(made.Created) {
		t.Errorf("came back changed: %+v", again)
	}
	if again.Items[0].Revision != again.Revision {
		t.Errorf("the item's revision is %d, its record is at %d", again.Items[0].Revision, again.Revision)
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

func TestTwoRegistriesRaceOnOneLog(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]*endpointtest.Store{"refusing": endpointtest.New(), "taking": endpointtest.NewTaking()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := loaded(t, store, endpoint.Options{}), loaded(t, store, endpoint.Options{})
			var racers sync.WaitGroup
			for i, r := range []*endpoint.Registry{a, b, a, b} {
				racers.Go(func() {
					for n := range 10 {
						if _, err := r.Create(t.Context(), receiver(fmt.Sprintf("e-%d-%d", i, n))); err != nil {
							t.Error(err)
						}
					}
				})
			}
			racers.Wait()
			for _, r := range []*endpoint.Registry{a, b, loaded(t, store, endpoint.Options{})} {
				set, err := r.Refresh(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(set.All()) != 40 {
					t.Errorf("a registry knows %d endpoints, want 40", len(set.All()))
				}
			}
		})
	}
}

func TestOneNameIsGivenOnce(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	var made, taken int
	var mu sync.Mutex
	var racers sync.WaitGroup
	for range 4 {
		r := loaded(t, store, endpoint.Options{})
		racers.Go(func() {
			_, err := r.Create(t.Context(), receiver("crm"))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made++
			case errors.Is(err, endpoint.ErrNameTaken):
				taken++
			default:
				t.Error(err)
			}
		})
	}
	racers.Wait()
	if made != 1 || taken != 3 {
		t.Errorf("made %d, refused %d; want 1 and 3", made, taken)
	}
}

// The other registry writes at the one moment when we have read and not yet written.
func TestAnEditOfTheSameEndpointIsMadeAgain(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	ours, theirs := loaded(t, store, endpoint.Options{}), loaded(t, store, endpoint.Options{})
	made := mustCreate(t, ours, receiver("crm"))
	store.BeforeAppend(func(bus.LogName) {
		store.BeforeAppend(nil)
		if _, err := theirs.SetState(t.Context(), made.ID, endpoint.Disabled, "gone"); err != nil {
			t.Error(err)
		}
	})
	got, err := ours.Update(t.Context(), made.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.Concurrency = 3
		return e, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Concurrency != 3 || got.State != endpoint.Disabled || got.Reason != "gone" {
		t.Errorf("one of two edits was lost: concurrency %d, state %s", got.Concurrency, got.State)
	}
}

func TestALateCopyDoesNotExist(t *testing.T) {
	t.Parallel()
	store := endpointtest.NewTaking()
	r := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, r, receiver("crm"))
	first := store.Records(registryLog)[0]
	if err := r.Delete(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	store.Land(registryLog, first)
	if n := len(loaded(t, store, endpoint.Options{}).Set().All()); n != 0 {
		t.Errorf("a late copy brought %d endpoints back", n)
	}
	mustCreate(t, r, receiver("next"))
}

func TestItemsAreAddedOnlyForWhatIsTaken(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	store.Publish(orders, time.Now())
	made := mustCreate(t, r, receiver("crm"))
	for _, c := range []struct {
		name  string
		items int
		edit  func(*endpoint.Endpoint)
	}{
		{"url", 1, func(e *endpoint.Endpoint) { e.URL = "https://other.example/" }},
		{"events", 2, func(e *endpoint.Endpoint) { e.Events = []string{"com.acme.*"} }},
		{"the same events", 2, func(e *endpoint.Endpoint) { e.Events = []string{"com.acme.*"} }},
		{"topics", 3, func(e *endpoint.Endpoint) { e.Topics = []string{"orders.>"} }},
		{"active", 4, func(e *endpoint.Endpoint) { e.Active = false }},
		{"concurrency", 4, func(e *endpoint.Endpoint) { e.Concurrency = 2 }},
	} {
		end := store.Publish(orders, time.Now())
		got, err := r.Update(t.Context(), made.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
			c.edit(e)
			return e, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Items) != c.items {
			t.Fatalf("%s: %d items, want %d", c.name, len(got.Items), c.items)
		}
		newest := got.Items[len(got.Items)-1]
		if newest.Revision == got.Revision && newest.From[orders] != end {
			t.Errorf("%s: the item begins at %v, want %v", c.name, newest.From[orders], end)
		}
	}
	if _, err := r.SetState(t.Context(), made.ID, endpoint.Paused, "by hand"); err != nil {
		t.Fatal(err)
	}
	if got := r.Set().ByID(made.ID); len(got.Items) != 4 || got.State != endpoint.Paused {
		t.Errorf("pausing: %d items, state %s", len(got.Items), got.State)
	}
	if err := r.Fold(t.Context(), made.ID, func(_, behind endpoint.Item) bool { return behind.Active }); err != nil {
		t.Fatal(err)
	}
	if got := r.Set().ByID(made.ID); len(got.Items) != 2 || got.Items[1].Active {
		t.Errorf("folded to %d items", len(got.Items))
	}
}

// Ends that were captured long before the item is written would make the past the endpoint's.
func TestOldEndsAreCapturedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := endpointtest.New()
		ours, theirs := loaded(t, store, endpoint.Options{}), loaded(t, store, endpoint.Options{})
		store.Publish(orders, time.Now())
		var end bus.Position
		store.BeforeAppend(func(bus.LogName) {
			store.BeforeAppend(nil)
			time.Sleep(11 * time.Second)
			end = store.Publish(orders, time.Now())
			mustCreate(t, theirs, receiver("faster"))
		})
		if got := mustCreate(t, ours, receiver("crm")).Items[0].From[orders]; got != end {
			t.Errorf("the item begins at %v, want %v", got, end)
		}
	})
}

func TestStartDecidesTheFirstItem(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	old := store.Publish(orders, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	end := store.Publish(orders, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	for _, c := range []struct {
		name, start string
		from        bus.Positions
	}{
		{"now", endpoint.StartNow, bus.Positions{orders: end}},
		{"all", endpoint.StartAll, bus.Positions{}},
		{"time", "2026-04-01T00:00:00Z", bus.Positions{orders: old}},
	} {
		e := receiver(c.name)
		e.Start = c.start
		got := mustCreate(t, r, e).Items[0].From
		if len(got) != len(c.from) || got[orders] != c.from[orders] {
			t.Errorf("start %s: from %v, want %v", c.start, got, c.from)
		}
	}
	later := receiver("later")
	later.Start = time.Now().Add(time.Hour).Format(time.RFC3339)
	var invalid *endpoint.InvalidError
	if _, err := r.Create(t.Context(), later); !errors.As(err, &invalid) || invalid.Fields[0].Field != "start" {
		t.Errorf("a start in the future: %v", err)
	}
}

func TestConfiguredEndpointsKeepTheirPlace(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	first := store.Publish(orders, time.Now())
	adopt := func(r *endpoint.Registry, list ...*endpoint.Endpoint) {
		t.Helper()
		if err := r.Adopt(t.Context(), list, endpoint.ByEnvironment); err != nil {
			t.Fatal(err)
		}
	}
	r := loaded(t, store, endpoint.Options{})
	adopt(r, receiver("crm"))
	seen := r.Set().ByName("crm")
	if seen.Items[0].From[orders] != first || seen.URL == "" || seen.ManagedBy != endpoint.ByEnvironment {
		t.Fatalf("first sight: %+v", seen)
	}
	if _, err := r.SetState(t.Context(), seen.ID, endpoint.Disabled, "it answered 410"); err != nil {
		t.Fatal(err)
	}

	changed := store.Publish(orders, time.Now())
	r = loaded(t, store, endpoint.Options{})
	if got := r.Set().ByName("crm"); got.State != endpoint.Removed || got.URL != "" {
		t.Errorf("not configured here: state %s", got.State)
	}
	e := receiver("crm")
	e.URL = "https://moved.example/"
	adopt(r, e)
	got := r.Set().ByName("crm")
	if got.ID != seen.ID || len(got.Items) != 1 || got.Items[0].From[orders] != first || got.URL != e.URL || got.State != endpoint.Disabled {
		t.Errorf("after a restart: %+v", got)
	}
	e = receiver("crm")
	e.Events = []string{"com.acme.*"}
	adopt(r, e)
	if got := r.Set().ByName("crm"); len(got.Items) != 2 || got.Items[1].From[orders] != changed {
		t.Errorf("after a change of events: %+v", got.Items)
	}

	if _, err := r.Update(t.Context(), seen.ID, nil); !errors.Is(err, endpoint.ErrManaged) {
		t.Errorf("update: %v", err)
	}
	if err := r.Delete(t.Context(), seen.ID); !errors.Is(err, endpoint.ErrManaged) {
		t.Errorf("delete: %v", err)
	}
	adopt(r)
	if got := r.Set().ByName("crm"); got.State != endpoint.Removed {
		t.Errorf("taken out: state %s", got.State)
	}
	if _, err := r.SetState(t.Context(), seen.ID, endpoint.Enabled, ""); !errors.Is(err, endpoint.ErrRemoved) {
		t.Errorf("enable what is removed: %v", err)
	}
	if err := r.Delete(t.Context(), seen.ID); err != nil || r.Set().ByName("crm") != nil {
		t.Errorf("delete what is removed: %v", err)
	}
}

func TestNamesAreUniqueOverAllThree(t *testing.T) {
	t.Parallel()
	r := loaded(t, endpointtest.New(), endpoint.Options{})
	mustCreate(t, r, receiver("crm"))
	if err := r.Adopt(t.Context(), []*endpoint.Endpoint{receiver("crm")}, endpoint.ByFile); !errors.Is(err, endpoint.ErrNameTaken) {
		t.Errorf("a name of the API in the file: %v", err)
	}
	if err := r.Adopt(t.Context(), []*endpoint.Endpoint{receiver("erp")}, endpoint.ByFile); err != nil {
		t.Fatal(err)
	}
	if err := r.Adopt(t.Context(), []*endpoint.Endpoint{receiver("erp")}, endpoint.ByEnvironment); !errors.Is(err, endpoint.ErrNameTaken) {
		t.Errorf("a name of the file in the environment: %v", err)
	}
	if err := r.Adopt(t.Context(), nil, endpoint.ByFile); err != nil {
		t.Fatal(err)
	}
	if err := r.Adopt(t.Context(), []*endpoint.Endpoint{receiver("erp")}, endpoint.ByEnvironment); err != nil {
		t.Errorf("moved from the file to the environment: %v", err)
	}
}

func TestStartsAreRecordedOnce(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	first := store.Publish(orders, time.Now())
	starts, err := loaded(t, store, endpoint.Options{}).Starts(t.Context(), []string{"orders.>"})
	if err != nil {
		t.Fatal(err)
	}
	if got := starts.Positions(); got[orders] != first || len(got) != 1 {
		t.Errorf("first use: %v", got)
	}
	second := store.Publish(orders, time.Now())
	r := loaded(t, store, endpoint.Options{})
	starts, err = r.Starts(t.Context(), []string{"orders.>", "audit.>"})
	if err != nil {
		t.Fatal(err)
	}
	if got := starts.Positions(); got[orders] != first {
		t.Errorf("a later start moved: %v", got)
	}
	if !starts.Takes(orders, second, "orders.eu") || starts.Takes(orders, first, "orders.eu") {
		t.Error("the first pattern does not begin behind its own start")
	}
	if starts.Takes(orders, second, "audit.login") || !starts.Takes(orders, place("one", second.Seq+1), "audit.login") {
		t.Error("the second pattern does not begin behind its own start")
	}
	if !starts.Takes("NEW", place("one", 1), "audit.login") {
		t.Error("a partition that came later does not begin at its first event")
	}
	if starts.Takes("NEW", place("one", 1), "other") {
		t.Error("a topic that no pattern names is taken")
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	mustCreate(t, r, receiver("crm"))
	last := store.Records(registryLog)[0]
	store.Land(registryLog, bus.Record{ID: [16]byte{9}, Prev: last.Pos, PrevID: last.ID, Data: []byte(`{"v":2,"kind":"endpoint"}`)})
	if _, err := r.Refresh(t.Context()); !errors.Is(err, bus.ErrNewerFormat) {
		t.Errorf("read: %v", err)
	}
	if _, err := r.Create(t.Context(), receiver("erp")); !errors.Is(err, bus.ErrNewerFormat) {
		t.Errorf("write: %v", err)
	}
}

func TestUnknownFieldsAreCarriedOn(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, r, receiver("crm"))
	last := store.Records(registryLog)[0]
	data := bytes.Replace(last.Data, []byte(`"endpoint":{`), []byte(`"endpoint":{"ordered":"by-subject",`), 1)
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
			Ordered     string
			Concurrency int
			Items       []struct{ Shape string }
		}
	}
	if err := json.Unmarshal(records[len(records)-1].Data, &got); err != nil {
		t.Fatal(err)
	}
	if e := got.Endpoint; e.Ordered != "by-subject" || e.Concurrency != 2 || e.Items[0].Shape != "x > 1" {
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
	if n, err := both.Reseal(t.Context()); n != 1 || err != nil {
		t.Fatalf("reseal: %d, %v", n, err)
	}
	if n, err := both.Reseal(t.Context()); n != 0 || err != nil {
		t.Fatalf("reseal again: %d, %v", n, err)
	}
	onlyNew := endpoint.NewRegistry(store, sealer(t, 2), endpoint.Options{})
	if err := onlyNew.Load(t.Context()); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
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
