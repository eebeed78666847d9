package dispatch

import (
	"maps"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

const (
	noteAge     = time.Second      // that something has waited or run when it is told
	noteCounted = 10 * time.Second // between two notes that differ in numbers only
	noteAgain   = time.Minute      // between two that say the same
	notesPerS   = 10               // of a shard that has many, about
	noteRunning = 100              // attempts that one note names

	partitionsPerS = 10 // whose places a shard tells of, about
)

// Note says what there is to say of an endpoint of a shard that this process owns; nil for
// another's.
func (d *Dispatcher) Note(endpointID string) *delivery.Note {
	s := d.owned.shard(delivery.ShardOf(endpointID, d.owned.total()))
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[endpointID]
	if l == nil {
		return nil
	}
	n := laneView{l}.note(time.Now())
	return &n
}

func (l laneView) note(now time.Time) delivery.Note {
	n := delivery.Note{Endpoint: l.ep.ID, At: now, Behind: l.behind(), Breaker: l.breakerView()}
	if l.hold.until.After(now) {
		n.Held, n.HeldBy = l.hold.until, l.hold.by
	}
	for d := range l.running {
		if now.Sub(d.began) > noteAge && len(n.Running) < noteRunning {
			n.Running = append(n.Running, d.ID)
		}
	}
	slices.Sort(n.Running)
	if d := l.late(now); d != nil {
		st := l.standing(d, 0, now)
		if n.Waits, n.Until = st.Waits, st.Until; d.status == queued {
			n.Queued = int64(l.fresh)
		}
	}
	if n.Empty() {
		return n
	}
	l.notePlaces(&n)
	return n
}

// late is what should have been attempted by now: the first that waits for its first attempt, or the
// first retry that is due. Nil where there is nothing, or it is known to everybody why.
func (l laneView) late(now time.Time) *pendingDelivery {
	if l.skipForgotten(); l.queue.len() > 0 {
		if d := *l.queue.front(); now.Sub(d.Created) > noteAge {
			return d
		}
	}
	if len(l.waiting) > 0 && l.stopped() == "" {
		if d := l.waiting[0]; now.Sub(d.Due) > noteAge {
			return d
		}
	}
	return nil
}

// notePlaces says what of the partitions is in the lane: whoever has no record of an event finds
// out by it whether the event waits.
func (l laneView) notePlaces(n *delivery.Note) {
	n.Before, n.Reached = bus.Positions{}, bus.Positions{}
	before := func(p bus.Partition, q *fifo[handed]) {
		for i := range q.all() {
			h := &q.all()[i]
			if h.settled() {
				continue
			}
			if at, ok := n.Before[p]; !ok || h.before.Seq < at.Seq {
				n.Before[p] = h.before
			}
			return
		}
	}
	for p, pl := range l.feeds {
		before(p, &pl.out)
		for _, c := range pl.ranges {
			before(p, &c.out)
			if at, ok := n.Reached[p]; !c.done() && (!ok || c.read.Seq < at.Seq) {
				n.Reached[p] = c.read
			}
		}
	}
}

// alike reports whether two notes say the same, but for numbers and times.
func alike(n, m *delivery.Note) bool {
	if (n.Behind == nil) != (m.Behind == nil) || n.Behind != nil && n.Behind.About != m.Behind.About {
		return false
	}
	if (n.Breaker == nil) != (m.Breaker == nil) || n.Breaker != nil && *n.Breaker != *m.Breaker {
		return false
	}
	return n.Held.Equal(m.Held) && n.HeldBy == m.HeldBy && n.Waits == m.Waits && slices.Equal(n.Running, m.Running)
}

// A told is the last note about a lane.
type told struct {
	note delivery.Note
	at   time.Time
}

// covers: the next note need not be told yet. One that differs in numbers only waits for counted.
func (t *told) covers(n *delivery.Note, counted time.Duration) bool {
	since := n.At.Sub(t.at)
	switch {
	case !alike(n, &t.note):
		return since < noteAge
	case n.Behind != nil && n.Behind.Events != t.note.Behind.Events, n.Queued != t.note.Queued:
		return since < counted
	}
	return since < max(noteAgain, counted)
}

// reading is where the shard's feed has come to, nil while there is nothing to tell: it has not moved,
// or that was told a while ago. An owner's first ends what the one before has said, also of lanes that
// just deliver.
func (s *shard) reading(now time.Time) []delivery.Note {
	often := max(noteCounted, time.Duration(len(s.read)/partitionsPerS)*time.Second)
	switch {
	case s.shown.Taken.IsZero():
		s.shown.Taken = now
	case now.Sub(s.shown.At) < often, maps.Equal(s.shown.Read, s.read):
		return nil
	}
	s.shown.Endpoint, s.shown.At, s.shown.Read = delivery.ShardNote(s.id), now, maps.Clone(s.read)
	return []delivery.Note{s.shown}
}

// notes are those that others have to hear of now.
func (s *shard) notes(now time.Time) (all []delivery.Note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counted := max(noteCounted, time.Duration(len(s.told)/notesPerS)*time.Second)
	all = s.reading(now)
	for id, l := range s.lanes {
		n := laneView{l}.note(now)
		was, some := s.told[id]
		if !some && n.Empty() || some && was.covers(&n, counted) {
			continue
		}
		if s.told[id] = (told{n, now}); n.Empty() {
			delete(s.told, id)
		}
		all = append(all, n)
	}
	for id := range s.told {
		if s.lanes[id] == nil {
			delete(s.told, id)
		}
	}
	return all
}
