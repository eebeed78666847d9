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

// A Reader turns the valid records of a state log, in order, into a state. Of a log that lost
// its front the first complete snapshot tells everything; a log that has it needs none.
type Reader struct {
	now       State
	snapshots bus.Snapshots
	chunks    int // of the snapshot that is open
}

// NewReader has read nothing.
func NewReader() *Reader { return &Reader{now: NewState()} }

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
	for _, e := range r.Put {
		if e == nil {
			return r, errors.New("decode a state record: an entry is null")
		}
		e.Share()
	}
	return r, nil
}

// Add takes the next valid record in. What is in it holds at its own place: deltas go on
// between the parts of a snapshot.
func (rd *Reader) Add(br bus.Record) error {
	r, err := Decode(br.Data)
	if err != nil {
		return err
	}
	rd.snapshots.Count(br)
	switch r.Kind {
	case Claim:
		rd.snapshots.Abandon()
		rd.now.HandOver = false // attempts may have begun since
	case Delta:
		rd.now.apply(&r)
	case Begin:
		rd.snapshots.Abandon()
		rd.snapshots.Begin(br.Pos, len(br.Data))
		if rd.chunks = 0; !rd.snapshots.Whole() { // what was read before is not all, or of a snapshot without an end
			rd.now = NewState()
			rd.now.apply(&r)
		}
	case Chunk:
		rd.chunk(&r)
	case End:
		if rd.chunks == r.Chunks {
			rd.snapshots.End(r.Begin)
		}
	default: // whatever it says, the state is not what is known without it
		return fmt.Errorf("state record %d is of kind %q: %w", br.Pos, r.Kind, bus.ErrNewerFormat)
	}
	return nil
}

func (rd *Reader) chunk(r *Record) {
	if !rd.snapshots.Open(r.Begin) {
		return
	}
	if rd.chunks++; !rd.snapshots.Whole() {
		for _, e := range r.Put {
			rd.now.Entries[e.ID] = e
		}
	}
}

// State is what has been read, or ErrDamaged.
func (rd *Reader) State() (State, error) {
	if !rd.snapshots.Whole() {
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
