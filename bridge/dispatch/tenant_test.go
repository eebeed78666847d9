package dispatch

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// owners of events, by their number: acme's, the other's, nobody's, and what is no name of one.
var owners = [...]string{"acme", "other", "", "ac\x00me"}

// publishOf stores events of all owners in turn, from the first number on.
func (r *rig) publishOf(from, to int) {
	for n := from; n <= to; n++ {
		e := dispatchtest.Event(n, "a")
		if owner := owners[n%len(owners)]; owner != "" {
			e.SetExtension(tenant.Attribute, owner)
		}
		r.store.Publish(part, e)
	}
}

// sentOnly fails unless this owner sent just the events of one owner, each once, and whatever is
// nobody's where nobody is one of those.
func (r *rig) sentOnly(from, to int, wanted ...string) {
	r.t.Helper()
	for n := from; n <= to; n++ {
		owner, want := owners[n%len(owners)], 0
		if owner == "ac\x00me" {
			owner = ""
		}
		for _, w := range wanted {
			if w == owner {
				want++
			}
		}
		if got := r.posts(n); got != want {
			r.t.Errorf("event %d, of %q, was sent %d times, want %d", n, owner, got, want)
		}
	}
}

// An endpoint gets its tenant's events and nobody else's: live, from behind, and from the next
// owner, whatever had an entry and whatever not.
func TestEndpointGetsItsTenantsEventsAlone(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Tenant, e.Concurrency = "acme", 1 })
		r.publishOf(1, 8)
		r.feed()
		r.sentOnly(1, 8, "acme")

		r.out.holds(true) // the lane is full of the tenant's: the rest comes from behind
		r.publishOf(9, 60)
		r.feed()
		if !l.feedOf(part).behind {
			t.Fatal("the endpoint is not behind")
		}
		if n := l.feedOf(part).ranges[0].events; n > 13 {
			t.Errorf("%d events are said to wait, of which 13 at most are the tenant's", n)
		}
		r.flow(12)
		r.sentOnly(1, 60, "acme")

		r.out.holds(true)
		r.publishOf(61, 100)
		r.feed()
		r.answer(503, 64) // it has an entry, what runs then has one, and what waits has none
		r.step()
		r.takeover()
		r.catchUp()
		elapse(2 * 60 * second)
		r.catchUp()
		r.sentOnly(61, 100, "acme")
		r.sentOnly(1, 60)
	})
}

func TestEndpointsByWhoseEventsTheyTake(t *testing.T) {
	for name, c := range map[string]struct {
		tenants string
		wanted  []string
	}{
		"everybody's": {endpoint.TenantsAll, []string{"acme", "other", ""}},
		"nobody's":    {endpoint.TenantsNone, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.register("crm", func(e *endpoint.Endpoint) { e.Tenants = c.tenants })
				r.publishOf(1, 5)
				r.feed()
				r.takeover()
				r.publishOf(6, 12)
				r.feed()
				r.sentOnly(6, 12, c.wanted...)
			})
		})
	}
}

// Two endpoints of different tenants share the lookup of what is for whom.
func TestTenantsSideBySide(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("one", func(e *endpoint.Endpoint) { e.Tenant = "acme" })
		r.publishOf(1, 8)
		r.feed()
		r.sentOnly(1, 8, "acme")
		r.register("two", func(e *endpoint.Endpoint) { e.Tenant = "other" })
		r.publishOf(9, 16)
		r.feed()
		r.sentOnly(9, 16, "acme", "other")
		r.sentOnly(1, 8, "acme")
	})
}

// A new tenant holds from its registration on, also for what the feeds had passed by then.
func TestAnotherTenantHoldsFromThenOn(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Tenant = "acme" })
		r.publishOf(1, 8)
		r.feed()
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) { e.Tenant = "other" })
		r.publishOf(9, 16)
		r.feed() // by the old list: the registry's change is not taken up yet
		r.apply()
		r.catchUp()
		elapse(second)
		r.sentOnly(1, 8, "acme")
		for n := 9; n <= 16; n++ { // what went out by the list before cannot be taken back
			if owner := owners[n%len(owners)]; owner == "other" && r.posts(n) != 1 || owner == "" && r.posts(n) > 0 {
				t.Errorf("event %d, of %q, was sent %d times", n, owner, r.posts(n))
			}
		}
		r.publishOf(17, 24)
		r.feed()
		r.sentOnly(17, 24, "other")
	})
}

// What is told about an endpoint of a tenant is the tenant's.
func TestOperationsEventsAreOfTheEndpointsTenant(t *testing.T) {
	t.Parallel()
	ep := endpoint.Default()
	ep.Name, ep.Tenant = "crm", "acme"
	if got := opsEvent(opsDisabled, "1", ep, opsEndpoint{}).Extension(tenant.Attribute); got != "acme" {
		t.Errorf("it is of %q", got)
	}
	ep.Tenant = ""
	if e := opsEvent(opsDisabled, "1", ep, opsEndpoint{}); len(e.Extensions) > 0 {
		t.Errorf("about nobody's endpoint: %v", e.Extensions)
	}
}

func TestWhatIsNoTenantIsToldAndCounted(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		var lines bytes.Buffer
		r.d.trouble = newComplaints(slog.New(slog.NewTextHandler(&lines, nil)))
		r.register("crm", nil)
		r.publishOf(1, 8)
		r.feed()
		if got := strings.Count(lines.String(), "tenant left out"); got != 1 || strings.Contains(lines.String(), "ac\x00me") {
			t.Errorf("%d lines, want one within a moment: %s", got, &lines)
		}
		var counted dto.Metric
		r.must(r.d.metrics.tenantless.Write(&counted))
		if got := counted.GetCounter().GetValue(); got != 2 {
			t.Errorf("counted %v, want 2", got)
		}
	})
}
