package endpoint_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

func TestItemsAreAddedOnlyForWhatIsTaken(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	store.Publish(orders, time.Now())
	made := mustCreate(t, r, receiver("crm"))
	for _, c := range []struct {
		name    string
		periods int
		edit    func(*endpoint.Endpoint)
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
		if len(got.Periods) != c.periods {
			t.Fatalf("%s: %d periods, want %d", c.name, len(got.Periods), c.periods)
		}
		newest := got.Periods[len(got.Periods)-1]
		if newest.Revision == got.Revision && newest.From[orders] != end {
			t.Errorf("%s: the period begins at %v, want %v", c.name, newest.From[orders], end)
		}
	}
	if _, err := r.SetState(t.Context(), made.ID, endpoint.Paused, "by hand"); err != nil {
		t.Fatal(err)
	}
	if got := r.Set().ByID(made.ID); len(got.Periods) != 4 || got.State != endpoint.Paused {
		t.Errorf("pausing: %d periods, state %s", len(got.Periods), got.State)
	}
	if err := r.Fold(t.Context(), made.ID, func(_, behind endpoint.Period) bool { return behind.Active }); err != nil {
		t.Fatal(err)
	}
	if got := r.Set().ByID(made.ID); len(got.Periods) != 2 || got.Periods[1].Active {
		t.Errorf("folded to %d periods", len(got.Periods))
	}
}

// Ends that were captured long before the period is written would make the past the endpoint's.
func TestOldEndsAreCapturedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := endpointtest.New()
		ours, theirs := loaded(t, store, endpoint.Options{}), loaded(t, store, endpoint.Options{})
		store.Publish(orders, time.Now())
		var end bus.Position
		store.BeforeAppend(func(bus.LogName) {
			store.BeforeAppend(nil)
			<-time.After(11 * time.Second)
			end = store.Publish(orders, time.Now())
			mustCreate(t, theirs, receiver("faster"))
		})
		if got := mustCreate(t, ours, receiver("crm")).Periods[0].From[orders]; got != end {
			t.Errorf("the period begins at %v, want %v", got, end)
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
		name  string
		start endpoint.Start
		from  bus.Positions
	}{
		{"now", endpoint.StartNow, bus.Positions{orders: end}},
		{"all", endpoint.StartAll, bus.Positions{}},
		{"time", "2026-04-01T00:00:00Z", bus.Positions{orders: old}},
	} {
		e := receiver(c.name)
		e.Start = c.start
		got := mustCreate(t, r, e).Periods[0].From
		if len(got) != len(c.from) || got[orders] != c.from[orders] {
			t.Errorf("start %s: from %v, want %v", c.start, got, c.from)
		}
	}
	later := receiver("later")
	later.Start = endpoint.Start(time.Now().Add(time.Hour).Format(time.RFC3339))
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
	if seen.Periods[0].From[orders] != first || seen.URL == "" || seen.ManagedBy != endpoint.ByEnvironment {
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
	if got.ID != seen.ID || len(got.Periods) != 1 || got.Periods[0].From[orders] != first || got.URL != e.URL || got.State != endpoint.Disabled {
		t.Errorf("after a restart: %+v", got)
	}
	e = receiver("crm")
	e.Events = []string{"com.acme.*"}
	adopt(r, e)
	if got := r.Set().ByName("crm"); len(got.Periods) != 2 || got.Periods[1].From[orders] != changed {
		t.Errorf("after a change of events: %+v", got.Periods)
	}

	if _, err := r.Update(t.Context(), seen.ID, nil); !errors.Is(err, endpoint.ErrManaged) {
		t.Errorf("update: %v", err)
	}
	if err := r.Delete(t.Context(), seen.ID, nil); !errors.Is(err, endpoint.ErrManaged) {
		t.Errorf("delete: %v", err)
	}
	adopt(r)
	if got := r.Set().ByName("crm"); got.State != endpoint.Removed {
		t.Errorf("taken out: state %s", got.State)
	}
	if _, err := r.SetState(t.Context(), seen.ID, endpoint.Enabled, ""); !errors.Is(err, endpoint.ErrRemoved) {
		t.Errorf("enable what is removed: %v", err)
	}
	if err := r.Delete(t.Context(), seen.ID, nil); err != nil || r.Set().ByName("crm") != nil {
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
