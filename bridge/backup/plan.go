package backup

import (
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/order"
	"github.com/hookspan/hookspan/bridge/statelog"
)

const (
	// inARow is how many events have to be owed one after the other to be a range; fewer are
	// entries, of which each costs about as much as a range.
	inARow = 100
	// rangesFew is how many ranges an endpoint may have in a partition before the next ones have
	// to be twice as long.
	rangesFew = 32
)

// An importing is an endpoint on its way into a new registry.
type importing struct {
	*endpoint.Endpoint
	account *account
	period  endpoint.Period // what it takes from now on
	feeds   map[string]statelog.Feed
	entries []delivery.Entry // without ids and marks
}

func newImporting(ep *endpoint.Endpoint, a *account, period endpoint.Period) *importing {
	return &importing{Endpoint: ep, account: a, period: period, feeds: map[string]statelog.Feed{}}
}

// A plan gathers, event by event, what the shards of the new bus have to know. Of each partition
// the events come in the order of their places.
type plan struct {
	endpoints map[string]*importing // by id
	runs      map[lane]*run
	matches   map[match][]*importing
}

// A lane is an endpoint in a partition.
type lane struct {
	endpoint  string
	partition bus.Partition
}

// A run is what is owed to an endpoint without an event between that it takes and is not owed.
type run struct {
	last   bus.Position
	before bus.Position // in front of its first event
	length int
	events []delivery.Entry // while there are too few for a range
}

func newPlan(endpoints map[string]*importing) *plan {
	return &plan{endpoints: endpoints, runs: map[lane]*run{}, matches: map[match][]*importing{}}
}

// add takes in an event that was published, where it lies now.
func (p *plan) add(topic string, s *stored, r bus.Receipt) error {
	m := &bus.Message{Topic: topic, Partition: r.Partition, Position: r.Position, Event: s.event()}
	ref := delivery.RefOf(m)
	due := map[string]bool{}
	for _, o := range s.Owed {
		ep := p.endpoints[o.Endpoint]
		if ep == nil {
			return fmt.Errorf("an event is owed to endpoint %s, which is not in the backup: %w", o.Endpoint, ErrDamaged)
		}
		due[o.Endpoint] = true
		ref.Tenant = ep.period.TenantOf(m.Event)
		e := delivery.Entry{Endpoint: o.Endpoint, Event: ref, Number: max(o.Number, 1), Due: o.Due, Batch: o.Batch, Created: o.Created, Asked: o.Asked,
			Life: delivery.LifeOf(&bus.Message{Event: m.Event, Stored: s.Stored}, ep.MaxAge)}
		if e.Created.IsZero() {
			e.Created = s.Stored
		}
		if rule, err := order.Parse(string(ep.OrderKey)); err == nil && ep.Ordered {
			e.Key = rule.Of(m.Event)
		}
		if o.Number > 0 { // a range over it passes what has an entry
			ep.entries = append(ep.entries, e)
		} else {
			p.extend(ep, e, m)
		}
	}
	for _, ep := range p.matching(m) {
		if at := (lane{ep.ID, r.Partition}); !due[ep.ID] && (ep.period.ByKindAlone() || ep.period.Matches(m)) {
			p.close(ep, at)
		}
	}
	return nil
}

// extend adds an event to the run of an endpoint. What a range would not bring is an entry.
func (p *plan) extend(ep *importing, e delivery.Entry, m *bus.Message) {
	if !ep.period.Matches(m) {
		ep.entries = append(ep.entries, e)
		return
	}
	at := lane{ep.ID, e.Event.Partition}
	r := p.runs[at]
	if r == nil {
		r = &run{before: bus.Position{Identity: e.Event.Identity, Seq: e.Event.Seq - 1}}
		p.runs[at] = r
	}
	r.length++
	r.last = e.Event.Position
	if r.length <= ep.needed(at.partition) {
		r.events = append(r.events, e)
	} else {
		r.events = nil
	}
}

// needed is how many events in a row are not enough for a range.
func (ep *importing) needed(p bus.Partition) int {
	return inARow << min(len(ep.feeds[string(p)].Ranges)/rangesFew, 20)
}

// close ends a run: as a range, or as entries.
func (p *plan) close(ep *importing, at lane) {
	r := p.runs[at]
	if r == nil {
		return
	}
	delete(p.runs, at)
	if r.length <= ep.needed(at.partition) {
		ep.entries = append(ep.entries, r.events...)
		return
	}
	f := ep.feeds[string(at.partition)]
	f.Ranges = append(f.Ranges, statelog.Range{From: r.before, To: &r.last})
	ep.feeds[string(at.partition)] = f
}

// end closes all runs.
func (p *plan) end() {
	for at := range p.runs {
		p.close(p.endpoints[at.endpoint], at)
	}
}

// matching are the endpoints that a range would bring some event of this topic and type to.
func (p *plan) matching(m *bus.Message) []*importing {
	key := match{m.Topic, m.Event.Type}
	found, ok := p.matches[key]
	if ok {
		return found
	}
	for _, ep := range p.endpoints {
		if ep.period.MayMatch(m) {
			found = append(found, ep)
		}
	}
	if len(p.matches) >= matchesKept {
		clear(p.matches)
	}
	p.matches[key] = found
	return found
}

// periods are the periods of an endpoint on the new bus: what it takes from the ends on and, if it
// has ranges, the same in front of them, where nothing but the ranges is read.
func (ep *importing) periods(ends bus.Positions) []endpoint.Period {
	now := ep.period
	now.From = ends
	if len(ep.feeds) == 0 {
		return []endpoint.Period{now}
	}
	before := ep.period
	before.From, before.Active = bus.Positions{}, true
	return []endpoint.Period{before, now}
}

// finish names the entries, now that the marks of their events are known.
func (ep *importing) finish(marks map[place]int64, now time.Time) {
	for i := range ep.entries {
		e := &ep.entries[i]
		e.Event.Mark = marks[place{e.Event.Partition, e.Event.Seq}]
		e.ID = delivery.ID(ep.ID, &e.Event)
		if e.Due.IsZero() {
			e.Due = now
		}
	}
}

// held is the endpoint's hold, if it lasts.
func (ep *importing) held(now time.Time) (statelog.Hold, bool) {
	h := ep.account.Held
	return h, h.Until > now.UnixNano()
}
