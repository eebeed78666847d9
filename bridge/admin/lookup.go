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
}

// A trace is what is known of an event that some endpoints have no record of.
type trace struct {
	*look
	found   []deliveryView       // the records that there are
	open    []*endpoint.Endpoint // that have none, and where it may wait
	notes   map[string]*delivery.Note
	read    map[string]bus.Positions // by endpoint, before anything was looked up
	waiting []deliveryView
	behind  []behindView
}

// trace begins to look for an event, for the endpoint and the tenant that are named, or all. What is
// read from now on is found in a lane or has a record by the time that those are looked at.
func (l *look) trace(want journal.Query) *trace {
	t := &trace{look: l, notes: map[string]*delivery.Note{}, read: map[string]bus.Positions{}}
	for _, e := range l.Registry.Set().All() {
		if want.Endpoint != "" && e.ID != want.Endpoint || want.Tenant != "" && !e.MayTakeOf(want.Tenant) {
			continue
		}
		t.open, t.read[e.ID] = append(t.open, e), l.read(e.ID)
	}
	return t
}

// follow looks for it among what waits. Of those in found there is a record.
func (t *trace) follow(ctx context.Context, want journal.Query, found []deliveryView) {
	t.found = found
	t.open = slices.DeleteFunc(t.open, func(e *endpoint.Endpoint) bool {
		return slices.ContainsFunc(found, func(d deliveryView) bool { return d.EndpointID == e.ID })
	})
	if len(t.open) == 0 {
		return
	}
	for _, e := range t.open {
		t.notes[e.ID] = t.note(e.ID)
	}
	ctx, end := context.WithTimeout(ctx, lookTime)
	defer end()
	from, since := t.reach()
	messages, whole := t.Events.Locate(ctx, want.Event, from, since)
	for i := range messages {
		if want.Tenant != "" && messages[i].Tenant != want.Tenant {
			continue
		}
		for _, e := range t.open {
			if t.Events.IsFor(e, &messages[i]) {
				t.place(e, &messages[i])
			}
		}
	}
	if len(messages) == 0 && !whole {
		t.doubt()
	}
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
func (t *trace) place(e *endpoint.Endpoint, m *bus.Message) {
	n := t.notes[e.ID]
	if n != nil && n.Behind != nil {
		if at, ok := n.Reached[m.Partition]; ok && !at.Reaches(m.Position) {
			t.behindOf(e, t.look.behind(n))
			return
		}
	}
	if at, ok := t.read[e.ID][m.Partition]; ok && !at.Reaches(m.Position) {
		t.behindOf(e, t.unread(e, at, m.Position))
		return
	}
	if t.owns(e.ID) {
		return // what is in its lane was found there
	}
	if n == nil && e.State != endpoint.Enabled {
		t.behindOf(e, &behind{Replica: otherReplica})
		return
	}
	entry, st := delivery.EntryOf(e.ID, m), delivery.Standing{Waits: delivery.WaitsRunning}
	handed, running := false, false // and not finished, by what the owner said
	if n != nil {
		at, some := n.Before[m.Partition]
		handed, running = some && !at.Reaches(m.Position), slices.Contains(n.Running, entry.ID)
	}
	switch {
	case running:
	case handed && n.Waits != "":
		st.Waits, st.Until = n.Waits, n.Until
	case !handed && t.now.Sub(m.Stored) > recordTime:
		return // it ended, too long ago for a record of it
	}
	d := journal.Unrecorded(&entry)
	t.located.add(d)
	t.waiting = append(t.waiting, t.view(d, st))
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

func (t *trace) behindOf(e *endpoint.Endpoint, b *behind) {
	t.behind = append(t.behind, behindView{Endpoint: e.Name, EndpointID: e.ID, EndpointName: e.Name, Waits: t.waitsBehind(e.ID, t.notes[e.ID]), behind: b})
}

// doubt names whoever is behind and could be meant, as far as the event's type is known by what
// became of it elsewhere.
func (t *trace) doubt() {
	for _, e := range t.open {
		if b := t.look.behind(t.notes[e.ID]); b != nil && t.couldBeFor(e) {
			b.Unknown = notFound
			t.behindOf(e, b)
		}
	}
}

func (t *trace) couldBeFor(e *endpoint.Endpoint) bool {
	for i := range t.found {
		ref := t.found[i].Entry().Event
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
	return len(t.found) == 0
}
