package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hookspan/hookspan/bridge/bus"
)

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

	ended int64 // begin of the newest complete snapshot
}

func newReader() *reader {
	return &reader{now: newState(), begin: bus.NoPosition, ended: bus.NoPosition}
}

// reset forgets everything, to begin at the front of the log.
func (rd *reader) reset() { *rd = *newReader() }

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
	switch r.Kind {
	case kindClaim:
		rd.begin = bus.NoPosition // a snapshot's author is gone; nobody will end it
		rd.now.handOver = false   // attempts may have begun since
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

// readHistory lists the positions that a shard's log names, oldest first.
func readHistory(ctx context.Context, st store, shard int) ([]bus.Positions, error) {
	chain := bus.NewChain(st, bus.LogName{Kind: bus.State, Shard: shard})
	var all []bus.Positions
	err := chain.ReadAll(ctx, func() { all = nil }, func(br bus.Record) error {
		r, err := decodeRecord(br.Data)
		if err == nil && len(r.Positions) > 0 {
			all = append(all, r.Positions)
		}
		return err
	})
	return all, err
}
