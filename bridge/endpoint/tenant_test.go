package endpoint_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// of is an event of a tenant; the partner in its data is somebody else's word for it.
func of(name, partner string) *bus.Message {
	m := message(orders, place("one", 100), "orders.eu", "x")
	if name != "" {
		m.Event.SetExtension(tenant.Attribute, name)
	}
	if partner != "" {
		m.Event.Data = []byte(`{"partner":"` + partner + `"}`)
	}
	return m
}

// read is a message as a process with a rule reads it.
func read(t *testing.T, m *bus.Message, text string) *bus.Message {
	t.Helper()
	rule, err := tenant.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	next := *m
	next.Tenant, _ = rule.Of(m.Event)
	next.TenantRule = rule.String()
	return &next
}

func TestTakesByTenant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, tenant, tenants, rule string
		event                       *bus.Message
		want                        bool
	}{
		{"everybody's", "", "", "", of("acme", ""), true},
		{"everybody's, nobody's event", "", "", "", of("", ""), true},
		{"nobody's", "", endpoint.TenantsNone, "tenant", of("", ""), true},
		{"nobody's, an event of somebody", "", endpoint.TenantsNone, "tenant", of("acme", ""), false},
		{"nobody's, by the data", "", endpoint.TenantsNone, "/partner", of("", "acme"), false},
		{"its own", "acme", "", "tenant", of("acme", ""), true},
		{"another's", "acme", "", "tenant", of("acme2", ""), false},
		{"another's that begins alike", "acme", "", "tenant", of("acm", ""), false},
		{"other letters", "acme", "", "tenant", of("Acme", ""), false},
		{"nobody's event", "acme", "", "tenant", of("", ""), false},
		{"by the data", "acme", "", "/partner", of("", "acme"), true},
		{"the data does not count", "acme", "", "tenant", of("", "acme"), false},
		{"the extension counts first", "acme", "", "/partner", of("other", "acme"), false},
		{"what is no name", "acme", "", "tenant", of("acme\x00", ""), false},
	} {
		period := endpoint.Period{Events: []string{"*"}, Active: true, Tenant: c.tenant, Tenants: c.tenants, TenantRule: c.rule}
		e := &endpoint.Endpoint{Periods: []endpoint.Period{period}}
		for _, reader := range []string{"", "tenant", "/partner"} { // by whatever rule the process reads
			m := c.event
			if reader != "" {
				m = read(t, m, reader)
			}
			if got := e.Takes(m); got != c.want {
				t.Errorf("%s, read by %q: %v, want %v", c.name, reader, got, c.want)
			}
			if got := period.Matches(m); got != c.want {
				t.Errorf("%s, read by %q: matches %v, want %v", c.name, reader, got, c.want)
			}
		}
		if !period.MayMatch(c.event) {
			t.Errorf("%s: its kind of event never matches", c.name)
		}
	}
}

// What lanes are looked up by may leave out an endpoint only where the reader's rule is its own.
func TestMayTakeLooksAtTheTenantOfItsOwnRule(t *testing.T) {
	t.Parallel()
	r := loaded(t, endpointtest.New(), endpoint.Options{TenantRule: "/partner"})
	e := receiver("crm")
	e.Tenant = "acme"
	e = mustCreate(t, r, e)
	for _, c := range []struct {
		name string
		m    *bus.Message
		want bool
	}{
		{"its own", read(t, of("", "acme"), "/partner"), true},
		{"another's", read(t, of("", "other"), "/partner"), false},
		{"another's by another rule", read(t, of("", "other"), "tenant"), true},
		{"not asked yet", of("", "other"), true},
	} {
		if got := e.MayTake(c.m); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTenantsOfAnEndpointThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tenant, tenants, field string }{
		{"", endpoint.TenantsAll, ""}, {"", endpoint.TenantsNone, ""}, {"acme corp", endpoint.TenantsAll, ""},
		{"acme", endpoint.TenantsNone, "tenants"}, {"", "some", "tenants"}, {" acme", endpoint.TenantsAll, "tenant"}, {" ", endpoint.TenantsAll, "tenant"},
		{"ac\nme", endpoint.TenantsAll, "tenant"}, {"ac\xffme", endpoint.TenantsAll, "tenant"}, {strings.Repeat("x", 257), endpoint.TenantsAll, "tenant"},
	} {
		e := receiver("crm")
		e.Tenant, e.Tenants = c.tenant, c.tenants
		var fields []string
		for _, f := range e.Validate() {
			fields = append(fields, f.Field)
		}
		if want := c.field; want == "" && len(fields) > 0 || want != "" && !slices.Equal(fields, []string{want}) {
			t.Errorf("tenant %q, tenants %q: faults %v, want %q", c.tenant, c.tenants, fields, want)
		}
	}
}

// An endpoint by type and topic alone is kept as every version reads it; one with a tenant or filters
// is refused by those that would send it everything.
func TestRecordsWithATenantOrFiltersAreOfALaterFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tenant, tenants, filters string
		version                  int
	}{
		{"", endpoint.TenantsAll, "[]", 1}, {"acme", endpoint.TenantsAll, "[]", 2}, {"", endpoint.TenantsNone, "[]", 2},
		{"", endpoint.TenantsAll, `[{"exact":{"subject":"eu"}}]`, 2}, {"acme", endpoint.TenantsAll, `[{"exact":{"subject":"eu"}}]`, 2},
	} {
		store := endpointtest.New()
		r := loaded(t, store, endpoint.Options{})
		e := receiver("crm")
		e.Tenant, e.Tenants, e.Filters = c.tenant, c.tenants, filters(t, c.filters)
		made := mustCreate(t, r, e)
		if v := versionOf(t, r); v != c.version {
			t.Errorf("%+v: version %d", c, v)
		}
		again := loaded(t, store, endpoint.Options{}).Set().ByID(made.ID)
		if again.Tenant != c.tenant || again.Tenants != c.tenants || !again.Filters.Equal(e.Filters) || len(again.Periods) != 1 {
			t.Errorf("read back: tenant %q, tenants %q, filters %v, %d periods", again.Tenant, again.Tenants, again.Filters.Show(), len(again.Periods))
		}
		if again.Takes(of("other", "")) != (c.version == 1) {
			t.Errorf("%+v: read back, it judges another's event wrongly", c)
		}
	}
}

// versionOf is the format of the first record.
func versionOf(t *testing.T, r *endpoint.Registry) int {
	t.Helper()
	raw, err := r.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var record struct{ V int }
	if err := json.Unmarshal(raw[0], &record); err != nil {
		t.Fatal(err)
	}
	return record.V
}

// An earlier version would send past the proxy and before the consent.
func TestRecordsWithAProxyOrAHandshakeAreOfALaterFormat(t *testing.T) {
	t.Parallel()
	for _, edit := range []func(*endpoint.Endpoint){
		func(e *endpoint.Endpoint) { e.Proxy = "http://proxy.example" },
		func(e *endpoint.Endpoint) { e.Handshake = true },
	} {
		asks := &asked{}
		r := loaded(t, endpointtest.New(), asks.options("hooks.example"))
		e := receiver("crm")
		edit(e)
		mustCreate(t, r, e)
		if v := versionOf(t, r); v != 2 {
			t.Errorf("proxy %q, handshake %t: version %d", e.Proxy.Open(), e.Handshake, v)
		}
	}
}

// Whose an event is depends on the period in which it was published: neither another rule nor
// another tenant reaches back.
func TestAnotherRuleIsAnotherPeriod(t *testing.T) {
	t.Parallel()
	store := endpointtest.New()
	store.Publish(orders, time.Now())
	first := loaded(t, store, endpoint.Options{})
	limited, free, managed := receiver("limited"), receiver("free"), receiver("managed")
	limited.Tenant, managed.Tenant = "acme", "acme"
	limited, free = mustCreate(t, first, limited), mustCreate(t, first, free)
	if err := first.Adopt(t.Context(), []*endpoint.Endpoint{managed}, endpoint.ByEnvironment); err != nil {
		t.Fatal(err)
	}
	end := store.Publish(orders, time.Now())

	second := loaded(t, store, endpoint.Options{TenantRule: "/partner"})
	for range 2 { // the second time there is nothing to do
		if err := second.Retune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := second.Adopt(t.Context(), []*endpoint.Endpoint{managed}, endpoint.ByEnvironment); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(second.Set().ByID(free.ID).Periods); n != 1 {
		t.Errorf("an endpoint that takes everybody's events has %d periods", n)
	}
	for _, name := range []string{"limited", "managed"} {
		e := second.Set().ByName(name)
		if len(e.Periods) != 2 || e.Periods[1].From[orders] != end {
			t.Fatalf("%s: periods %+v", name, e.Periods)
		}
		at := func(seq int64) *bus.Message {
			m := read(t, of("", "acme"), "/partner")
			m.Position = place(end.Identity, seq)
			return m
		}
		if e.Takes(at(end.Seq)) || !e.Takes(at(end.Seq+1)) {
			t.Errorf("%s: an event is not judged by the rule of its time", name)
		}
	}
	if _, err := second.Update(t.Context(), limited.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.Tenant = ""
		return e, nil
	}); err != nil {
		t.Fatal(err)
	}
	// A replica that still has the earlier setting goes on by the newer rule.
	if err := first.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := first.SetState(t.Context(), second.Set().ByName("managed").ID, endpoint.Paused, "a person said so"); err != nil {
		t.Fatal(err)
	}
	if e := first.Set().ByName("managed"); len(e.Periods) != 2 || e.Periods[1].TenantRule != "/partner" {
		t.Errorf("an edit by a replica with another setting: periods %+v", e.Periods)
	}
	before := of("other", "")
	before.Position = end
	if e := second.Set().ByID(limited.ID); len(e.Periods) != 3 || e.Takes(before) {
		t.Errorf("without its tenant it takes another's event from before: %d periods", len(e.Periods))
	}
	if _, err := second.Update(t.Context(), limited.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		e.Tenant, e.Tenants = "acme", endpoint.TenantsNone
		return e, nil
	}); !errors.As(err, new(*endpoint.InvalidError)) {
		t.Errorf("a tenant and tenants none: %v", err)
	}
}

func TestPeriodSaysWhoseAnEventWas(t *testing.T) {
	t.Parallel()
	e := &event.Event{Data: []byte(`{"partner":"acme"}`)}
	if got := (endpoint.Period{Tenant: "acme", TenantRule: "/partner"}).TenantOf(e); got != "acme" {
		t.Errorf("by its rule %q", got)
	}
	if got := (endpoint.Period{}).TenantOf(e); got != "" {
		t.Errorf("without one %q", got)
	}
}
