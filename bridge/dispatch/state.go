package dispatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/hookspan/hookspan/bridge/bus"
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

	Put       []Entry                    `json:"put,omitempty"`    // delta, chunk
	Remove    []string                   `json:"rem,omitempty"`    // delta: delivery ids
	Positions bus.Positions              `json:"pos,omitempty"`    // of the live feed; merged, those not named stay
	Feeds     map[string]map[string]feed `json:"feeds,omitempty"`  // endpoint, partition; a default feed removes the entry
	Failing   map[string]int64           `json:"fail,omitempty"`   // endpoint: fails since, unix ns; 0 ends it
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
	entries   map[string]Entry
	positions bus.Positions
	feeds     map[string]map[string]feed
	failing   map[string]int64
	revision  int64
	journal   int64
	commands  int64
	handOver  bool

	deltas int // applied since the log's root or its snapshot
}

func newState() state {
	return state{
		entries: map[string]Entry{}, positions: bus.Positions{},
		feeds: map[string]map[string]feed{}, failing: map[string]int64{},
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
	s.revision, s.journal, s.commands, s.handOver = r.Revision, r.Journal, r.Commands, r.HandOver
	s.deltas++
}

func (s *state) setFeed(ep, p string, f feed) {
	if f.isDefault() {
		delete(s.feeds[ep], p)
		if len(s.feeds[ep]) == 0 {
			delete(s.feeds, ep)
		}
		return
	}
	if s.feeds[ep] == nil {
		s.feeds[ep] = map[string]feed{}
	}
	s.feeds[ep][p] = f
}

// needs is, by partition, the place in front of the oldest event that the state still refers
// to: by a position, a range or an entry.
func (s *state) needs() bus.Positions {
	low := maps.Clone(s.positions)
	lower := func(p bus.Partition, at bus.Position) {
		if have, ok := low[p]; ok && have.Same(at) && at.Seq < have.Seq {
			low[p] = at
		}
	}
	for _, parts := range s.feeds {
		for p, f := range parts {
			for _, r := range f.Ranges {
				lower(bus.Partition(p), r.A)
			}
		}
	}
	for _, e := range s.entries {
		at := e.Event.Position
		at.Seq--
		lower(e.Event.Partition, at)
	}
	return low
}

// errDamaged: the log was trimmed and holds no complete snapshot. Nobody can know what is
// pending; an operator must say where to begin.
var errDamaged = errors.New("the shard's state log was trimmed and has no complete snapshot: begin it again with `hookspan doctor reset-shard`")

// A reader turns the valid records of a state log, in order, into a state.
type reader struct {
	now     state
	begun   bool
	trimmed bool // the root follows something that is gone: only a snapshot can tell
	whole   bool // now is all there is to know

	begin  int64   // position of the snapshot being read, NoPosition without one
	basis  *record // its begin
	chunks []record
	since  []record // deltas behind begin

	ended int64         // begin of the newest complete snapshot
	moved bus.Positions // that the record added last named
}

func newReader() *reader {
	return &reader{now: newState(), begin: bus.NoPosition, ended: bus.NoPosition}
}

// decodeRecord reads one state record.
func decodeRecord(data []byte) (record, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("decode a state record: %w", err)
	}
	if r.Version > stateVersion {
		return r, fmt.Errorf("state record of format %d: %w", r.Version, bus.ErrNewerFormat)
	}
	return r, nil
}

// add takes the next valid record in.
func (rd *reader) add(br bus.Record) error {
	r, err := decodeRecord(br.Data)
	if err != nil {
		return err
	}
	if !rd.begun {
		rd.begun, rd.trimmed = true, br.Prev != bus.NoPosition
		rd.whole = !rd.trimmed
	}
	rd.moved = r.Positions
	switch r.Kind {
	case kindClaim:
		rd.begin = bus.NoPosition // a snapshot's author is gone; nobody will end it
	case kindDelta:
		rd.now.apply(&r)
		if rd.begin != bus.NoPosition {
			rd.since = append(rd.since, r)
		}
	case kindBegin:
		rd.begin, rd.basis, rd.chunks, rd.since = br.Pos, &r, nil, nil
	case kindChunk:
		if r.Begin == rd.begin {
			rd.chunks = append(rd.chunks, r)
		}
	case kindEnd:
		if r.Begin == rd.begin && rd.begin != bus.NoPosition && len(rd.chunks) == r.Chunks {
			rd.replace()
			rd.ended = rd.begin
		}
		rd.begin = bus.NoPosition
	}
	return nil
}

// replace makes the state from a complete snapshot: its begin, its chunks, and then every
// delta since begin once more, because a chunk is older than some and newer than others.
func (rd *reader) replace() {
	s := newState()
	s.apply(rd.basis)
	for i := range rd.chunks {
		for _, e := range rd.chunks[i].Put {
			s.entries[e.ID] = e
		}
	}
	for i := range rd.since {
		s.apply(&rd.since[i])
	}
	s.deltas = len(rd.since)
	rd.now, rd.whole = s, true
	rd.chunks, rd.since = nil, nil
}

// state is what has been read, or errDamaged.
func (rd *reader) state() (state, error) {
	if rd.begun && !rd.whole {
		return state{}, errDamaged
	}
	return rd.now, nil
}
