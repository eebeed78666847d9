package endpoint_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

func TestTheSmallerRateHolds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rate      string
		perMinute int
		want      string
	}{
		"none":                     {"", 0, ""},
		"the setting's":            {"50/s:20", 0, "50/s:20"},
		"the consent's":            {"", 120, "2/s"},
		"the consent is smaller":   {"50/s:20", 120, "2/s"},
		"the setting is smaller":   {"1/s", 120, "1/s"},
		"the same":                 {"2/s:9", 120, "2/s"},
		"a burst has room":         {"100/m:15", 120, "100/m:15"},
		"a burst is cut to a room": {"100/m:50", 120, "100/m:20"},
		"a burst has no room":      {"7199/h:50", 120, "7199/h:1"},
	} {
		e := endpoint.Default()
		e.Handshake, e.Consent = true, &endpoint.Consent{PerMinute: c.perMinute}
		if err := e.Rate.Parse(c.rate); err != nil {
			t.Fatal(err)
		}
		if got := e.Limit().String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if e.Handshake = false; e.Limit() != e.Rate {
			t.Errorf("%s: without a handshake: %v", name, e.Limit())
		}
	}
}

// An asked endpoint answers as the test says.
type asked struct {
	times     int
	perMinute int
	err       error
}

func (a *asked) options(origin string) endpoint.Options {
	return endpoint.Options{Origin: origin, Handshake: func(context.Context, *endpoint.Endpoint) (int, error) {
		a.times++
		return a.perMinute, a.err
	}}
}

func TestConsentOfARegistration(t *testing.T) {
	t.Parallel()
	store, to := endpointtest.New(), &asked{err: errors.New("the endpoint does not consent")}
	r := loaded(t, store, to.options("ours.example"))
	e := receiver("crm")
	e.Handshake = true
	_, err := r.Create(t.Context(), e)
	var invalid *endpoint.InvalidError
	if !errors.As(err, &invalid) || invalid.Fields[0].Field != "handshake" || !strings.Contains(invalid.Fields[0].Message, "does not consent") || to.times != 1 {
		t.Fatalf("refused: %v after %d handshakes", err, to.times)
	}
	if len(r.Set().All()) != 0 {
		t.Fatal("an endpoint that does not consent was registered")
	}
	to.err, to.perMinute = nil, 120
	made := mustCreate(t, r, e)
	if made.State != endpoint.Enabled || made.Awaits("ours.example") || made.Limit().PerSecond != 2 {
		t.Errorf("given: %s, %+v", made.State, made.Consent)
	}
	edit := func(change func(*endpoint.Endpoint)) (*endpoint.Endpoint, error) {
		return r.Update(t.Context(), made.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
			change(e)
			return e, nil
		})
	}
	to.times = 0
	for name, c := range map[string]struct {
		change func(*endpoint.Endpoint)
		times  int
	}{
		"another rate": {func(e *endpoint.Endpoint) { e.Rate.PerSecond = 1 }, 0},
		"another URL":  {func(e *endpoint.Endpoint) { e.URL += "/elsewhere" }, 1},
	} {
		to.times = 0
		if made, err := edit(c.change); err != nil || to.times != c.times || made.Awaits("ours.example") {
			t.Errorf("%s: %v after %d handshakes", name, err, to.times)
		}
	}
	to.err = errors.New("no")
	if _, err := edit(func(e *endpoint.Endpoint) { e.URL += "/no" }); !errors.As(err, &invalid) || r.Set().ByID(made.ID).Awaits("ours.example") {
		t.Errorf("a URL that does not consent: %v", err)
	}
	// What is kept holds after a restart, and for that origin alone.
	if kept := loaded(t, store, to.options("ours.example")).Set().ByID(made.ID); kept.State != endpoint.Enabled || kept.Consent.PerMinute != 120 {
		t.Errorf("after a restart: %s %+v", kept.State, kept.Consent)
	}
	other := loaded(t, store, to.options("other.example")).Set().ByID(made.ID)
	if other.State != endpoint.Paused || !strings.Contains(other.Reason, "consent") {
		t.Errorf("another origin: %s %s", other.State, other.Reason)
	}
	without, err := edit(func(e *endpoint.Endpoint) { e.Handshake = false })
	if err != nil || without.Consent != nil || without.Awaits("ours.example") {
		t.Errorf("without a handshake: %+v, %v", without.Consent, err)
	}
	if _, err := edit(func(e *endpoint.Endpoint) { e.Handshake = true }); !errors.As(err, &invalid) {
		t.Errorf("with one again: %v", err)
	}
}

// An edit that another replica is faster than asks once.
func TestAnEditThatIsMadeAgainAsksOnce(t *testing.T) {
	t.Parallel()
	store, to := endpointtest.New(), &asked{}
	r := loaded(t, store, to.options("ours.example"))
	made := mustCreate(t, r, receiver("crm"))
	other := loaded(t, store, endpoint.Options{})
	to.times = 0
	first := true
	got, err := r.Update(t.Context(), made.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.Handshake = true
		if first {
			first = false
			if _, err := other.SetState(t.Context(), made.ID, endpoint.Paused, "meanwhile"); err != nil {
				return nil, err
			}
		}
		return e, nil
	})
	if err != nil || to.times != 1 || got.Awaits("ours.example") {
		t.Errorf("%v after %d handshakes", err, to.times)
	}
}

// An endpoint of the environment waits, and says so, until its consent is written.
func TestConfiguredEndpointsWaitForTheirConsent(t *testing.T) {
	t.Parallel()
	store, to := endpointtest.New(), &asked{}
	r := loaded(t, store, to.options("ours.example"))
	e := receiver("crm")
	e.Handshake = true
	if err := r.Adopt(t.Context(), []*endpoint.Endpoint{e}, endpoint.ByEnvironment); err != nil || to.times != 0 {
		t.Fatalf("%v after %d handshakes", err, to.times)
	}
	waits := r.Set().ByName("crm")
	if waits.State != endpoint.Paused || waits.Reason != "waits for the endpoint's consent (handshake)" {
		t.Errorf("%s: %s", waits.State, waits.Reason)
	}
	of := endpoint.ConsentOf(waits, "ours.example")
	if strings.Contains(of, "crm") {
		t.Errorf("the address can be read in %s", of)
	}
	records := len(store.Records(registryLog))
	for range 2 { // a refusal that is repeated is written once
		if err := r.SetConsent(t.Context(), waits.ID, endpoint.Consent{Of: of, Refused: "not yours"}); err != nil {
			t.Fatal(err)
		}
	}
	refused := r.Set().ByName("crm")
	if refused.State != endpoint.Paused || !strings.HasSuffix(refused.Reason, ": not yours") || len(store.Records(registryLog)) != records+1 {
		t.Errorf("refused: %s: %s, %d records", refused.State, refused.Reason, len(store.Records(registryLog))-records)
	}
	if err := r.SetConsent(t.Context(), waits.ID, endpoint.Consent{Of: of, Given: time.Now().UTC(), PerMinute: 60}); err != nil {
		t.Fatal(err)
	}
	if given := r.Set().ByName("crm"); given.State != endpoint.Enabled || given.Limit().PerSecond != 1 {
		t.Errorf("given: %s %s, %v", given.State, given.Reason, given.Limit())
	}
	late := endpoint.Consent{Of: of, Refused: "not yours"}
	elsewhere := endpoint.Consent{Of: "elsewhere", Given: time.Now().UTC()}
	for _, old := range []endpoint.Consent{late, elsewhere} { // what was asked before, and answered late
		if err := r.SetConsent(t.Context(), waits.ID, old); err != nil {
			t.Fatal(err)
		}
	}
	if kept := r.Set().ByName("crm"); kept.State != endpoint.Enabled || kept.Consent.Of != of {
		t.Errorf("after late answers: %s %+v", kept.State, kept.Consent)
	}
	moved := e.Clone()
	moved.URL += "/elsewhere"
	if err := r.Adopt(t.Context(), []*endpoint.Endpoint{moved}, endpoint.ByEnvironment); err != nil {
		t.Fatal(err)
	}
	if again := r.Set().ByName("crm"); again.State != endpoint.Paused {
		t.Errorf("elsewhere: %s", again.State)
	}
	if _, err := r.SetState(t.Context(), waits.ID, endpoint.Disabled, "gone"); err != nil {
		t.Fatal(err)
	}
	if disabled := r.Set().ByName("crm"); disabled.State != endpoint.Disabled {
		t.Errorf("disabled while it waits: %s", disabled.State)
	}
	if err := r.SetConsent(t.Context(), "ep_none", endpoint.Consent{}); !errors.Is(err, endpoint.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
}
