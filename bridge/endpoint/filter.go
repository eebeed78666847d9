package endpoint

import (
	"sort"
	"strings"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/tenant"
	"github.com/hookspan/hookspan/bridge/topic"
)

// Takes reports whether an event is for the endpoint. The list of periods, the event and its
// place alone decide: the last period that holds at the place says which events.
func (e *Endpoint) Takes(m *bus.Message) bool { return e.takes(len(e.Periods), m) }

// TakesBy is Takes by the list as it was at a revision of the registry. An endpoint that did
// not exist then takes nothing.
func (e *Endpoint) TakesBy(revision int64, m *bus.Message) bool {
	known := sort.Search(len(e.Periods), func(i int) bool { return e.Periods[i].Revision > revision })
	return e.takes(known, m)
}

func (e *Endpoint) takes(periods int, m *bus.Message) bool {
	for i := periods - 1; i >= 0; i-- {
		if !behind(e.Periods[i].From, m.Partition, m.Position) {
			continue
		}
		if i < len(e.filters) {
			return e.filters[i].takes(m)
		}
		f, err := newFilter(e.Periods[i])
		return err == nil && f.takes(m)
	}
	return false
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
	for i := range e.filters {
		if f := &e.filters[i]; f.takesKind(m) && (!f.knows(m) || f.takesTenant(m)) {
			return true
		}
	}
	return false
}

// compile prepares the filters of all periods, so that Takes allocates nothing.
func (e *Endpoint) compile() error {
	e.filters = make([]filter, 0, len(e.Periods))
	for _, it := range e.Periods {
		f, err := newFilter(it)
		if err != nil {
			return err
		}
		e.filters = append(e.filters, f)
	}
	return nil
}

// A filter is a period's answer for events at places where it holds.
type filter struct {
	active bool
	events []typePattern
	topics []topic.Pattern
	rule   *tenant.Rule // nil: it does not matter whose they are
	tenant string       // "": nobody's
}

func newFilter(it Period) (filter, error) {
	f := filter{active: it.Active, tenant: it.Tenant}
	if it.ByTenant() {
		rule, err := tenant.Parse(it.TenantRule)
		if err != nil {
			return filter{}, err
		}
		f.rule = &rule
	}
	for _, s := range it.Events {
		f.events = append(f.events, compileType(s))
	}
	for _, s := range it.Topics {
		t, err := topic.Compile(s)
		if err != nil {
			return filter{}, err
		}
		f.topics = append(f.topics, t)
	}
	return f, nil
}

func (f *filter) takes(m *bus.Message) bool { return f.takesKind(m) && f.takesTenant(m) }

// takesKind looks at what many events have in common.
func (f *filter) takesKind(m *bus.Message) bool {
	return f.active && f.takesType(m.Event.Type) && f.takesTopic(m.Topic)
}

// knows: whoever read the message has found out whose it is by the filter's rule.
func (f *filter) knows(m *bus.Message) bool { return f.rule == nil || m.TenantRule == f.rule.String() }

func (f *filter) takesTenant(m *bus.Message) bool {
	if f.rule == nil {
		return true
	}
	name := m.Tenant
	if !f.knows(m) {
		name, _ = f.rule.Of(m.Event)
	}
	return name == f.tenant
}

func (f *filter) takesType(eventType string) bool {
	for _, p := range f.events {
		if p.match(eventType) {
			return true
		}
	}
	return false
}

func (f *filter) takesTopic(name string) bool {
	if len(f.topics) == 0 {
		return true
	}
	for _, p := range f.topics {
		if p.Match(name) {
			return true
		}
	}
	return false
}

// A typePattern is what lies between the stars: "a.*.b" is "a." and ".b".
type typePattern []string

func compileType(s string) typePattern { return strings.Split(s, "*") }

func (p typePattern) match(s string) bool {
	last := len(p) - 1
	if last == 0 {
		return s == p[0]
	}
	if !strings.HasPrefix(s, p[0]) {
		return false
	}
	s = s[len(p[0]):]
	for _, part := range p[1:last] { // the leftmost place of each part leaves the most for the rest
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, p[last])
}
