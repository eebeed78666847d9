package dispatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	noteAge     = time.Second      // that something has waited or run when it is told
	noteCounted = 10 * time.Second // between two notes that differ in numbers only
	noteAgain   = time.Minute      // between two that say the same
	notesPerS   = 10               // of a shard that has many, about
	noteRunning = 100              // attempts that one note names
)

// A Note is what an endpoint's owner says of its lane. Others hear of it through the journal,
// within a second or two where something changed; nothing that is delivered depends on it.
type Note struct {
	Endpoint string    `json:"e"`
	At       time.Time `json:"at"`

	Behind *Behind   `json:"b,omitempty"` // nil: fed live
	Held   time.Time `json:"h,omitzero"`  // nothing is sent before
	HeldBy HeldBy    `json:"hb,omitempty"`

	// Waits says why what lies in the lane is not attempted; "" while nothing does for long.
	Waits Cause     `json:"w,omitempty"`
	Until time.Time `json:"u,omitzero"`

	Running []string `json:"run,omitempty"` // deliveries whose attempt takes long
	// Before is the place in front of the oldest event in the lane that is not finished, Reached
	// where an endpoint that is not fed live has been brought to.
	Before  bus.Positions `json:"f,omitempty"`
	Reached bus.Positions `json:"p,omitempty"`
}

// Empty: the lane just delivers.
func (n Note) Empty() bool {
	return n.Behind == nil && n.Held.IsZero() && n.Waits == "" && len(n.Running) == 0
}

// like reports whether both say the same, but for numbers and times.
func (n *Note) like(m *Note) bool {
	if (n.Behind == nil) != (m.Behind == nil) || n.Behind != nil && n.Behind.About != m.Behind.About {
		return false
	}
	return n.Held.Equal(m.Held) && n.HeldBy == m.HeldBy && n.Waits == m.Waits && slices.Equal(n.Running, m.Running)
}

// Note says what there is to say of an endpoint of a shard that this process owns; nil for
// another's.
func (d *Dispatcher) Note(endpointID string) *Note {
	s := d.shard(ShardOf(endpointID, d.total()))
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[endpointID]
	if l == nil {
		return nil
	}
	n := l.note(time.Now())
	return &n
}

func (l *lane) note(now time.Time) Note {
	n := Note{Endpoint: l.ep.ID, At: now, Behind: l.behind()}
	if l.hold.until.After(now) {
		n.Held, n.HeldBy = l.hold.until, l.hold.by
	}
	for d := range l.running {
		if now.Sub(d.began) > noteAge && len(n.Running) < noteRunning {
			n.Running = append(n.Running, d.ID)
		}
	}
	slices.Sort(n.Running)
	l.skipForgotten()
	if l.fresh > 0 {
		if d := *l.queue.front(); now.Sub(d.at) > noteAge {
			st := l.standing(d, 0, now)
			n.Waits, n.Until = st.Waits, st.Until
		}
	}
	if n.Empty() {
		return n
	}
	n.places(l)
	return n
}

// places says what of the partitions is in the lane: whoever has no record of an event finds
// out by it whether the event waits.
func (n *Note) places(l *lane) {
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
	for p, pl := range l.places {
		before(p, &pl.out)
		for _, c := range pl.ranges {
			before(p, &c.out)
			if at, ok := n.Reached[p]; !c.done() && (!ok || c.c.Seq < at.Seq) {
				n.Reached[p] = c.c
			}
		}
	}
}

// A told is the last note about a lane.
type told struct {
	note Note
	at   time.Time
}

// covers: the next note need not be told yet. One that differs in numbers only waits for counted.
func (t *told) covers(n *Note, counted time.Duration) bool {
	since := n.At.Sub(t.at)
	switch {
	case !n.like(&t.note):
		return since < noteAge
	case n.Behind != nil && n.Behind.Events != t.note.Behind.Events:
		return since < counted
	}
	return since < max(noteAgain, counted)
}

// notes are those that others have to hear of now.
func (s *shard) notes(now time.Time) (all []Note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counted := max(noteCounted, time.Duration(len(s.told)/notesPerS)*time.Second)
	for id, l := range s.lanes {
		n := l.note(now)
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

var noteMark = []byte(`{"note":`)

// appendNotes writes notes behind the attempts of a batch, a line each.
func appendNotes(b []byte, notes []Note) []byte {
	for i := range notes {
		line, _ := json.Marshal(&notes[i]) // strings, numbers and times always marshal
		b = append(append(append(b, noteMark...), line...), "}\n"...)
	}
	return b
}

// DecodeNotes hands over the notes of a batch of the journal, in order.
func DecodeNotes(data []byte, each func(Note)) error {
	if !bytes.Contains(data, noteMark) {
		return nil
	}
	return lines(data, func(line []byte) error {
		if !bytes.HasPrefix(line, noteMark) {
			return nil
		}
		var n struct{ Note Note }
		if err := json.Unmarshal(line, &n); err != nil {
			return fmt.Errorf("decode a note of the journal: %w", err)
		}
		each(n.Note)
		return nil
	})
}
