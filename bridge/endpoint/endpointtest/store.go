// Package endpointtest holds a bus in memory, as much of one as the registry needs: chained
// logs, and topics of which only the ends matter. Tests move the ends by hand.
package endpointtest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Store is safe for concurrent use.
type Store struct {
	refuses bool

	mu     sync.Mutex
	logs   map[bus.LogName]*log
	spans  map[bus.Partition]bus.Span
	times  map[bus.Partition][]time.Time // of the events 1, 2, 3, …
	before func(bus.LogName)             // called in front of each append, without the lock
	fail   error
	syncs  int
}

type log struct {
	records []bus.Record
	next    int64
}

// New returns an empty store whose logs refuse a record that does not follow the last one, as
// JetStream does.
func New() *Store {
	return &Store{
		refuses: true,
		logs:    map[bus.LogName]*log{},
		spans:   map[bus.Partition]bus.Span{},
		times:   map[bus.Partition][]time.Time{},
	}
}

// NewTaking returns an empty store whose logs take every record, as Kafka does.
func NewTaking() *Store {
	s := New()
	s.refuses = false
	return s
}

// Publish counts one more event of a partition, stored at t, and returns its position.
func (s *Store) Publish(p bus.Partition, t time.Time) bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times[p] = append(s.times[p], t)
	at := bus.Position{Identity: "one", Seq: int64(len(s.times[p])), Mark: t.UnixNano()}
	s.spans[p] = bus.Span{Partition: p, Identity: "one", First: 1, End: at}
	return at
}

// BeforeAppend has f called in front of each append; nil takes it away.
func (s *Store) BeforeAppend(f func(bus.LogName)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Fail has every read answered with err until it is called with nil.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// Land writes a record behind the log's last one, whatever it names.
func (s *Store) Land(name bus.LogName, r bus.Record) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log(name).write(r)
}

// Records returns a copy of what a log holds.
func (s *Store) Records(name bus.LogName) []bus.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log(name).records)
}

// Syncs is how often Sync was called.
func (s *Store) Syncs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.syncs
}

func (s *Store) log(name bus.LogName) *log {
	if s.logs[name] == nil {
		s.logs[name] = &log{}
	}
	return s.logs[name]
}

func (l *log) write(r bus.Record) int64 {
	r.Pos, r.Data = l.next, bytes.Clone(r.Data)
	l.next++
	l.records = append(l.records, r)
	return r.Pos
}

// Append writes a record behind the last one; the first is at position 0, as on Kafka.
func (s *Store) Append(_ context.Context, name bus.LogName, r bus.Record) (int64, error) {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		before(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.log(name)
	if n := len(l.records); s.refuses && (n > 0 && l.records[n-1].Pos != r.Prev || n == 0 && r.Prev != bus.NoPosition) {
		return bus.NoPosition, bus.ErrRefused
	}
	return l.write(r), nil
}

// Read hands over what is there.
func (s *Store) Read(_ context.Context, name bus.LogName, from int64, each func(bus.Record) error) error {
	s.mu.Lock()
	records, err := slices.Clone(s.log(name).records), s.fail
	s.mu.Unlock()
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Pos < from {
			continue
		}
		r.Data = bytes.Clone(r.Data)
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// Trim removes the front.
func (s *Store) Trim(_ context.Context, name bus.LogName, below int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.log(name)
	l.records = slices.DeleteFunc(l.records, func(r bus.Record) bool { return r.Pos < below })
	return nil
}

// Spans lists the partitions that Publish has made.
func (s *Store) Spans(context.Context) ([]bus.Span, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []bus.Span
	for _, span := range s.spans {
		out = append(out, span)
	}
	return out, nil
}

// Before finds the last event stored before t.
func (s *Store) Before(_ context.Context, p bus.Partition, t time.Time) (bus.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := bus.Position{Identity: "one"}
	for i, stored := range s.times[p] {
		if stored.Before(t) {
			at.Seq, at.Mark = int64(i+1), stored.UnixNano()
		}
	}
	return at, nil
}

// Intact knows of no cut back.
func (s *Store) Intact(_ context.Context, _ bus.Partition, at bus.Position) (bus.Position, error) {
	return at, nil
}

var errEvents = errors.New("this bus keeps no events")

// Follow has nothing to follow.
func (s *Store) Follow(context.Context, bus.Partition, bus.Position, func([]bus.Message) error) error {
	return errEvents
}

// Get has nothing to get.
func (s *Store) Get(context.Context, bus.Partition, bus.Position) (bus.Message, error) {
	return bus.Message{}, errEvents
}

// Sync counts.
func (s *Store) Sync(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncs++
	return nil
}

// Room has no limit.
func (s *Store) Room(context.Context) (bus.Room, error) { return bus.Room{}, nil }

// PurgeEvents has nothing to purge.
func (s *Store) PurgeEvents(context.Context, bus.Partition, int64) error { return nil }

// OthersNeed knows nobody.
func (s *Store) OthersNeed(context.Context, bus.Partition) (int64, bool, error) {
	return 0, false, nil
}
