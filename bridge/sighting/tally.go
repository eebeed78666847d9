package sighting

import (
	"strings"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// Bounds of a Tally.
const (
	mostTypes   = 2000
	mostSources = 16
	mostTopics  = 8
	mostForms   = 4   // content types and schemas of a type
	longest     = 512 // bytes of a type that is known by its name
	longestName = 256 // of a source and whatever else is kept of a type
)

// Reach is how far a gap may be, in sequences, that is left to whoever looks at what is stored. What
// lies beyond a longer one is counted at once, and the gap as missed: nobody looks into it, and the
// stretch reaches over it.
const Reach = 100_000

// A Tally of the types that were seen.
type Tally struct {
	mu       sync.Mutex
	types    map[string]*seen
	stretch  map[bus.Partition]*stretch
	events   int64
	missed   int64 // sequences that were passed over
	unlisted int64 // events of types beyond the bound
}

// New has seen nothing.
func New() *Tally {
	return &Tally{types: map[string]*seen{}, stretch: map[bus.Partition]*stretch{}}
}

// A seen type.
type seen struct {
	count       int64
	first, last time.Time
	newest      Place
	sources     names
	topics      names
	contents    names
	schemas     names
}

// A Place is where an event lies.
type Place struct {
	Partition bus.Partition
	Position  bus.Position
}

// A stretch is what of a partition was counted: (from, at].
type stretch struct {
	from, at bus.Position
	whole    bool
	first    int64     // the first that was stored when it was found out whether that is whole
	since    time.Time // when the oldest event in it was stored; zero while there is none
	replaced string    // the incarnation that it took the place of; a reader may bring that once more
}

// names are a few different texts in the order in which they came.
type names struct {
	list []string
	more bool // there are others
}

// add keeps a copy: what is seen is part of a message.
func (n *names) add(name string, most int) {
	for i := range n.list {
		if n.list[i] == name {
			return
		}
	}
	switch {
	case name == "":
	case len(n.list) == most || len(name) > longestName:
		n.more = true
	default:
		n.list = append(n.list, strings.Clone(name))
	}
}

// Take counts the messages of a batch, (before, end] of a partition, that lie behind what was counted
// of it. Where the batch does not follow that, see Reach. A partition of which nothing was counted, or
// another incarnation, begins at before; the incarnation that was replaced counts no more. The messages
// are not kept.
func (t *Tally) Take(p bus.Partition, before, end bus.Position, messages []bus.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.begin(p, before)
	if s == nil || end.Seq <= s.at.Seq {
		return
	}
	if gap := before.Seq - s.at.Seq; gap > Reach {
		t.missed += gap
	} else if gap > 0 {
		return
	}
	for i := range messages {
		m := &messages[i]
		if m.Position.Seq <= s.at.Seq || m.Fault != "" || delivery.IsMark(m.Event) {
			continue
		}
		if s.since.IsZero() {
			s.since = m.Stored
		}
		t.count(m)
	}
	s.at = end
}

// begin is the stretch of a partition, which is empty at a place when there is none; nil where the place
// is of the incarnation that was replaced. The caller holds the lock.
func (t *Tally) begin(p bus.Partition, at bus.Position) *stretch {
	s := t.stretch[p]
	switch {
	case s == nil:
		s = &stretch{from: at, at: at}
	case s.at.Same(at):
		return s
	case s.replaced == at.Identity:
		return nil
	default:
		s = &stretch{from: at, at: at, replaced: s.at.Identity}
	}
	t.stretch[p] = s
	return s
}

func (t *Tally) count(m *bus.Message) {
	t.events++
	e := m.Event
	x := t.types[e.Type]
	if x == nil {
		if len(t.types) == mostTypes || len(e.Type) > longest {
			t.unlisted++
			return
		}
		x = &seen{first: m.Stored}
		t.types[strings.Clone(e.Type)] = x
	}
	x.count++
	if m.Stored.Before(x.first) {
		x.first = m.Stored
	}
	if !m.Stored.Before(x.last) {
		x.last, x.newest = m.Stored, Place{m.Partition, m.Position}
	}
	x.sources.add(e.Source, mostSources)
	x.topics.add(m.Topic, mostTopics)
	x.contents.add(e.DataContentType, mostForms)
	x.schemas.add(e.DataSchema, mostForms)
}

// A Stretch is what of a partition was counted: (From, At].
type Stretch struct {
	From, At bus.Position
	Whole    bool // what lies before it was looked at, and as much of it counted as shall be
}

// Places are up to where each partition was counted.
func (t *Tally) Places() map[bus.Partition]bus.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	places := make(map[bus.Partition]bus.Position, len(t.stretch))
	for p, s := range t.stretch {
		places[p] = s.at
	}
	return places
}

// Begin takes what the bus says that a partition holds, and returns the stretch that was counted of it:
// an empty one at its end, where nothing was. The partition was cut back where it ends before the place
// up to which it was counted before the bus was asked; a reader may have gone further since. It reports
// false for an incarnation that was replaced.
func (t *Tally) Begin(span bus.Span, before bus.Position) (Stretch, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.begin(span.Partition, span.End)
	if s == nil {
		return Stretch{}, false
	}
	if before.Same(span.End) && before.Seq > span.End.Seq {
		s.at = span.End
	}
	if s.from.Seq > s.at.Seq {
		s.from = s.at
	}
	if !s.whole {
		s.first = span.First
	}
	return Stretch{s.from, s.at, s.whole}, true
}

// Skip passes over what lies between what was counted of a partition and a place.
func (t *Tally) Skip(p bus.Partition, to bus.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.begin(p, to); s != nil && s.at.Seq < to.Seq {
		t.missed += to.Seq - s.at.Seq
		s.at = to
	}
}

// Prepend adds what another tally has counted of (from, to] of a partition, where to is the beginning
// of what this one has counted. Nothing more can be put in front of that.
func (t *Tally) Prepend(p bus.Partition, from, to bus.Position, earlier *Tally) {
	earlier.mu.Lock()
	defer earlier.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stretch[p]
	if s == nil || !s.from.Same(to) || s.from.Seq != to.Seq {
		return // made anew meanwhile
	}
	s.from, s.whole = from, true
	if e := earlier.stretch[p]; e != nil && !e.since.IsZero() {
		s.since = e.since
	}
	t.events += earlier.events
	t.unlisted += earlier.unlisted
	for kind, old := range earlier.types {
		t.merge(kind, old)
	}
}

func (t *Tally) merge(kind string, old *seen) {
	x := t.types[kind]
	if x == nil {
		if len(t.types) == mostTypes {
			t.unlisted += old.count
			return
		}
		t.types[kind] = old
		return
	}
	x.count += old.count
	if old.first.Before(x.first) {
		x.first = old.first
	}
	if old.last.After(x.last) {
		x.last, x.newest = old.last, old.newest
	}
	for _, n := range [...]struct {
		to, from *names
		most     int
	}{{&x.sources, &old.sources, mostSources}, {&x.topics, &old.topics, mostTopics}, {&x.contents, &old.contents, mostForms}, {&x.schemas, &old.schemas, mostForms}} {
		for _, name := range n.from.list {
			n.to.add(name, n.most)
		}
		n.to.more = n.to.more || n.from.more
	}
}
