package dispatch

import (
	"maps"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// stateVersion is the format of a shard's state records.
const stateVersion = 1

// kind tells the records of a state log apart.
type kind string

const (
	kindClaim kind = "claim"
	kindDelta kind = "delta"
	kindBegin kind = "begin"
	kindChunk kind = "chunk"
	kindEnd   kind = "end"
)

// A record is one record of a shard's state log. A delta names what changed; a begin names
// all of the same fields as they were.
type record struct {
	Version int  `json:"v"`
	Kind    kind `json:"k"`

	Put       []delivery.Entry           `json:"put,omitempty"`    // delta, chunk
	Remove    []string                   `json:"rem,omitempty"`    // delta: delivery ids
	Positions bus.Positions              `json:"pos,omitempty"`    // of the live feed; merged, those not named stay
	Feeds     map[string]map[string]feed `json:"feeds,omitempty"`  // endpoint, partition; a default feed removes the entry
	Failing   map[string]int64           `json:"fail,omitempty"`   // endpoint: fails since, unix ns; 0 ends it
	Held      map[string]held            `json:"held,omitempty"`   // endpoint: as a difference, too
	Revision  int64                      `json:"rev,omitempty"`    // of the registry, as taken up by the lanes
	Journal   int64                      `json:"jrn,omitempty"`    // read the journal behind this place
	Commands  int64                      `json:"cmd,omitempty"`    // the last command acted on
	HandOver  bool                       `json:"handed,omitempty"` // nothing runs any more

	Begin  int64 `json:"begin,omitempty"`  // chunk, end: position of their begin
	Chunks int   `json:"chunks,omitempty"` // end: how many there are
}

// A feed says how one endpoint is fed from one partition. The zero value is the default:
// live from the shard's positions.
type feed struct {
	Behind bool          `json:"behind,omitempty"` // not live
	Since  *bus.Position `json:"since,omitempty"`  // live only behind this place
	Ranges []stretch     `json:"ranges,omitempty"`
}

func (f feed) isDefault() bool { return !f.Behind && f.Since == nil && len(f.Ranges) == 0 }

// A stretch is a range (A, B] that a catch-up reader feeds.
type stretch struct {
	A bus.Position  `json:"a"`
	B *bus.Position `json:"b,omitempty"` // nil: open, until the endpoint joins
	// Base is the registry revision whose list took its events already: they are not for
	// this range. 0: none.
	Base int64 `json:"base,omitempty"`
}

// state is what the records of a shard's log amount to.
type state struct {
	entries   map[string]delivery.Entry
	positions bus.Positions
	feeds     map[string]map[string]feed
	failing   map[string]int64
	held      map[string]held
	revision  int64
	journal   int64
	commands  int64
	handOver  bool

	deltas int // applied since the log's root or its snapshot
}

func newState() state {
	return state{
		entries: map[string]delivery.Entry{}, positions: bus.Positions{},
		feeds: map[string]map[string]feed{}, failing: map[string]int64{}, held: map[string]held{},
		revision: bus.NoPosition, journal: bus.NoPosition, commands: bus.NoPosition,
	}
}

// apply takes a delta in.
func (s *state) apply(r *record) {
	for _, e := range r.Put {
		s.entries[e.ID] = e
	}
	for _, id := range r.Remove {
		delete(s.entries, id)
	}
	maps.Copy(s.positions, r.Positions)
	for ep, parts := range r.Feeds {
		for p, f := range parts {
			s.setFeed(ep, p, f)
		}
	}
	for ep, since := range r.Failing {
		if since == 0 {
			delete(s.failing, ep)
		} else {
			s.failing[ep] = since
		}
	}
	for ep, h := range r.Held {
		if h == (held{}) {
			delete(s.held, ep)
		} else {
			s.held[ep] = h
		}
	}
	s.revision, s.journal, s.commands, s.handOver = r.Revision, r.Journal, r.Commands, r.HandOver
	s.deltas++
}

// setFeed leaves maps that were handed out as they are.
func (s *state) setFeed(ep, p string, f feed) {
	parts := maps.Clone(s.feeds[ep])
	if parts == nil {
		parts = map[string]feed{}
	}
	if parts[p] = f; f.isDefault() {
		delete(parts, p)
	}
	if s.feeds[ep] = parts; len(parts) == 0 {
		delete(s.feeds, ep)
	}
}

// clone is a copy that can be changed.
func (s *state) clone() state {
	c := *s
	c.entries, c.positions = maps.Clone(s.entries), maps.Clone(s.positions)
	c.feeds, c.failing, c.held = maps.Clone(s.feeds), maps.Clone(s.failing), maps.Clone(s.held)
	return c
}

// places are the state's positions in a partition: those of the live feed, since, A and B.
func (s *state) places(p bus.Partition) []bus.Position {
	var all []bus.Position
	if at, ok := s.positions[p]; ok {
		all = append(all, at)
	}
	for _, parts := range s.feeds {
		f := parts[string(p)]
		if f.Since != nil {
			all = append(all, *f.Since)
		}
		for _, r := range f.Ranges {
			if all = append(all, r.A); r.B != nil {
				all = append(all, *r.B)
			}
		}
	}
	return all
}

// move maps every place of a partition; ranges of an earlier incarnation are void.
func (s *state) move(f *fit) {
	if at, ok := s.positions[f.partition]; ok {
		s.positions[f.partition], _ = f.place(at)
	}
	for ep, parts := range s.feeds {
		if had, ok := parts[string(f.partition)]; ok {
			s.setFeed(ep, string(f.partition), had.moved(f))
		}
	}
}

func (fd feed) moved(f *fit) feed {
	to := feed{Behind: fd.Behind}
	if fd.Since != nil {
		if at, same := f.place(*fd.Since); same {
			to.Since = &at
		}
	}
	for _, r := range fd.Ranges {
		a, same := f.place(r.A)
		if !same && r.B != nil {
			continue
		}
		n := stretch{A: a, Base: r.Base}
		if r.B != nil {
			b, _ := f.place(*r.B)
			n.B = &b
		}
		to.Ranges = append(to.Ranges, n)
	}
	return to
}

// needs is, by partition, the place in front of the oldest event that the state still refers
// to, by a position, a range or an entry, but for endpoints that are left out.
func (s *state) needs(out func(endpoint string) bool) bus.Positions {
	low := maps.Clone(s.positions)
	lower := func(p bus.Partition, at bus.Position) {
		if have, ok := low[p]; ok && have.Same(at) && at.Seq < have.Seq {
			low[p] = at
		}
	}
	for ep, parts := range s.feeds {
		if out(ep) {
			continue
		}
		for p, f := range parts {
			for _, r := range f.Ranges {
				lower(bus.Partition(p), r.A)
			}
		}
	}
	for _, e := range s.entries {
		if out(e.Endpoint) {
			continue
		}
		at := e.Event.Position
		at.Seq--
		lower(e.Event.Partition, at)
	}
	return low
}
