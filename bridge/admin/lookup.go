package admin

import (
	"context"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// Events finds what is stored on the followed topics.
type Events interface {
	// Locate finds the newest events of an id: in all partitions among what was stored since then,
	// and in those that from names among what lies behind it. With no time only there. False: it could
	// not see all of that.
	Locate(ctx context.Context, id string, from bus.Positions, since time.Time) ([]bus.Message, bool)
	// IsFor reports whether an event is for an endpoint.
	IsFor(e *endpoint.Endpoint, m *bus.Message) bool
}

const (
	// lookTime bounds what one answer waits for the bus.
	lookTime = 2 * time.Second
	// recordTime is how long the record of an attempt, or a note of what waits, may take to get here.
	recordTime = 5 * time.Second

	notFound = "the event was not found in time among those that wait, so that its type could not be held against the endpoint's"
)

// A behindView names an endpoint whose readers have not come to an event yet.
type behindView struct {
	Endpoint     string         `json:"endpoint"` // its name
	EndpointID   string         `json:"endpoint_id"`
	EndpointName string         `json:"endpoint_name"`
	Waits        delivery.Cause `json:"waits"`
	*behind
	delivery string // its id, once it begins; "" where the event was not found
}

// A trace is what is known of an event that some endpoints have no record of.
type trace struct {
	*look
	want   *journal.Query
	open   []*endpoint.Endpoint // where it may wait
	notes  map[string]*delivery.Note
	read   map[string]bus.Positions // by endpoint, before anything was looked up
	behind []behindView
}

// trace looks for the one event that is wanted, if it is one, for the endpoint and the tenant that are
// named, or all. What waits in lanes of others it hands to the look. What is read from then on is found in a lane
// here or has a record by the time that those are looked at.
func (l *look) trace(ctx context.Context, want *journal.Query) *trace {
	t := &trace{look: l, want: want, notes: map[string]*delivery.Note{}, read: map[string]bus.Positions{}}
	if want.Event == "" || !want.Waits() {
		return t
	}
	for _, e := range l.Registry.Set().All() {
		if want.Endpoint != "" && e.ID != want.Endpoint || want.Tenant != "" && !e.MayTakeOf(want.Tenant) {
			continue
		}
		t.open, t.read[e.ID], t.notes[e.ID] = append(t.open, e), l.read(e.ID), l.note(e.ID)
	}
	if len(t.open) > 0 {
		t.follow(ctx)
	}
	return t
}

// follow looks for the event on its topics.
func (t *trace) follow(ctx context.Context) {
	ctx, end := context.WithTimeout(ctx, lookTime)
	defer end()
	from, since := t.reach()
	messages, whole := t.Events.Locate(ctx, t.want.Event, from, since)
	for i := range messages {
		m := &messages[i]
		for _, e := range t.open {
			if entry := delivery.EntryOf(e.ID, m); t.wants(&entry) && t.Events.IsFor(e, m) {
				t.place(e, m, &entry)
			}
		}
	}
	if len(messages) == 0 && !whole {
		t.doubt()
	}
}

// wants is about all but the event's id, which may be wanted whole.
func (t *trace) wants(e *delivery.Entry) bool {
	q := *t.want
	q.Event = ""
	return q.WantsEntry(e)
}

// reach is down to where the event may wait.
func (t *trace) reach() (from bus.Positions, since time.Time) {
	from = bus.Positions{}
	lower := func(places bus.Positions) {
		for p, at := range places {
			if low, ok := from[p]; !ok || at.Seq < low.Seq {
				from[p] = at
			}
		}
	}
	for id, n := range t.notes {
		if !t.owns(id) {
			since = t.now.Add(-recordTime)
		}
		if lower(t.read[id]); n != nil {
			lower(n.Before)
			lower(n.Reached)
		}
	}
	return from, since
}

// place says where an event that is for the endpoint waits, if it does.
func (t *trace) place(e *endpoint.Endpoint, m *bus.Message, entry *delivery.Entry) {
	n := t.notes[e.ID]
	if n != nil && n.Behind != nil {
		if at, ok := n.Reached[m.Partition]; ok && !at.Reaches(m.Position) {
			t.behindOf(e, t.look.behind(n), entry.ID)
			return
		}
	}
	own := t.owns(e.ID)
	if at, ok := t.read[e.ID][m.Partition]; ok && !at.Reaches(m.Position) && (own || !t.inLane(n, m, entry.ID)) {
		t.behindOf(e, t.unread(e, at, m.Position), entry.ID)
		return
	}
	if own {
		return // what is in its lane is found there
	}
	if n == nil && e.State != endpoint.Enabled {
		t.behindOf(e, &behind{Replica: otherReplica}, entry.ID)
		return
	}
	if t.inLane(n, m, entry.ID) {
		entry.Life = delivery.LifeOf(m, e.MaxAge)
		d := journal.Unrecorded(entry)
		st := t.stands(&d).Within(d.Ends(e.MaxAge))
		t.elsewhere = append(t.elsewhere, delivery.Waiting{Entry: *entry, Standing: st})
		t.located.add(d)
	}
}

// inLane reports whether a delivery waits in the lane of another process, by what its owner has said;
// false for one that has ended, too long ago for a record of it.
func (t *trace) inLane(n *delivery.Note, m *bus.Message, id string) bool {
	if n != nil {
		at, some := n.Before[m.Partition]
		if some && !at.Reaches(m.Position) || slices.Contains(n.Running, id) {
			return true
		}
	}
	return t.now.Sub(m.Stored) <= recordTime
}

// unread is what lies in front of an event that nobody has looked at yet for an endpoint that is fed
// live, the event too.
func (t *trace) unread(e *endpoint.Endpoint, read, at bus.Position) *behind {
	b := &behind{Behind: &delivery.Behind{About: true, Events: 1}}
	if read.Same(at) {
		b.Events = at.Seq - read.Seq
	}
	if !t.owns(e.ID) {
		b.Replica = otherReplica
	}
	return b
}

func (t *trace) behindOf(e *endpoint.Endpoint, b *behind, id string) {
	t.behind = append(t.behind, behindView{
		Endpoint: e.Name, EndpointID: e.ID, EndpointName: e.Name, Waits: t.waitsBehind(e.ID, t.notes[e.ID]), behind: b, delivery: id,
	})
}

// stillBehind leaves out what has a record, or lies in a lane here.
func (t *trace) stillBehind() []behindView {
	return slices.DeleteFunc(t.behind, func(b behindView) bool {
		if _, recorded := t.Deliveries.Get(b.delivery); recorded {
			return true
		}
		_, here := t.Outbound.Standing(b.EndpointID, b.delivery)
		return here
	})
}

// doubt names whoever is behind and could be meant, as far as the event's type is known by what
// became of it elsewhere.
func (t *trace) doubt() {
	found, _, _ := t.Deliveries.List(journal.Query{Event: t.want.Event, Limit: mostPerPage}) // without a cursor nothing fails
	for _, e := range t.open {
		recorded := slices.ContainsFunc(found, func(d journal.Delivery) bool { return d.Endpoint == e.ID })
		if b := t.look.behind(t.notes[e.ID]); b != nil && !recorded && couldBeFor(e, found) {
			b.Unknown = notFound
			t.behindOf(e, b, "")
		}
	}
}

func couldBeFor(e *endpoint.Endpoint, found []journal.Delivery) bool {
	for i := range found {
		ref := found[i].Entry().Event
		m := bus.Message{
			Topic: ref.Topic, Partition: ref.Partition, Position: ref.Position,
			Event: &event.Event{ID: ref.ID, Source: ref.Source, Type: ref.Type, Subject: ref.Subject},
		}
		if ref.Tenant != "" {
			m.Event.SetExtension(tenant.Attribute, ref.Tenant)
		}
		if e.TakesUnfiltered(&m) { // filters may look at what is not known here
			return true
		}
	}
	return len(found) == 0
}
