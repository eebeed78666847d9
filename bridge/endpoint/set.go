package endpoint

import (
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/topic"
)

// A Set is the registry as it was at one revision. It never changes and may be shared. An
// endpoint whose pointer is the same in two Sets is the same in both.
type Set struct {
	Revision int64 // position of the last record read; bus.NoPosition for an empty log
	all      []*Endpoint
	byID     map[string]*Endpoint
	byName   map[string]*Endpoint
	followed []string // patterns that were ever followed
}

func newSet(revision int64, all []*Endpoint) *Set {
	s := &Set{
		Revision: revision,
		all:      all,
		byID:     make(map[string]*Endpoint, len(all)),
		byName:   make(map[string]*Endpoint, len(all)),
	}
	slices.SortFunc(s.all, func(a, b *Endpoint) int { return strings.Compare(a.Name, b.Name) })
	for _, e := range all {
		s.byID[e.ID] = e
		s.byName[e.Name] = e
	}
	return s
}

// All lists the endpoints by name. The slice is shared: do not change it.
func (s *Set) All() []*Endpoint { return s.all }

// ByID returns nil when there is no such endpoint.
func (s *Set) ByID(id string) *Endpoint { return s.byID[id] }

// ByName returns nil when there is no such endpoint.
func (s *Set) ByName(name string) *Endpoint { return s.byName[name] }

// Find takes an id or a name; nil when there is no such endpoint.
func (s *Set) Find(idOrName string) *Endpoint {
	if e := s.byID[idOrName]; e != nil {
		return e
	}
	return s.byName[idOrName]
}

// Starts says where the following of topics begins. It never changes.
type Starts struct{ list []start }

type start struct {
	pattern string
	topics  topic.Pattern
	from    bus.Positions
}

// Takes reports whether an event is followed: some pattern that matches its topic was in use
// before it was published, or its partition did not exist yet when the pattern's use began.
func (s *Starts) Takes(p bus.Partition, at bus.Position, name string) bool {
	for i := range s.list {
		if behind(s.list[i].from, p, at) && s.list[i].topics.Match(name) {
			return true
		}
	}
	return false
}

// Positions is where a follower begins that has no place of its own. A partition that is not
// named begins at its first event. Where several patterns began at different places the
// follower begins at the earliest and asks Takes.
func (s *Starts) Positions() bus.Positions {
	out := bus.Positions{}
	for i, st := range s.list {
		for p, pos := range st.from {
			if have, ok := out[p]; i == 0 || ok && have.Same(pos) && pos.Seq < have.Seq {
				out[p] = pos
			}
		}
		for p, have := range out { // unknown to this pattern, or another incarnation: from the first event
			if pos, ok := st.from[p]; !ok || !pos.Same(have) {
				delete(out, p)
			}
		}
	}
	return out
}
