package endpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// Whose events an endpoint takes that has no tenant itself.
const (
	TenantsAll  = "all"
	TenantsNone = "none" // only those that are nobody's
)

// ByTenant reports whether it matters whose an event is.
func (it Period) ByTenant() bool { return it.Tenant != "" || it.Tenants == TenantsNone }

// ByTenant reports whether it matters to any period of the endpoint whose an event is.
func (e *Endpoint) ByTenant() bool {
	return slices.ContainsFunc(e.Periods, func(it Period) bool { return it.ByTenant() })
}

// MayTakeOf reports whether any period of the list takes events of a tenant.
func (e *Endpoint) MayTakeOf(name string) bool {
	return slices.ContainsFunc(e.Periods, func(it Period) bool { return !it.ByTenant() || it.Tenant == name })
}

// TenantOf is whose an event is by the rule that the period was written with.
func (it Period) TenantOf(e *event.Event) string {
	rule, err := tenant.Parse(it.TenantRule)
	if err != nil {
		return ""
	}
	name, _ := rule.Of(e)
	return name
}

// periodOf is what an endpoint takes by its settings. The rule is part of it where it matters, so
// that no later setting of the process changes whose the events of the period are.
func (r *ledger) periodOf(e *Endpoint) Period {
	it := Period{Events: e.Events, Topics: e.Topics, Filters: e.Filters, Active: e.Active, Tenant: e.Tenant, Revision: bus.NoPosition}
	if e.Tenants == TenantsNone {
		it.Tenants = TenantsNone
	}
	if it.ByTenant() {
		it.TenantRule = cmp.Or(r.o.TenantRule, tenant.Attribute)
	}
	return it
}

// says reports whether two periods take the same, whenever they begin.
func (it Period) says(other Period) bool {
	return it.Active == other.Active && slices.Equal(it.Events, other.Events) && slices.Equal(it.Topics, other.Topics) && it.Filters.Equal(other.Filters) &&
		it.Tenant == other.Tenant && it.Tenants == other.Tenants && it.TenantRule == other.TenantRule
}

// takeMembership takes over the settings that a period says.
func (e *Endpoint) takeMembership(from *Settings) {
	e.Events, e.Topics, e.Filters, e.Active = from.Events, from.Topics, from.Filters, from.Active
	e.Tenant, e.Tenants = from.Tenant, from.Tenants
}

// readMembership sets what the newest period says.
func (e *Endpoint) readMembership() {
	n := len(e.Periods)
	if n == 0 {
		e.Tenants = TenantsAll
		return
	}
	it := &e.Periods[n-1]
	e.takeMembership(&Settings{
		Events: it.Events, Topics: it.Topics, Filters: it.Filters, Active: it.Active, Tenant: it.Tenant, Tenants: cmp.Or(it.Tenants, TenantsAll),
	})
}

// tenants finds what is wrong with whose events an endpoint takes.
func (v *faults) tenants(e *Endpoint) {
	switch name, flaw := tenant.Name(e.Tenant); {
	case flaw != "":
		v.add("tenant", "%s", flaw)
	case name != e.Tenant:
		v.add("tenant", "has spaces around it, which no event's has")
	case name != "" && e.Tenants == TenantsNone:
		v.add("tenants", "none is for an endpoint without a tenant: leave out tenant or tenants")
	}
}

// errDone: nothing is left to do.
var errDone = errors.New("done already")

// Retune gives endpoints a period by the rule of this process that were judged by another one, as
// after a change of the setting. Events that were published before keep the tenant that they had.
func (r *Registry) Retune(ctx context.Context) error {
	set, err := r.Refresh(ctx)
	if err != nil {
		return err
	}
	rule := cmp.Or(r.o.TenantRule, tenant.Attribute)
	other := func(e *Endpoint) bool {
		n := len(e.Periods)
		return n > 0 && e.Periods[n-1].ByTenant() && e.Periods[n-1].TenantRule != rule
	}
	for _, e := range set.All() {
		if !other(e) {
			continue
		}
		_, err := r.change(ctx, edit{find: byID(e.ID), retune: true, next: func(cur *Endpoint) (*Endpoint, error) {
			if cur == nil || !other(cur) { // deleted, or done by another replica
				return nil, errDone
			}
			return cur.Clone(), nil
		}})
		if err != nil && !errors.Is(err, errDone) {
			return fmt.Errorf("judge the tenant of endpoint %s anew: %w", e.Name, err)
		}
	}
	return nil
}
