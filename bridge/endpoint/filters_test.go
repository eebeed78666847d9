package endpoint_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/filter"
)

func filters(t testing.TB, text string) (l filter.List) {
	t.Helper()
	if err := l.Parse(text); err != nil {
		t.Fatal(err)
	}
	return l
}

const urgent = `[{"sql":"priority > 5"}]`

// The filters are of a period: what was published before they changed is judged by those before.
func TestFiltersAreMembership(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	made := mustCreate(t, r, receiver("crm"))
	changed := store.Publish(orders, time.Now())
	update := func(text string) *endpoint.Endpoint {
		t.Helper()
		got, err := r.Update(t.Context(), made.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
			e.Filters = filters(t, text)
			return e, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := update(urgent); len(got.Periods) != 2 || got.Periods[1].From[orders] != changed {
		t.Fatalf("periods %+v", got.Periods)
	}
	if got := update(` [ {"sql" : "priority > 5"} ] `); len(got.Periods) != 2 {
		t.Errorf("the same filters made a period: %d", len(got.Periods))
	}
	at := func(seq int64, priority string) *bus.Message {
		p := changed
		p.Seq += seq
		m := message(orders, p, "t", "com.acme.order")
		if priority != "" {
			m.Event.Extensions = []event.Extension{{Name: "priority", Value: priority}}
		}
		return m
	}
	again := loaded(t, store, endpoint.Options{}).Set().ByName("crm")
	if !again.Filters.Equal(filters(t, urgent)) {
		t.Errorf("read back: %v", again.Filters.Show())
	}
	before := again.Periods[0].Revision
	for _, c := range []struct {
		name     string
		m        *bus.Message
		revision int64
		want     endpoint.Verdict
	}{
		{"before the filters", at(0, "1"), again.Revision, endpoint.Taken},
		{"high", at(1, "7"), again.Revision, endpoint.Taken},
		{"low", at(1, "5"), again.Revision, endpoint.NotTaken},
		{"without the attribute", at(1, ""), again.Revision, endpoint.FilterFailed},
		{"by the list before", at(1, ""), before, endpoint.Taken},
	} {
		if got := again.JudgeBy(c.revision, c.m); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got := again.TakesBy(c.revision, c.m); got != (c.want == endpoint.Taken) {
			t.Errorf("%s: taken %v", c.name, got)
		}
	}
	if _, err := again.Judge(at(1, "")); err == nil || err.Error() != "filters[0].sql: at 1: the event has no attribute priority" {
		t.Errorf("error %v", err)
	}
	if !again.TakesUnfiltered(at(1, "")) || !again.MayTake(at(1, "")) {
		t.Error("it is not taken but for the filters")
	}
	if got := update("[]"); len(got.Periods) != 3 || !got.Takes(at(2, "")) {
		t.Errorf("without filters again: %+v", got.Periods)
	}
}

func TestFiltersOfANewerVersionAreRefused(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	e := receiver("urgent")
	e.Filters = filters(t, urgent)
	mustCreate(t, r, e)
	last := store.Records(registryLog)[0]
	data := strings.Replace(string(last.Data), `"sql"`, `"xpath"`, 1)
	store.Land(registryLog, bus.Record{ID: [16]byte{9}, Prev: last.Pos, PrevID: last.ID, Data: []byte(data)})
	if _, err := r.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "filters[0]: has no dialect that is known") {
		t.Errorf("read: %v", err)
	}
}

func TestFiltersThatDoNotCompileAreRefused(t *testing.T) {
	t.Parallel()
	r := loaded(t, endpointtest.New(), endpoint.Options{})
	e := receiver("crm")
	e.Filters = filters(t, `[{"exact":{"type":"a"}},{"sql":"type ="}]`)
	var invalid *endpoint.InvalidError
	if _, err := r.Create(t.Context(), e); !errors.As(err, &invalid) || invalid.Fields[0] != (endpoint.FieldError{Field: "filters[1].sql", Message: "at 7: want a value"}) {
		t.Errorf("create: %v", err)
	}
	if err := r.Adopt(t.Context(), []*endpoint.Endpoint{e}, endpoint.ByFile); err == nil || !strings.Contains(err.Error(), "filters[1].sql: at 7: want a value") {
		t.Errorf("adopt: %v", err)
	}
}

// An event of another tenant is none of the endpoint's business: no filter sees it, so none can fail
// on it, whatever the period that holds or held at its place.
func TestFiltersSeeTheTenantsEventsAlone(t *testing.T) {
	t.Parallel()
	period := endpoint.Period{
		Events: []string{"orders.*"}, Active: true, Tenant: "acme", TenantRule: "tenant", Filters: filters(t, urgent), Revision: 5,
	}
	e := &endpoint.Endpoint{Periods: []endpoint.Period{period}}
	with := func(m *bus.Message, kind, priority string) *bus.Message {
		if m.Event.Type = kind; priority != "" {
			m.Event.SetExtension("priority", priority)
		}
		return m
	}
	for _, c := range []struct {
		name string
		m    *bus.Message
		want endpoint.Verdict
	}{
		{"its own, high", with(of("acme", ""), "orders.eu", "7"), endpoint.Taken},
		{"its own, low", with(of("acme", ""), "orders.eu", "1"), endpoint.NotTaken},
		{"its own, where the filter fails", with(of("acme", ""), "orders.eu", ""), endpoint.FilterFailed},
		{"its own of another type, where the filter would fail", with(of("acme", ""), "audit.eu", ""), endpoint.NotTaken},
		{"another's, high", with(of("other", ""), "orders.eu", "7"), endpoint.NotTaken},
		{"another's, where the filter would fail", with(of("other", ""), "orders.eu", ""), endpoint.NotTaken},
		{"nobody's, where the filter would fail", with(of("", ""), "orders.eu", ""), endpoint.NotTaken},
	} {
		for _, reader := range []string{"", "tenant", "/partner"} { // by whatever rule the process reads
			m := c.m
			if reader != "" {
				m = read(t, m, reader)
			}
			got, failed := e.Judge(m)
			if got != c.want || (failed != nil) != (c.want == endpoint.FilterFailed) {
				t.Errorf("%s, read by %q: %v, %v, want %v", c.name, reader, got, failed, c.want)
			}
			if got := e.JudgeBy(5, m); got != c.want {
				t.Errorf("%s, read by %q: %v by the list, want %v", c.name, reader, got, c.want)
			}
			if got := period.Matches(m); got != (c.want == endpoint.Taken) {
				t.Errorf("%s, read by %q: matches %v", c.name, reader, got)
			}
		}
		if got := c.m.Event.Type == "orders.eu"; period.MayMatch(c.m) != got {
			t.Errorf("%s: its kind may match: %v", c.name, !got)
		}
	}
}

// What the environment and the file say of filters holds like that of the API.
func TestConfiguredFiltersAddPeriods(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	r := loaded(t, store, endpoint.Options{})
	for i, text := range []string{urgent, urgent, `[{"exact":{"subject":"eu"}}]`} {
		e := receiver("crm")
		e.Filters = filters(t, text)
		if err := r.Adopt(t.Context(), []*endpoint.Endpoint{e}, endpoint.ByEnvironment); err != nil {
			t.Fatal(err)
		}
		got := r.Set().ByName("crm")
		if want := 1 + i/2; len(got.Periods) != want || !got.Periods[want-1].Filters.Equal(e.Filters) {
			t.Errorf("%d: %+v", i, got.Periods)
		}
	}
}
