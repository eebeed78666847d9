package endpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// ErrDamaged: the registry's log lost its front and holds no complete snapshot, or lost all.
var ErrDamaged = errors.New("registry log is damaged")

// A state is the registry's log, read up to some record. Every record takes effect in the
// log's order, those of a snapshot too: a chunk is in the log only if it follows every record
// that it was made from, so what it says is exact at its place.
type state struct {
	sealer    *Sealer
	endpoints map[string]*kept // by id
	starts    []*kept          // in the order of their records
	shards    int              // of the installation; 0: not written yet
	live      int              // of the records that count now
	snapshots bus.Snapshots
	begunAt   time.Time // when the newest begin was read
}

// kept is a record that counts: the newest one of an endpoint, or a start.
type kept struct {
	revision int64
	raw      json.RawMessage
	endpoint *Endpoint // nil for a start
	locked   error     // why its secrets cannot be opened
	view     *Endpoint // the endpoint as a Set shows it; nil until one does
	patterns []string
	from     bus.Positions
}

func newState(sealer *Sealer) *state {
	return &state{
		sealer:    sealer,
		endpoints: map[string]*kept{},
	}
}

// whole reports, at the end of the log, whether everything was read that counts.
func (s *state) whole() error {
	if !s.snapshots.Whole() {
		return fmt.Errorf("%w: its front was trimmed and no snapshot in it is complete", ErrDamaged)
	}
	return nil
}

// apply takes the next record of the log.
func (s *state) apply(r bus.Record) error {
	rec, err := decodeRecord(r)
	if err != nil {
		return err
	}
	s.snapshots.Count(r)
	return s.take(rec, r.Pos, r.Data)
}

func (s *state) take(rec record, pos int64, raw []byte) error {
	switch rec.Kind {
	case kindEndpoint:
		return s.put(rec.Endpoint, pos, raw)
	case kindRemoval:
		s.remove(rec.ID)
	case kindStarts:
		s.start(rec, pos, raw)
	case kindBegin:
		s.snapshots.Begin(pos, len(raw))
		s.begunAt = time.Now()
	case kindChunk:
		return s.chunk(rec)
	case kindEnd:
		s.snapshots.End(rec.Begin)
	default:
		return fmt.Errorf("registry record %d is of kind %q: %w", pos, rec.Kind, bus.ErrNewerFormat)
	}
	return nil
}

func (s *state) put(written json.RawMessage, revision int64, raw []byte) error {
	e, locked, err := decodeEndpoint(written, revision, s.sealer)
	if err != nil {
		return err
	}
	have := s.endpoints[e.ID]
	if have != nil && have.revision == revision {
		return nil // a snapshot repeats what is known
	}
	if locked != nil && have != nil && have.locked == nil && have.endpoint.holdsWhat(e) {
		// Another replica has changed nothing that is sealed: what was opened here holds.
		e.keepOpened(have.endpoint)
		locked = nil
	}
	s.remove(e.ID)
	s.endpoints[e.ID] = &kept{revision: revision, raw: clone(raw), endpoint: e, locked: locked}
	s.live += len(raw)
	return nil
}

func (s *state) remove(id string) {
	if have := s.endpoints[id]; have != nil {
		s.live -= len(have.raw)
		delete(s.endpoints, id)
	}
}

func (s *state) start(rec record, revision int64, raw []byte) {
	for _, have := range s.starts {
		if have.revision == revision {
			return
		}
	}
	s.starts = append(s.starts, &kept{revision: revision, raw: clone(raw), patterns: rec.Patterns, from: rec.Positions})
	if s.shards == 0 {
		s.shards = rec.Shards
	}
	s.live += len(raw)
}

func (s *state) chunk(rec record) error {
	if !s.snapshots.Open(rec.Begin) {
		return nil // its begin was trimmed: a newer snapshot is whole
	}
	for _, old := range rec.Records {
		inner, err := decodeRecord(bus.Record{Pos: old.Revision, Data: old.Record})
		if err != nil {
			return err
		}
		if err := s.take(inner, old.Revision, old.Record); err != nil {
			return err
		}
	}
	return nil
}

// byName returns nil when there is no record of the name.
func (s *state) byName(name string) *kept {
	for _, k := range s.endpoints {
		if k.endpoint.Name == name {
			return k
		}
	}
	return nil
}

func clone(raw []byte) json.RawMessage { return append(json.RawMessage(nil), raw...) }
