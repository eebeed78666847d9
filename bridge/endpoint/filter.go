package endpoint

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Takes reports whether an event is for the endpoint. The list of items and the event's
// place alone decide: the last item that holds at the place says which types and topics.
func (e *Endpoint) Takes(p bus.Partition, at bus.Position, topic, eventType string) bool {
	return e.takes(len(e.Items), p, at, topic, eventType)
}

// TakesBy is Takes by the list as it was at a revision of the registry. An endpoint that did
// not exist then takes nothing.
func (e *Endpoint) TakesBy(revision int64, p bus.Partition, at bus.Position, topic, eventType string) bool {
	known := sort.Search(len(e.Items), func(i int) bool { return e.Items[i].Revision > revision })
	return e.takes(known, p, at, topic, eventType)
}

func (e *Endpoint) takes(items int, p bus.Partition, at bus.Position, topic, eventType string) bool {
	for i := items - 1; i >= 0; i-- {
		if !behind(e.Items[i].From, p, at) {
			continue
		}
		if i < len(e.filters) {
			return e.filters[i].takes(topic, eventType)
		}
		f, err := newFilter(e.Items[i])
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

// MayTake reports whether any item of the list takes events of this topic and type, at
// whatever place.
func (e *Endpoint) MayTake(topic, eventType string) bool {
	for i := range e.filters {
		if e.filters[i].takes(topic, eventType) {
			return true
		}
	}
	return false
}

// compile prepares the filters of all items, so that Takes allocates nothing.
func (e *Endpoint) compile() error {
	e.filters = make([]filter, 0, len(e.Items))
	for _, it := range e.Items {
		f, err := newFilter(it)
		if err != nil {
			return err
		}
		e.filters = append(e.filters, f)
	}
	return nil
}

// A filter is an item's answer for events at places where it holds.
type filter struct {
	active bool
	events []typePattern
	topics []topicPattern
}

func newFilter(it Item) (filter, error) {
	f := filter{active: it.Active}
	for _, s := range it.Events {
		f.events = append(f.events, compileType(s))
	}
	for _, s := range it.Topics {
		t, err := compileTopic(s)
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

func (f *filter) takesTopic(topic string) bool {
	if len(f.topics) == 0 {
		return true
	}
	for _, p := range f.topics {
		if p.match(topic) {
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

// A topicPattern is a name, a NATS pattern (* is one token, a final > the rest, at least one)
// or, between slashes, a regular expression that some part of the name must fit.
type topicPattern struct {
	tokens []string
	expr   *regexp.Regexp
}

func compileTopic(s string) (topicPattern, error) {
	if len(s) > 2 && s[0] == '/' && s[len(s)-1] == '/' {
		expr, err := regexp.Compile(s[1 : len(s)-1])
		if err != nil {
			return topicPattern{}, fmt.Errorf("topic pattern %q: %w", s, err)
		}
		return topicPattern{expr: expr}, nil
	}
	tokens := strings.Split(s, ".")
	for i, t := range tokens {
		if t == "" {
			return topicPattern{}, fmt.Errorf("topic pattern %q: a part between two dots is empty", s)
		}
		if t == ">" && i < len(tokens)-1 {
			return topicPattern{}, fmt.Errorf("topic pattern %q: > may only be the last part", s)
		}
		if strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return topicPattern{}, fmt.Errorf("topic pattern %q: no spaces or control characters", s)
		}
	}
	return topicPattern{tokens: tokens}, nil
}

func (p topicPattern) match(topic string) bool {
	if p.expr != nil {
		return p.expr.MatchString(topic)
	}
	rest, more := topic, true
	for _, want := range p.tokens {
		if !more || rest == "" {
			return false
		}
		if want == ">" {
			return true
		}
		var token string
		token, rest, more = strings.Cut(rest, ".")
		if want != "*" && want != token {
			return false
		}
	}
	return !more
}
