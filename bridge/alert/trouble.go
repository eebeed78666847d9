package alert

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/tenant"
)

const (
	// maxState bounds what is kept, roughly, so that a record fits a message of any bus. What comes
	// beyond it is only counted.
	maxState    = 600 << 10
	maxUnmailed = 7 * 24 * time.Hour // then a notice is given up
)

// A state is what has been taken in and what is left to be mailed.
type state struct {
	Version  int                 `json:"v"`
	Places   bus.Positions       `json:"places"` // events up to them are taken in; nil: none ever was
	Troubles map[string]*trouble `json:"troubles,omitempty"`
	Notices  []*notice           `json:"notices,omitempty"` // oldest first
	Number   int64               `json:"n"`                 // of the last notice
	Paces    map[string]*pace    `json:"paces,omitempty"`   // by address
	Claims   map[string]claim    `json:"claims,omitempty"`  // by address
	Beyond   map[string]int      `json:"beyond,omitempty"`  // by address: events that there was no room for
}

// A trouble is one cause, of one endpoint, one source or the store, from its first event until it is
// over.
type trouble struct {
	Cause    cause     `json:"cause"`
	Endpoint string    `json:"endpoint,omitempty"` // its id
	Name     string    `json:"name,omitempty"`     // of the endpoint or the source
	Tenant   string    `json:"tenant,omitempty"`   // the endpoint's
	Since    time.Time `json:"since"`
	Last     time.Time `json:"last"`
	Count    int64     `json:"count"` // of events; of refusals, requests
	Detail   string    `json:"detail,omitempty"`
	To       []string  `json:"to"`
}

// cause is a closed set.
type cause string

const (
	disabled  cause = "disabled"
	exhausted cause = "exhausted"
	expired   cause = "expired"
	breaker   cause = "breaker"
	refusals  cause = "refusals"
	store     cause = "store"
)

// quiet is how long nothing more may be told of a trouble whose end nobody tells, for it to be over.
func (c cause) quiet() time.Duration {
	switch c {
	case refusals: // told every 5 minutes at most
		return 15 * time.Minute
	case store: // every hour
		return 3 * time.Hour
	}
	return 0
}

// A notice is to be mailed.
type notice struct {
	Number   int64     `json:"n"`
	Over     bool      `json:"over,omitempty"` // the troubles are
	Troubles []trouble `json:"troubles"`       // one, where they are not over; then its numbers are those of the state while it lasts
	Taken    time.Time `json:"taken"`          // when the event was taken in
	To       []string  `json:"to"`             // who has not got it yet
}

// What operations events hold, as far as it matters here.
type told struct {
	ops.AboutEndpoint
	Event   ops.Original   `json:"event"`
	Source  string         `json:"source"`
	Count   int64          `json:"count"`
	Refused int64          `json:"refused"`
	Reasons map[string]int `json:"reasons"`
	Used    int64          `json:"used"`
	Limit   int64          `json:"limit"`
}

// take takes an event in. to says who is to hear of it.
func (s *state) take(m *bus.Message, now time.Time, to func(endpointID, tenant string) []string) {
	var x told
	whose, flaw := tenant.Name(m.Event.Extension(tenant.Attribute))
	if m.Event.Source != ops.Source || flaw != "" || json.Unmarshal(m.Event.Data, &x) != nil || !x.ours() {
		return // somebody else's
	}
	at := m.Event.Time
	if at.IsZero() {
		at = m.Stored
	}
	t := trouble{
		Endpoint: x.Endpoint, Name: x.Name, Tenant: whose,
		Since: at.UTC(), Last: at.UTC(), Count: 1, Detail: event.Short(detail(m.Event, &x)),
	}
	switch ops.Type(m.Event.Type) {
	case ops.EndpointDisabled:
		t.Cause = disabled
	case ops.DeliveryExhausted:
		t.Cause = exhausted
	case ops.DeliveryExpired:
		t.Cause = expired
	case ops.BreakerOpened:
		t.Cause = breaker
		if key := key(breaker, x.Endpoint); s.Troubles[key] != nil { // that it was closed meanwhile was not heard
			s.end(key)
		}
	case ops.SourceRefusals:
		t.Cause, t.Name, t.Count = refusals, x.Source, max(x.Refused, x.Count)
	case ops.StoreNearlyFull:
		t.Cause = store
	case ops.EndpointRecovered:
		s.mend(now, at.UTC(), key(disabled, x.Endpoint), key(exhausted, x.Endpoint), key(expired, x.Endpoint))
		return
	case ops.BreakerClosed:
		s.mend(now, at.UTC(), key(breaker, x.Endpoint))
		return
	default:
		return
	}
	of := x.Endpoint
	if of == "" {
		of = t.Name
	}
	s.suffer(key(t.Cause, of), t, now, func() []string { return to(t.Endpoint, t.Tenant) })
}

// longestName is far more than the names and ids have that Hookspan makes.
const longestName = 256

// ours: names and ids are such as Hookspan makes. They stand in a subject, and in commands to copy.
func (x *told) ours() bool {
	for _, name := range []string{x.Name, x.Source} {
		if name != "" && !setting.ValidName(name) || len(name) > longestName {
			return false
		}
	}
	if len(x.Endpoint) > longestName {
		return false
	}
	return strings.Trim(x.Endpoint, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// key names a trouble.
func key(c cause, of string) string { return string(c) + "/" + of }

// detail is one line about an event, in which what others wrote is quoted.
func detail(e *event.Event, x *told) string {
	switch ops.Type(e.Type) {
	case ops.EndpointDisabled, ops.BreakerOpened:
		return quoted(x.Reason)
	case ops.DeliveryExhausted, ops.DeliveryExpired:
		return "event " + quoted(x.Event.ID) + " of type " + quoted(x.Event.Type)
	case ops.SourceRefusals:
		return reasons(x.Reasons)
	case ops.StoreNearlyFull:
		return size(x.Used) + " of " + size(x.Limit) + " are in use"
	}
	return ""
}

// suffer begins a trouble, or adds to one that lasts.
func (s *state) suffer(key string, t trouble, now time.Time, to func() []string) {
	if lasts := s.Troubles[key]; lasts != nil {
		lasts.Count += t.Count
		lasts.Last, lasts.Detail = t.Last, t.Detail
		return
	}
	if t.To = to(); len(t.To) == 0 {
		return
	}
	if s.bytes()+2*t.bytes() > maxState {
		if s.Beyond == nil {
			s.Beyond = map[string]int{}
		}
		for _, address := range t.To {
			s.Beyond[address]++
		}
		return
	}
	if s.Troubles == nil {
		s.Troubles = map[string]*trouble{}
	}
	s.Troubles[key] = &t
	s.note(now, false, []trouble{t}, t.To)
}

// bytes is about what a record takes.
func (s *state) bytes() (sum int) {
	for _, t := range s.Troubles {
		sum += t.bytes()
	}
	for _, n := range s.Notices {
		for i := range n.Troubles {
			sum += n.Troubles[i].bytes()
		}
		sum += 100
	}
	return sum
}

func (t *trouble) bytes() int {
	sum := 200 + len(t.Endpoint) + 2*len(t.Name) + len(t.Tenant) + len(t.Detail)
	for _, address := range t.To { // in the trouble, and in a notice
		sum += 2 * len(address)
	}
	return sum
}

// mend ends troubles; those that were none are left out.
func (s *state) mend(now, at time.Time, keys ...string) {
	var over []trouble
	var to []string
	for _, key := range keys {
		t := s.Troubles[key]
		if t == nil {
			continue
		}
		s.end(key)
		t.Last = at
		over, to = append(over, *t), append(to, t.To...)
	}
	if len(over) > 0 {
		slices.Sort(to)
		s.note(now, true, over, slices.Compact(to))
	}
}

// end takes a trouble away. A notice of it that was not mailed yet keeps what is known of it now.
func (s *state) end(key string) {
	t := s.Troubles[key]
	for _, n := range s.Notices {
		if n.of(t) {
			n.Troubles[0] = *t
		}
	}
	delete(s.Troubles, key)
}

// of reports whether a notice is that of the beginning of a trouble.
func (n *notice) of(t *trouble) bool {
	one := &n.Troubles[0]
	return !n.Over && one.Cause == t.Cause && one.Endpoint == t.Endpoint && one.Name == t.Name && one.Since.Equal(t.Since)
}

func (s *state) note(now time.Time, over bool, troubles []trouble, to []string) {
	s.Number++
	s.Notices = append(s.Notices, &notice{Number: s.Number, Over: over, Troubles: troubles, Taken: now.UTC(), To: slices.Clone(to)})
}

// settle ends what is over without an event, and gives up what was mailed to nobody for too long:
// dropped is how many notices that are.
func (s *state) settle(now time.Time, known func(endpointID string) bool) (changed bool, dropped int) {
	for key, t := range s.Troubles {
		switch quiet := t.Cause.quiet(); {
		case quiet > 0 && now.Sub(t.Last) >= quiet:
			s.mend(now, now.UTC(), key)
			changed = true
		case t.Endpoint != "" && !known(t.Endpoint): // deleted: nobody waits for it to be well
			s.end(key)
			changed = true
		}
	}
	before := len(s.Notices)
	s.Notices = slices.DeleteFunc(s.Notices, func(n *notice) bool { return now.Sub(n.Taken) >= maxUnmailed })
	dropped = before - len(s.Notices)
	return s.calm(now) || changed || dropped > 0, dropped
}
