package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// chunkBytes bounds a record of a snapshot, far below what any bus takes.
	chunkBytes = 256 << 10
	// beginAge is how long a snapshot without an end is taken to be in somebody's hands.
	beginAge = time.Minute
)

// errGivenUp: another replica is making a snapshot.
var errGivenUp = errors.New("another replica began a snapshot")

// snapshotDue: the log has grown to more than twice what counts in it, and nobody is at it.
func (r *ledger) snapshotDue() bool {
	s := r.state
	if !s.snapshots.Due(s.live, r.o.SnapshotSlack) {
		return false
	}
	_, open := s.snapshots.Newest()
	return !open || time.Since(s.begunAt) > beginAge
}

// Snapshot writes everything that counts once more behind the log, if that is due, and trims
// what nobody needs any more. Edits go on meanwhile.
func (r *ledger) Snapshot(ctx context.Context) error {
	begin, err := r.beginSnapshot(ctx)
	if err != nil || begin == bus.NoPosition {
		return err
	}
	for next, more := "", true; more; {
		if next, more, err = r.writeChunk(ctx, begin, next); err != nil {
			if errors.Is(err, errGivenUp) {
				return nil
			}
			return fmt.Errorf("write a snapshot of the registry: %w", err)
		}
	}
	// The end is in the log and valid, and synced, before anything is taken away.
	err = r.write(ctx, func(*state) ([]byte, error) {
		return json.Marshal(record{V: format, Kind: kindEnd, Begin: begin})
	})
	if err != nil {
		return fmt.Errorf("end a snapshot of the registry: %w", err)
	}
	return r.trim(ctx)
}

func (r *ledger) beginSnapshot(ctx context.Context) (int64, error) {
	if err := r.take(ctx); err != nil {
		return bus.NoPosition, err
	}
	defer r.release()
	wrote, err := r.append(ctx, func(*state) ([]byte, error) {
		if !r.snapshotDue() {
			return nil, nil
		}
		return json.Marshal(record{V: format, Kind: kindBegin})
	})
	if err != nil || !wrote {
		return bus.NoPosition, err
	}
	return r.chain.Last(), nil
}

// writeChunk writes the records from key on that fit, as they are in the log's state at the
// chunk's own place, and returns the key that comes next.
func (r *ledger) writeChunk(ctx context.Context, begin int64, key string) (next string, more bool, err error) {
	if err := r.take(ctx); err != nil {
		return "", false, err
	}
	defer r.release()
	_, err = r.append(ctx, func(s *state) ([]byte, error) {
		if newest, _ := s.snapshots.Newest(); key == "" && newest != begin {
			return nil, errGivenUp
		}
		rec := record{V: format, Kind: kindChunk, Begin: begin}
		rec.Records, next, more = s.recordsFrom(key)
		return json.Marshal(rec)
	})
	return next, more, err
}

// recordsFrom lists records that count in the order of their keys, up to a chunk's size.
func (s *state) recordsFrom(key string) (list []earlier, next string, more bool) {
	byKey := make(map[string]*kept, len(s.endpoints)+len(s.starts))
	for id, k := range s.endpoints {
		byKey["endpoint "+id] = k
	}
	for _, k := range s.starts {
		byKey[fmt.Sprintf("start %020d", k.revision)] = k
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(byKey)) {
		if name < key {
			continue
		}
		k := byKey[name]
		if size += len(k.raw); size > chunkBytes && len(list) > 0 {
			return list, name, true
		}
		list = append(list, earlier{Revision: k.revision, Record: k.raw})
	}
	return list, "", false
}

// trim takes away what lies in front of the complete snapshot before the newest one.
func (r *ledger) trim(ctx context.Context) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.release()
	if err := r.read(ctx); err != nil {
		return err
	}
	front, ok := r.state.snapshots.Front()
	if !ok {
		return nil
	}
	return r.chain.Trim(ctx, front)
}
