package admin

import (
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
)

// Shards tells which slices of the endpoints this process owns.
type Shards interface {
	// Owned lists the shards that this process owns now, in order; all is how many there are.
	Owned() (owned []int, all int)
}

// Lanes is what the API needs of the endpoints' lanes in the shards that this process owns.
type Lanes interface {
	// Note is nil for an endpoint of another process.
	Note(endpointID string) *delivery.Note
	// Standing is false for a delivery that is not pending here.
	Standing(endpointID, delivery string) (delivery.Standing, bool)
	// Read is how far what was published was looked at for an endpoint; nil for one of another process.
	Read(endpointID string) bus.Positions
	// Waiting lists pending deliveries, as wanted, in no order.
	Waiting(wants func(*delivery.Entry) bool) []delivery.Waiting
}

// A behind is what readers have still to bring to an endpoint.
type behind struct {
	*delivery.Behind
	Replica string `json:"replica,omitempty"` // "other" when what another replica said last is shown
	Unknown string `json:"unknown,omitempty"` // why it is not certain that there is anything
}

const otherReplica = "other"

// A look is one request's view of the lanes, also of those that other replicas own.
type look struct {
	*api
	now   time.Time
	owned []int
	all   int

	elsewhere []delivery.Waiting // in lanes of others, of the event that is looked for
}

func (a *api) look() *look {
	l := &look{api: a, now: time.Now()}
	if a.Shards != nil {
		l.owned, l.all = a.Shards.Owned()
	}
	return l
}

// owns: this process knows all about the endpoint.
func (l *look) owns(endpointID string) bool {
	return l.Shards == nil || slices.Contains(l.owned, delivery.ShardOf(endpointID, l.all))
}

// note is what there is to say of an endpoint's lane; nil for one that just delivers, as far as
// this process has heard.
func (l *look) note(endpointID string) *delivery.Note {
	if l.owns(endpointID) {
		return l.Outbound.Note(endpointID)
	}
	if n, ok := l.heard(endpointID); ok && !n.Empty() {
		return &n
	}
	return nil
}

// heard is what the owner of an endpoint of another process has said last.
func (l *look) heard(endpointID string) (delivery.Note, bool) {
	n, ok := l.Deliveries.Note(endpointID)
	if ok && l.all > 0 && l.shardNote(endpointID).Taken.After(n.At) {
		return delivery.Note{}, false // it was the owner before
	}
	return n, ok
}

func (l *look) shardNote(endpointID string) delivery.Note {
	if l.all == 0 {
		return delivery.Note{}
	}
	n, _ := l.Deliveries.Note(delivery.ShardNote(delivery.ShardOf(endpointID, l.all)))
	return n
}

// read is how far what was published was looked at for an endpoint, of another process as far as it has
// said: up to some seconds ago, or until it went.
func (l *look) read(endpointID string) bus.Positions {
	if l.owns(endpointID) {
		return l.Outbound.Read(endpointID)
	}
	return l.shardNote(endpointID).Read
}

// queued is how many deliveries wait for their first attempt in a lane of another process, by what its
// owner has said: they have no record, and are no items of any list.
func (l *look) queued(endpointID string) int64 {
	if n := l.note(endpointID); n != nil && !l.owns(endpointID) {
		return n.Queued
	}
	return 0
}

// behind is nil for an endpoint that has been brought everything and is fed live.
func (l *look) behind(n *delivery.Note) *behind {
	if n == nil || n.Behind == nil {
		return nil
	}
	b := &behind{Behind: n.Behind}
	if !l.owns(n.Endpoint) {
		b.Replica = otherReplica
	}
	return b
}

// waitsBehind is why what an endpoint was not brought yet is not sent.
func (l *look) waitsBehind(endpointID string, n *delivery.Note) delivery.Cause {
	switch waits := l.stopped(endpointID); {
	case waits != "":
		return waits
	case n != nil && n.Breaker != nil:
		return delivery.WaitsBreaker
	}
	return delivery.WaitsBehind
}

// held says until when an endpoint is held, and by what.
func (l *look) held(n *delivery.Note) (time.Time, delivery.HeldBy) {
	if n == nil || !n.Held.After(l.now) {
		return time.Time{}, ""
	}
	return n.Held.UTC(), n.HeldBy
}

// breaker is what an endpoint's breaker does.
func (l *look) breaker(n *delivery.Note) delivery.Breaker {
	if n == nil || n.Breaker == nil {
		return delivery.Breaker{State: delivery.BreakerClosed}
	}
	b := *n.Breaker
	b.Since = b.Since.UTC()
	if !b.NextProbe.IsZero() {
		b.NextProbe = b.NextProbe.UTC()
	}
	return b
}

// stands says where a pending delivery stands.
func (l *look) stands(d *journal.Delivery) delivery.Standing { return l.asSaid(d).At(l.now) }

// asSaid is the word of its endpoint's owner, which may be a minute old.
func (l *look) asSaid(d *journal.Delivery) delivery.Standing {
	if l.owns(d.Endpoint) {
		if st, ok := l.Outbound.Standing(d.Endpoint, d.ID); ok {
			return st
		}
	}
	st := delivery.Standing{Due: d.Due(l.heard(d.Endpoint))}
	if st.Waits = l.stopped(d.Endpoint); st.Waits != "" {
		return st
	}
	n := l.note(d.Endpoint)
	held, _ := l.held(n)
	switch {
	case n != nil && slices.Contains(n.Running, d.ID) && d.AttemptedBefore(n.At):
		st.Waits, st.Due = delivery.WaitsRunning, time.Time{}
	case n != nil && n.Breaker != nil && (!st.Due.After(l.now) || n.Breaker.NextProbe.After(st.Due)):
		st.Waits, st.Until = delivery.WaitsBreaker, n.Breaker.NextProbe
		if st.Until.After(st.Due) {
			st.Due = st.Until
		}
	case !held.IsZero() && !held.Before(st.Due):
		st.Waits, st.Until, st.Due = delivery.WaitsLimited, held, held
	case st.Due.After(l.now):
		st.Waits, st.Until = delivery.WaitsRetry, st.Due
	case n != nil && n.Waits != "":
		st.Waits, st.Until = n.Waits, n.Until
		if !st.Due.IsZero() && n.Until.After(st.Due) { // it was due, and there was no room
			st.Due = n.Until
		}
	default:
		st.Waits = delivery.WaitsRunning
	}
	return st
}

// stopped is why nothing is sent to an endpoint at all; "" where something is.
func (l *look) stopped(endpointID string) delivery.Cause {
	e := l.Registry.Set().ByID(endpointID)
	switch {
	case e == nil, e.State == endpoint.Enabled:
		return ""
	case e.State == endpoint.Disabled:
		return delivery.WaitsDisabled
	}
	return delivery.WaitsPaused
}
