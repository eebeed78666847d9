package endpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
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

func TestRotate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	type turn struct {
		secret  string
		after   time.Duration // of now
		overlap time.Duration
	}
	for name, c := range map[string]struct {
		had   []string
		turns []turn
		signs map[time.Duration]string // newest first, by time after now
	}{
		"once":                  {[]string{"a"}, []turn{{"b", 0, time.Hour}}, map[time.Duration]string{0: "b a", time.Hour - 1: "b a", time.Hour: "b"}},
		"without an overlap":    {[]string{"a"}, []turn{{"b", 0, 0}}, map[time.Duration]string{0: "b"}},
		"the first":             {nil, []turn{{"b", 0, time.Hour}}, map[time.Duration]string{0: "b"}},
		"of several":            {[]string{"b", "a"}, []turn{{"c", 0, time.Hour}}, map[time.Duration]string{0: "c b a", time.Hour: "c"}},
		"twice":                 {[]string{"a"}, []turn{{"b", 0, 2 * time.Hour}, {"c", time.Hour, 2 * time.Hour}}, map[time.Duration]string{time.Hour: "c b a", 2 * time.Hour: "c b", 3 * time.Hour: "c"}},
		"twice, then at once":   {[]string{"a"}, []turn{{"b", 0, 2 * time.Hour}, {"c", time.Hour, 0}}, map[time.Duration]string{time.Hour: "c"}},
		"a shorter one":         {[]string{"a"}, []turn{{"b", 0, 9 * time.Hour}, {"c", 0, time.Hour}}, map[time.Duration]string{0: "c b a", time.Hour: "c"}},
		"back to the old one":   {[]string{"a"}, []turn{{"b", 0, time.Hour}, {"a", 0, time.Hour}}, map[time.Duration]string{0: "a b", time.Hour: "a"}},
		"to the one that signs": {[]string{"a"}, []turn{{"a", 0, time.Hour}}, map[time.Duration]string{0: "a", time.Hour: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := endpoint.Default()
			e.Secrets = c.had
			for _, turn := range c.turns {
				e.Rotate(turn.secret, now.Add(turn.after), turn.overlap)
			}
			for after, want := range c.signs {
				if got := strings.Join(endpointtest.SigningAt(e, now.Add(after)), " "); got != want {
					t.Errorf("after %s %q sign, want %q", after, got, want)
				}
				if until := e.OverlapUntil(now.Add(after)); until.IsZero() != !strings.Contains(want, " ") {
					t.Errorf("after %s the overlap ends %s, and %q sign", after, until, want)
				}
			}
		})
	}
}

// sealedOf is what the newest record of an endpoint holds sealed.
func sealedOf(t *testing.T, store *endpointtest.Store, id string, keys ...byte) string {
	t.Helper()
	records := store.Records(registryLog)
	for i := len(records) - 1; i >= 0; i-- {
		var r struct {
			Endpoint struct {
				ID     string
				Sealed endpoint.Sealed
			}
		}
		if err := json.Unmarshal(records[i].Data, &r); err != nil {
			t.Fatal(err)
		}
		if r.Endpoint.ID == id {
			plain, err := sealer(t, keys...).Open(id, r.Endpoint.Sealed)
			if err != nil {
				t.Fatal(err)
			}
			return string(plain)
		}
	}
	t.Fatal("there is no record of the endpoint")
	return ""
}

func rotated(t *testing.T, r *endpoint.Registry, id, secret string, overlap time.Duration) *endpoint.Endpoint {
	t.Helper()
	made, err := r.Update(t.Context(), id, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.Rotate(secret, time.Now().UTC(), overlap)
		return e, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// The old secret goes out of the record by itself, after a restart too, and once, however many
// replicas there are.
func TestOldSecretsAreForgottenOnTheBus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := endpointtest.New()
		made := mustCreate(t, loaded(t, store, endpoint.Options{Poll: 10 * time.Second}), receiver("crm"))
		rotated(t, loaded(t, store, endpoint.Options{Poll: 10 * time.Second}), made.ID, "canary-new", 24*time.Hour)
		for _, r := range store.Records(registryLog) {
			if bytes.Contains(r.Data, []byte("canary")) {
				t.Errorf("a secret lies open: %s", r.Data)
			}
		}
		again := loaded(t, store, endpoint.Options{Poll: 10 * time.Second}) // a restart
		if got := endpointtest.SigningAt(again.Set().ByID(made.ID), time.Now()); fmt.Sprint(got) != "[canary-new canary-secret-crm]" {
			t.Errorf("after a restart %v sign", got)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		blind := endpoint.NewRegistry(store, sealer(t, 2), endpoint.Options{Poll: 10 * time.Second}) // has no key, and must not try for ever
		if _, err := blind.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, r := range []*endpoint.Registry{again, loaded(t, store, endpoint.Options{Poll: 10 * time.Second}), blind} {
			running.Go(func() {
				if err := r.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		<-time.After(24*time.Hour - time.Second)
		if plain := sealedOf(t, store, made.ID, 1); !strings.Contains(plain, "canary-secret-crm") {
			t.Errorf("forgotten before its time: %s", plain)
		}
		<-time.After(time.Minute)
		if plain := sealedOf(t, store, made.ID, 1); strings.Contains(plain, "canary-secret-crm") || !strings.Contains(plain, "canary-new") {
			t.Errorf("a minute after its time: %s", plain)
		}
		if n := len(store.Records(registryLog)); n != 3 {
			t.Errorf("%d records: made, rotated and forgotten are 3", n)
		}
		stop()
		running.Wait()
		if e := loaded(t, store, endpoint.Options{Poll: 10 * time.Second}).Set().ByID(made.ID); len(e.OldSecrets) != 0 || e.Secrets[0] != "canary-new" {
			t.Errorf("read again: %d old ones", len(e.OldSecrets))
		}
	})
}

// What is sealed anew, edited or read without the key keeps the old secrets and their times.
func TestOldSecretsOutliveOtherEdits(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, r, receiver("crm"))
	until := rotated(t, r, made.ID, "canary-new", time.Hour).OverlapUntil(time.Now())
	if _, err := r.Update(t.Context(), made.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.Concurrency = 2
		return e, nil
	}); err != nil {
		t.Fatal(err)
	}
	resealed(t, endpoint.NewRegistry(store, sealer(t, 2, 1), endpoint.Options{}), 1, 0)
	set, err := r.Refresh(t.Context()) // the new key is not known here: what was opened before holds
	if err != nil {
		t.Fatal(err)
	}
	newer := endpoint.NewRegistry(store, sealer(t, 2), endpoint.Options{})
	if err := newer.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*endpoint.Endpoint{"without the key": set.ByID(made.ID), "sealed anew": newer.Set().ByID(made.ID)} {
		if got := fmt.Sprint(endpointtest.SigningAt(e, time.Now())); got != "[canary-new canary-secret-crm]" || !e.OverlapUntil(time.Now()).Equal(until) {
			t.Errorf("%s: %s sign until %s, want %s", name, got, e.OverlapUntil(time.Now()), until)
		}
	}
}

// A restored endpoint signs as it did, and until then.
func TestABackupKeepsOldSecretsSealed(t *testing.T) {
	t.Parallel()
	from, to := loaded(t, endpointtest.New(), endpoint.Options{}), endpointtest.New()
	made := mustCreate(t, from, receiver("crm"))
	until := rotated(t, from, made.ID, "canary-new", time.Hour).OverlapUntil(time.Now())
	records, err := from.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]*endpoint.Sealer{"opened": sealer(t, 1), "closed": nil} {
		e, err := endpoint.ReadRecord(records[0], keys)
		if err != nil {
			t.Fatal(err)
		}
		restored := endpoint.NewRegistry(to, sealer(t, 1), endpoint.Options{})
		if err := restored.Import(t.Context(), e, e.Periods); err != nil {
			t.Fatal(err)
		}
		back := loaded(t, to, endpoint.Options{}).Set().ByID(made.ID)
		if got := fmt.Sprint(endpointtest.SigningAt(back, time.Now())); got != "[canary-new canary-secret-crm]" || !back.OverlapUntil(time.Now()).Equal(until) {
			t.Errorf("%s: %s sign until %s", name, got, back.OverlapUntil(time.Now()))
		}
		for _, r := range append(to.Records(registryLog), bus.Record{Data: records[0]}) {
			if bytes.Contains(r.Data, []byte("canary")) {
				t.Errorf("%s: a secret lies open: %s", name, r.Data)
			}
		}
		if err := restored.Delete(t.Context(), made.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTooManySecretsWouldSign(t *testing.T) {
	t.Parallel()
	e := receiver("crm")
	for n := range 10 {
		e.Rotate(fmt.Sprintf("secret-%d", n), time.Now(), time.Hour)
	}
	if faults := e.Validate(); len(faults) != 1 || faults[0].Field != "secrets" || !strings.Contains(faults[0].Message, "overlap 0s") {
		t.Errorf("eleven: %v", faults)
	}
	e.Rotate("secret-10", time.Now(), 0)
	if faults := e.Validate(); len(faults) != 0 {
		t.Errorf("all forgotten: %v", faults)
	}
}
