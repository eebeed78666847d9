package endpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

// with is a registry with other keys than loaded has.
func with(t *testing.T, store endpoint.Store, keys ...byte) *endpoint.Registry {
	t.Helper()
	r := endpoint.NewRegistry(store, sealer(t, keys...), endpoint.Options{})
	if _, err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// resealed seals anew; none may fail.
func resealed(t *testing.T, r *endpoint.Registry, anew, already int) {
	t.Helper()
	done, err := r.Reseal(t.Context())
	if err != nil || done.Sealed != anew || done.Already != already || len(done.Failed) > 0 {
		t.Fatalf("sealed anew: %d, %d already, %v, %v; want %d and %d", done.Sealed, done.Already, done.Failed, err, anew, already)
	}
}

// secretive is an endpoint with everything that is sealed.
func secretive(name string) *endpoint.Endpoint {
	e := receiver(name)
	e.Headers = []endpoint.Header{{Name: "X-Key", Value: "canary-header"}}
	e.Options, e.EncryptSecret = map[string]string{"encrypt": "aes-256-gcm"}, "canary-encrypt"
	e.Auth = endpoint.Auth{OAuth2: &endpoint.OAuth2{TokenURL: "https://login.example/canary", ClientID: "canary-id", ClientSecret: "canary-client", Scopes: endpoint.Scopes{"hooks"}}}
	e.TLS.ServerName = "canary.example"
	e.Proxy = "socks5://me:canary@proxy.example"
	return e
}

// whole reports a secretive endpoint that has lost something.
func whole(t *testing.T, when string, r *endpoint.Registry, id string) {
	t.Helper()
	set, err := r.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := set.ByID(id)
	want := secretive(e.Name)
	for _, f := range endpoint.Fields() {
		if f.Sealed() && f.Word != "secrets" && !f.Same(&e.Settings, &want.Settings) {
			t.Errorf("%s: %s is lost", when, f.Word)
		}
	}
	if e.State != endpoint.Enabled || len(e.Secrets) == 0 || len(e.OldSecrets) != 1 {
		t.Errorf("%s: %s (%s), %d secrets, %d old ones", when, e.State, e.Reason, len(e.Secrets), len(e.OldSecrets))
	}
}

// edited changes what edit changes.
func edited(r *endpoint.Registry, id string, edit func(*endpoint.Endpoint)) error {
	_, err := r.Update(context.Background(), id, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		edit(e)
		return e, nil
	})
	return err
}

func TestEverythingSecretIsSealedAnew(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, r, secretive("crm"))
	rotated(t, r, made.ID, "canary-new", time.Hour)
	mustCreate(t, with(t, store, 2, 1), receiver("newer"))
	open := receiver("open")
	open.Secrets, open.Signature = nil, "none"
	mustCreate(t, r, open)
	both := with(t, store, 2, 1)
	resealed(t, both, 1, 1)
	before := len(store.Records(registryLog))
	resealed(t, both, 0, 2)
	if n := len(store.Records(registryLog)); n != before {
		t.Errorf("doing it again has written %d records", n-before)
	}
	newer := with(t, store, 2)
	whole(t, "with the new key alone", newer, made.ID)
	for _, rec := range store.Records(registryLog) {
		if bytes.Contains(rec.Data, []byte("canary")) {
			t.Errorf("record %d holds a secret: %s", rec.Pos, rec.Data)
		}
	}
}

// What a replica lacks the key for it says, goes on with the rest, and tells which key each needs.
func TestResealSaysWhatItCannotSeal(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	mustCreate(t, with(t, store, 1), receiver("crm"))
	mustCreate(t, with(t, store, 3, 1), receiver("lost"))
	mustCreate(t, with(t, store, 2, 1), receiver("newer"))
	both := with(t, store, 2, 1)
	done, err := both.Reseal(t.Context())
	if err != nil || done.Sealed != 1 || done.Already != 1 || len(done.Failed) != 1 || done.Key != sealer(t, 2).Newest() {
		t.Fatalf("%+v, %v", done, err)
	}
	if f := done.Failed[0]; f.Name != "lost" || !errors.Is(f.Err, endpoint.ErrSealed) || !strings.Contains(f.Err.Error(), "the key with id "+sealer(t, 3).Newest()) {
		t.Errorf("%s: %v", f.Name, f.Err)
	}
	want := []endpoint.KeyUse{{ID: sealer(t, 2).Newest(), Given: true, Endpoints: 2}, {ID: sealer(t, 1).Newest(), Given: true}, {ID: sealer(t, 3).Newest(), Endpoints: 1}}
	if got := both.Keys(); !slices.Equal(got, want) {
		t.Errorf("the keys are %v, want %v", got, want)
	}
	if done, err := with(t, store).Reseal(t.Context()); !errors.Is(err, endpoint.ErrNoSealKey) {
		t.Errorf("without a key: %+v, %v", done, err)
	}
}

// Edits that land between a look and its write are kept, and what is made meanwhile by a replica
// with the old key alone is sealed anew too.
func TestResealBesideEdits(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	old := loaded(t, store, endpoint.Options{})
	first, second := mustCreate(t, old, receiver("crm")), mustCreate(t, old, receiver("erp"))
	var turn atomic.Int32
	store.BeforeAppend(func(bus.LogName) {
		var err error
		switch turn.Add(1) {
		case 1: // of the one that is being sealed
			err = edited(old, first.ID, func(e *endpoint.Endpoint) { e.Secrets = []string{"canary-patched"} })
		case 3: // the second is that edit's own
			_, err = old.Create(context.Background(), receiver("made-meanwhile"))
		}
		if err != nil {
			t.Error(err)
		}
	})
	resealed(t, with(t, store, 2, 1), 3, 0)
	store.BeforeAppend(nil)
	newer := with(t, store, 2)
	if err := newer.Load(t.Context()); err != nil {
		t.Errorf("with the new key alone: %v", err)
	}
	if e := newer.Set().ByID(first.ID); len(e.Secrets) != 1 || e.Secrets[0] != "canary-patched" {
		t.Errorf("the edit is lost: %d secrets", len(e.Secrets))
	}
	if e := newer.Set().ByID(second.ID); len(e.Secrets) != 1 {
		t.Error("the other one is lost")
	}
}

// However far it came, nothing is lost, and the next run does the rest.
func TestResealThatIsCutOff(t *testing.T) {
	t.Parallel()
	const endpoints = 4
	for n := range 2 * endpoints {
		store, cut := endpointtest.New(), n/2
		if n%2 == 1 {
			store = endpointtest.NewTaking()
		}
		old := loaded(t, store, endpoint.Options{})
		for n := range endpoints {
			mustCreate(t, old, receiver(fmt.Sprintf("crm-%d", n)))
		}
		both := with(t, store, 2, 1)
		ctx, end := context.WithCancel(t.Context())
		var appends atomic.Int32
		store.BeforeAppend(func(bus.LogName) {
			if int(appends.Add(1)) == cut+1 { // this one lands, and nobody hears of it
				store.Fail(bus.ErrUnavailable)
				end()
			}
		})
		done, err := both.Reseal(ctx)
		end()
		if err == nil || done.Sealed > cut+1 || len(done.Failed) > 0 {
			t.Errorf("cut off at %d: %+v, %v", cut, done, err)
		}
		store.BeforeAppend(nil)
		store.Fail(nil)
		again := with(t, store, 2, 1)
		if err := again.Load(t.Context()); err != nil {
			t.Errorf("cut off at %d: %v", cut, err)
		}
		resealed(t, again, endpoints-cut-1, cut+1)
		newer := with(t, store, 2)
		if err := newer.Load(t.Context()); err != nil || len(newer.Set().All()) != endpoints {
			t.Errorf("cut off at %d, and done again: %d endpoints, %v", cut, len(newer.Set().All()), err)
		}
	}
}

// A replica without the newest key edits everything but what is sealed, and takes no newer key away.
func TestEditsWithoutTheNewestKey(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	old := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, old, secretive("crm"))
	rotated(t, old, made.ID, "canary-new", time.Hour)
	both := with(t, store, 2, 1)
	resealed(t, both, 1, 0)

	if err := edited(old, made.ID, func(e *endpoint.Endpoint) { e.Concurrency = 3 }); err != nil {
		t.Fatal(err)
	}
	whole(t, "edited without the key, here", old, made.ID)
	whole(t, "edited without the key, with the new one alone", with(t, store, 2), made.ID)
	if err := edited(both, made.ID, func(e *endpoint.Endpoint) { e.Concurrency = 4 }); err != nil {
		t.Fatal(err)
	}
	whole(t, "edited elsewhere, without the key", old, made.ID)
	records := len(store.Records(registryLog))
	for what, edit := range map[string]func(*endpoint.Endpoint){
		"secrets":     func(e *endpoint.Endpoint) { e.Secrets = []string{"canary-patched"} },
		"old secrets": func(e *endpoint.Endpoint) { e.OldSecrets = nil },
		"headers":     func(e *endpoint.Endpoint) { e.Headers = nil },
		"auth":        func(e *endpoint.Endpoint) { e.Auth = endpoint.Auth{} },
		"rotation":    func(e *endpoint.Endpoint) { e.Rotate("canary-patched", time.Now(), time.Hour) },
	} {
		if err := edited(old, made.ID, edit); !errors.Is(err, endpoint.ErrSealed) || !strings.Contains(err.Error(), sealer(t, 2).Newest()) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if done, err := old.Reseal(t.Context()); err != nil || done.Sealed != 0 || len(done.Failed) != 1 {
		t.Errorf("seals anew what it cannot open: %+v, %v", done, err)
	}
	if n := len(store.Records(registryLog)); n != records {
		t.Errorf("what was refused has written %d records", n-records)
	}
	whole(t, "at last", with(t, store, 2), made.ID)
}

// What was never opened here cannot be judged: an edit of secrets lost what was sealed beside them.
func TestAnEndpointThatWasNeverOpenedIsNotEdited(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, r, secretive("crm"))
	rotated(t, r, made.ID, "canary-new", time.Hour)
	other := with(t, store, 2)
	for what, edit := range map[string]func(*endpoint.Endpoint){
		"secrets": func(e *endpoint.Endpoint) { e.Secrets = []string{"canary-patched"} },
		"url":     func(e *endpoint.Endpoint) { e.URL = "https://elsewhere.example/" },
	} {
		if err := edited(other, made.ID, edit); !errors.Is(err, endpoint.ErrSealed) || !strings.Contains(err.Error(), sealer(t, 1).Newest()) {
			t.Errorf("%s: %v", what, err)
		}
	}
	whole(t, "afterwards", r, made.ID)
	if err := other.Delete(t.Context(), made.ID, nil); err != nil {
		t.Errorf("it cannot be deleted: %v", err)
	}
}

// A replica whose first key is an older one goes on with the newer one where that seals already.
func TestAnEditKeepsTheKey(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	made := mustCreate(t, with(t, store, 2), receiver("crm"))
	behind := with(t, store, 1, 2)
	if err := edited(behind, made.ID, func(e *endpoint.Endpoint) { e.Secrets = []string{"canary-patched"} }); err != nil {
		t.Fatal(err)
	}
	newer := with(t, store, 2)
	if err := newer.Load(t.Context()); err != nil || newer.Set().ByID(made.ID).Secrets[0] != "canary-patched" {
		t.Errorf("with the newer key alone: %v", err)
	}
}

// Keys that come later open at once what was closed, and what was opened stays so without its key.
func TestOtherKeysAreUsedAtOnce(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, r, receiver("crm"))
	other := with(t, store, 2)
	if e := other.Set().ByID(made.ID); e.State != endpoint.Paused || !e.Locked() {
		t.Fatalf("it is %s", e.State)
	}
	changed := other.Changed()
	if err := other.UseKeys(t.Context(), sealer(t, 2, 1)); err != nil {
		t.Fatal(err)
	}
	<-changed
	if e := other.Set().ByID(made.ID); e.State != endpoint.Enabled || e.Locked() || e.Secrets[0] != "canary-secret-crm" {
		t.Errorf("with the key it is %s (%s)", e.State, e.Reason)
	}
	if err := r.UseKeys(t.Context(), sealer(t, 2)); err != nil {
		t.Fatal(err)
	}
	resealed(t, r, 1, 0)
	if err := with(t, store, 2).Load(t.Context()); err != nil {
		t.Error(err)
	}
}

// A replica says itself which key it lacks, once, and again when it lacks another.
func TestAReplicaTellsWhichKeyItLacks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		store := endpointtest.New()
		r := endpoint.NewRegistry(store, sealer(t, 1), endpoint.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustCreate(t, r, receiver("crm"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		for _, keys := range [][]byte{{2, 1}, {3, 2}} {
			<-time.After(time.Minute)
			resealed(t, with(t, store, keys...), 1, 0)
		}
		<-time.After(time.Minute)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for key, want := range map[byte]int{1: 0, 2: 1, 3: 1} {
			if n := strings.Count(log.String(), "seal_key="+sealer(t, key).Newest()+" endpoints=1"); n != want {
				t.Errorf("key %d was told of %d times, want %d:\n%s", key, n, want, log.String())
			}
		}
	})
}

// A backup holds what was sealed as it was; a restore seals it with the newest key.
func TestARestoreSealsWithTheNewestKey(t *testing.T) {
	t.Parallel()
	from, to := loaded(t, endpointtest.New(), endpoint.Options{}), endpointtest.New()
	made := mustCreate(t, from, receiver("crm"))
	records, err := from.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e, err := endpoint.ReadRecord(records[0], sealer(t, 2, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := with(t, to, 2, 1).Import(t.Context(), e, e.Periods); err != nil {
		t.Fatal(err)
	}
	newer := with(t, to, 2)
	if err := newer.Load(t.Context()); err != nil || newer.Set().ByID(made.ID).Secrets[0] != made.Secrets[0] {
		t.Errorf("with the newest key alone: %v", err)
	}
}
