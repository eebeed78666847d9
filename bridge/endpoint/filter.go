package endpoint

import (
	"slices"
	"sort"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/filter"
	"github.com/hookspan/hookspan/bridge/tenant"
	"github.com/hookspan/hookspan/bridge/topic"
)

// A Verdict is what an event is to an endpoint; a closed set, in the order in which a later one
// counts for more.
type Verdict uint8

const (
	NotTaken     Verdict = iota // it is not for the endpoint
	FilterFailed                // nor is it: that a filter failed on it is told
	Taken
)

// Judge says what an event is to the endpoint. The list of periods, the event and its place alone
// decide: the last period that holds at the place says which types and topics, whose, and which
// filters. The error says which filter failed, and why.
func (e *Endpoint) Judge(m *bus.Message) (Verdict, error) { return e.judge(len(e.Periods), m) }

// JudgeBy is Judge by the list as it was at a revision of the registry. An endpoint that did not
// exist then takes nothing.
func (e *Endpoint) JudgeBy(revision int64, m *bus.Message) Verdict {
	known := sort.Search(len(e.Periods), func(i int) bool { return e.Periods[i].Revision > revision })
	v, _ := e.judge(known, m)
	return v
}

// Takes reports whether an event is for the endpoint.
func (e *Endpoint) Takes(m *bus.Message) bool {
	v, _ := e.Judge(m)
	return v == Taken
}

// JudgeReplay says what an event is to the endpoint by its newest period, wherever the event lies, and
// whether or not the endpoint is active. Filters are instead of the period's, and of its types; nil:
// those hold.
func (e *Endpoint) JudgeReplay(m *bus.Message, filters *filter.List) (Verdict, error) {
	if len(e.rules) == 0 {
		return NotTaken, nil
	}
	r := e.rules[len(e.rules)-1]
	if r.active = true; filters != nil {
		r.filters, r.events = *filters, everyType
	}
	return r.judge(m)
}

var everyType = []event.TypePattern{event.CompileTypePattern("*")} // never changed

// TakesBy is Takes by the list as it was at a revision of the registry.
func (e *Endpoint) TakesBy(revision int64, m *bus.Message) bool {
	return e.JudgeBy(revision, m) == Taken
}

// TakesUnfiltered is Takes but for the filters, for an event of which they cannot see enough.
func (e *Endpoint) TakesUnfiltered(m *bus.Message) bool {
	r := e.ruleAt(len(e.Periods), m)
	return r != nil && r.takes(m)
}

func (e *Endpoint) judge(periods int, m *bus.Message) (Verdict, error) {
	r := e.ruleAt(periods, m)
	if r == nil {
		return NotTaken, nil
	}
	return r.judge(m)
}

// ruleAt is the rule of the last of the first periods that holds at a message's place; nil where
// none does.
func (e *Endpoint) ruleAt(periods int, m *bus.Message) *rule {
	for i := periods - 1; i >= 0; i-- {
		if !behind(e.Periods[i].From, m.Partition, m.Position) {
			continue
		}
		if i < len(e.rules) {
			return &e.rules[i]
		}
		r, err := newRule(e.Periods[i])
		if err != nil {
			return nil
		}
		return &r
	}
	return nil
}

// behind reports whether a place lies behind from. A partition that from does not name, or
// names in another incarnation, did not exist then: every place in it is behind.
func behind(from bus.Positions, p bus.Partition, at bus.Position) bool {
	begin, named := from[p]
	return !named || !begin.Includes(at)
}

// MayTake reports whether any period of the list takes some event of the message's topic and type,
// and of its tenant by its rule, at whatever place.
func (e *Endpoint) MayTake(m *bus.Message) bool {
	for i := range e.rules {
		if r := &e.rules[i]; r.takesKind(m) && (!r.knows(m) || r.takesTenant(m)) {
			return true
		}
	}
	return false
}

// LooksInside reports whether filters of some period look at the data, which takes longer.
func (e *Endpoint) LooksInside() bool { return e.looksInside }

// compile prepares the rules of all periods, so that Judge allocates nothing.
func (e *Endpoint) compile() error {
	e.rules = make([]rule, 0, len(e.Periods))
	e.looksInside = slices.ContainsFunc(e.Periods, func(it Period) bool { return it.Filters.LooksInside() })
	for _, it := range e.Periods {
		r, err := newRule(it)
		if err != nil {
			return err
		}
		e.rules = append(e.rules, r)
	}
	return nil
}

// A rule is a period's answer for events at places where it holds.
type rule struct {
	active  bool
	events  []event.TypePattern
	topics  []topic.Pattern
	whose   *tenant.Rule // nil: it does not matter whose they are
	tenant  string       // "": nobody's
	filters filter.List
}

func newRule(it Period) (rule, error) {
	r := rule{active: it.Active, tenant: it.Tenant, filters: it.Filters}
	if it.ByTenant() {
		whose, err := tenant.Parse(it.TenantRule)
		if err != nil {
			return rule{}, err
		}
		r.whose = &whose
	}
	for _, s := range it.Events {
		r.events = append(r.events, event.CompileTypePattern(s))
	}
	for _, s := range it.Topics {
		t, err := topic.Compile(s)
		if err != nil {
			return rule{}, err
		}
		r.topics = append(r.topics, t)
	}
	return r, it.Filters.Err()
}

// judge asks the filters last: one that fails on an event is told of, and another tenant's events
// are none of the endpoint's business.
func (r *rule) judge(m *bus.Message) (Verdict, error) {
	if !r.takes(m) {
		return NotTaken, nil
	}
	switch ok, err := r.filters.Holds(m.Event, &m.View); {
	case err != nil:
		return FilterFailed, err
	case !ok:
		return NotTaken, nil
	}
	return Taken, nil
}

// takes is judge but for the filters.
func (r *rule) takes(m *bus.Message) bool { return r.takesKind(m) && r.takesTenant(m) }

// takesKind looks at what many events have in common.
func (r *rule) takesKind(m *bus.Message) bool {
	return r.active && r.takesType(m.Event.Type) && r.takesTopic(m.Topic)
}

// knows: whoever read the message has found out whose it is by this tenant rule.
func (r *rule) knows(m *bus.Message) bool { return r.whose == nil || m.TenantRule == r.whose.String() }

func (r *rule) takesTenant(m *bus.Message) bool {
	if r.whose == nil {
		return true
	}
	name := m.Tenant
	if !r.knows(m) {
		name, _ = r.whose.Of(m.Event)
	}
	return name == r.tenant
}

func (r *rule) takesType(eventType string) bool {
	for _, p := range r.events {
		if p.Match(eventType) {
			return true
		}
	}
	return false
}

func (r *rule) takesTopic(name string) bool {
	if len(r.topics) == 0 {
		return true
	}
	for _, p := range r.topics {
		if p.Match(name) {
			return true
		}
	}
	return false
}
