package statelog

import (
	"maps"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// State is what the records of a shard's log amount to. An entry is replaced and never changed:
// the engine holds the same one.
type State struct {
	Entries   map[string]*delivery.Entry
	Positions bus.Positions
	Feeds     map[string]map[string]Feed
	Failing   map[string]int64
	Held      map[string]Hold
	Spent     map[string]Spent
	Breakers  map[string]Breaker
	Jobs      map[string]*Job
	Revision  int64
	Journal   int64
	Commands  int64
	HandOver  bool
}

// NewState is that of an empty log.
func NewState() State {
	return State{
		Entries: map[string]*delivery.Entry{}, Positions: bus.Positions{},
		Feeds: map[string]map[string]Feed{}, Failing: map[string]int64{}, Held: map[string]Hold{}, Breakers: map[string]Breaker{}, Jobs: map[string]*Job{},
		Revision: bus.NoPosition, Journal: bus.NoPosition, Commands: bus.NoPosition,
	}
}

// apply takes a delta in.
func (s *State) apply(r *Record) {
	for _, e := range r.Put {
		s.Entries[e.ID] = e
	}
	for _, id := range r.Remove {
		delete(s.Entries, id)
	}
	maps.Copy(s.Positions, r.Positions)
	for ep, parts := range r.Feeds {
		for p, f := range parts {
			s.setFeed(ep, p, f)
		}
	}
	for ep, since := range r.Failing {
		if since == 0 {
			delete(s.Failing, ep)
		} else {
			s.Failing[ep] = since
		}
	}
	for ep, h := range r.Held {
		if h == (Hold{}) {
			delete(s.Held, ep)
		} else {
			s.Held[ep] = h
		}
	}
	s.applySpent(r.Spent)
	for ep, b := range r.Breakers {
		if b == (Breaker{}) {
			delete(s.Breakers, ep)
		} else {
			s.Breakers[ep] = b
		}
	}
	for id, j := range r.Jobs {
		if j == nil {
			delete(s.Jobs, id)
		} else {
			s.Jobs[id] = j
		}
	}
	s.Revision, s.Journal, s.Commands, s.HandOver = r.Revision, r.Journal, r.Commands, r.HandOver
}

// setFeed leaves maps that were handed out as they are.
func (s *State) setFeed(ep, p string, f Feed) {
	parts := maps.Clone(s.Feeds[ep])
	if parts == nil {
		parts = map[string]Feed{}
	}
	if parts[p] = f; f.isDefault() {
		delete(parts, p)
	}
	if s.Feeds[ep] = parts; len(parts) == 0 {
		delete(s.Feeds, ep)
	}
}

// Clone is a copy that can be changed.
func (s *State) Clone() State {
	c := *s
	c.Entries, c.Positions = maps.Clone(s.Entries), maps.Clone(s.Positions)
	c.Feeds, c.Failing, c.Held = maps.Clone(s.Feeds), maps.Clone(s.Failing), maps.Clone(s.Held)
	c.Breakers = maps.Clone(s.Breakers)
	c.Jobs = maps.Clone(s.Jobs)
	return c
}

// Places are the state's positions in a partition: those of the live feed, since, and those of
// ranges and replays.
func (s *State) Places(p bus.Partition) []bus.Position {
	var all []bus.Position
	if at, ok := s.Positions[p]; ok {
		all = append(all, at)
	}
	for _, parts := range s.Feeds {
		f := parts[string(p)]
		if f.Since != nil {
			all = append(all, *f.Since)
		}
		for _, r := range f.Ranges {
			if all = append(all, r.From); r.To != nil {
				all = append(all, *r.To)
			}
		}
	}
	for _, j := range s.Jobs {
		if r, ok := j.Ranges[string(p)]; ok && r.To != nil {
			all = append(all, r.From, *r.To)
		}
	}
	return all
}

// Move maps every place of a partition by to, which reports false for one of an earlier
// incarnation; ranges of that are void.
func (s *State) Move(p bus.Partition, to func(bus.Position) (bus.Position, bool)) {
	if at, ok := s.Positions[p]; ok {
		s.Positions[p], _ = to(at)
	}
	for ep, parts := range s.Feeds {
		if had, ok := parts[string(p)]; ok {
			s.setFeed(ep, string(p), had.moved(to))
		}
	}
	for id, j := range s.Jobs {
		s.Jobs[id] = j.moved(p, to)
	}
}

// Needs is, by partition, the place before the oldest event that the state still refers
// to, by a position, a range or an entry, but for endpoints that are left out.
func (s *State) Needs(out func(endpoint string) bool) bus.Positions {
	low := maps.Clone(s.Positions)
	lower := func(p bus.Partition, at bus.Position) {
		if have, ok := low[p]; ok && have.Same(at) && at.Seq < have.Seq {
			low[p] = at
		}
	}
	for ep, parts := range s.Feeds {
		if out(ep) {
			continue
		}
		for p, f := range parts {
			for _, r := range f.Ranges {
				lower(bus.Partition(p), r.From)
			}
		}
	}
	for _, j := range s.Jobs {
		if j.State.Over() || out(j.Endpoint) {
			continue
		}
		for p, r := range j.Ranges {
			lower(bus.Partition(p), r.From)
		}
	}
	for _, e := range s.Entries {
		if out(e.Endpoint) {
			continue
		}
		at := e.Event.Position
		at.Seq--
		lower(e.Event.Partition, at)
	}
	return low
}
