package endpoint

import (
	"sort"
	"strings"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/topic"
)

// Takes reports whether an event is for the endpoint. The list of periods and the event's
// place alone decide: the last period that holds at the place says which types and topics.
func (e *Endpoint) Takes(p bus.Partition, at bus.Position, topic, eventType string) bool {
	return e.takes(len(e.Periods), p, at, topic, eventType)
}

// TakesBy is Takes by the list as it was at a revision of the registry. An endpoint that did
// not exist then takes nothing.
func (e *Endpoint) TakesBy(revision int64, p bus.Partition, at bus.Position, topic, eventType string) bool {
	known := sort.Search(len(e.Periods), func(i int) bool { return e.Periods[i].Revision > revision })
	return e.takes(known, p, at, topic, eventType)
}

func (e *Endpoint) takes(periods int, p bus.Partition, at bus.Position, topic, eventType string) bool {
	for i := periods - 1; i >= 0; i-- {
		if !behind(e.Periods[i].From, p, at) {
			continue
		}
		if i < len(e.filters) {
			return e.filters[i].takes(topic, eventType)
		}
		f, err := newFilter(e.Periods[i])
		return err == nil && f.takes(topic, eventType)
	}
	return false
}

// behind reports whether a place lies behind from. A partition that from does not name, or
// names in another incarnation, did not exist then: every place in it is behind.
func behind(from bus.Positions, p bus.Partition, at bus.Position) bool {
	begin, named := from[p]
	return !named || !begin.Includes(at)
}

// MayTake reports whether any period of the list takes events of this topic and type, at
// whatever place.
func (e *Endpoint) MayTake(topic, eventType string) bool {
	for i := range e.filters {
		if e.filters[i].takes(topic, eventType) {
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
}

func newFilter(it Period) (filter, error) {
	f := filter{active: it.Active}
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

func (f *filter) takes(topic, eventType string) bool {
	return f.active && f.takesType(eventType) && f.takesTopic(topic)
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
