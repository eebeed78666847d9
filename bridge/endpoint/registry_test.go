package endpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
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
	if got := made.Periods[0].From[orders]; got != end {
		t.Errorf("the first period begins at %v, want the end %v", got, end)
	}

	again := loaded(t, store, endpoint.Options{}).Set().ByName("crm")
	if again == nil {
		t.Fatal("the endpoint is gone after a restart")
	}
	if again.ID != made.ID || again.URL != e.URL || again.Secrets[0] != e.Secrets[0] ||
		again.Headers[0] != e.Headers[0] || again.Rate != e.Rate || again.Schedule.Attempts() != 7 ||
		again.State != endpoint.Enabled || !again.Created.Equal(made.Created) {
		t.Errorf("came back changed: %+v", again)
	}
	if again.Periods[0].Revision != again.Revision {
		t.Errorf("the period's revision is %d, its record is at %d", again.Periods[0].Revision, again.Revision)
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
	if err := r.Delete(t.Context(), made.ID, nil); err != nil {
		t.Fatal(err)
	}
	store.Land(registryLog, first)
	if n := len(loaded(t, store, endpoint.Options{}).Set().All()); n != 0 {
		t.Errorf("a late copy brought %d endpoints back", n)
	}
	mustCreate(t, r, receiver("next"))
}
