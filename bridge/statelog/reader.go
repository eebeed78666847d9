package statelog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hookspan/hookspan/bridge/bus"
)

// ErrDamaged: the log was trimmed and holds no complete snapshot. Nobody can know what is
// pending; an operator must say where to begin.
var ErrDamaged = errors.New("the shard's state log was trimmed and has no complete snapshot: begin it again with `hookspan doctor reset-shard`")

// A Reader turns the valid records of a state log, in order, into a state.
type Reader struct {
	now     State
	begun   bool
	trimmed bool // the root follows something that is gone: only a snapshot can tell
	whole   bool // now is all there is to know

	begin  int64   // position of the snapshot being read, NoPosition without one
	basis  *Record // its begin
	chunks []Record
	since  []Record // deltas behind begin

	ended int64 // begin of the newest complete snapshot
}

func NewReader() *Reader {
	return &Reader{now: NewState(), begin: bus.NoPosition, ended: bus.NoPosition}
}

// reset forgets everything, to begin at the front of the log.
func (rd *Reader) reset() { *rd = *NewReader() }

// Decode reads one state record.
func Decode(data []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("decode a state record: %w", err)
	}
	if r.Version > Version {
		return r, fmt.Errorf("state record of format %d: %w", r.Version, bus.ErrNewerFormat)
	}
	return r, nil
}

// Add takes the next valid record in.
func (rd *Reader) Add(br bus.Record) error {
	r, err := Decode(br.Data)
	if err != nil {
		return err
	}
	if !rd.begun {
		rd.begun, rd.trimmed = true, br.Prev != bus.NoPosition
		rd.whole = !rd.trimmed
	}
	switch r.Kind {
	case Claim:
		rd.begin = bus.NoPosition // a snapshot's author is gone; nobody will end it
		rd.now.HandOver = false   // attempts may have begun since
	case Delta:
		rd.now.apply(&r)
		if rd.begin != bus.NoPosition {
			rd.since = append(rd.since, r)
		}
	case Begin:
		rd.begin, rd.basis, rd.chunks, rd.since = br.Pos, &r, nil, nil
	case Chunk:
		if r.Begin == rd.begin {
			rd.chunks = append(rd.chunks, r)
		}
	case End:
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
func (rd *Reader) replace() {
	s := NewState()
	s.apply(rd.basis)
	for i := range rd.chunks {
		for _, e := range rd.chunks[i].Put {
			s.Entries[e.ID] = e
		}
	}
	for i := range rd.since {
		s.apply(&rd.since[i])
	}
	rd.now, rd.whole = s, true
	rd.chunks, rd.since = nil, nil
}

// State is what has been read, or ErrDamaged.
func (rd *Reader) State() (State, error) {
	if rd.begun && !rd.whole {
		return State{}, ErrDamaged
	}
	return rd.now, nil
}

// History lists the positions that a shard's log names, oldest first.
func History(ctx context.Context, logs bus.Logs, shard int) ([]bus.Positions, error) {
	chain := bus.NewChain(logs, bus.LogName{Kind: bus.State, Shard: shard})
	var all []bus.Positions
	err := chain.ReadAll(ctx, func() { all = nil }, func(br bus.Record) error {
		r, err := Decode(br.Data)
		if err == nil && len(r.Positions) > 0 {
			all = append(all, r.Positions)
		}
		return err
	})
	return all, err
}
