// Package dispatchtest holds a bus in memory that misbehaves on demand: it delays, refuses
// without a reason, loses acknowledgements, delivers late copies, keeps zombies connected,
// and forgets in a power cut what was not synced.
//
// A Store is what all clients share; a Client is one process's connection and the place
// where faults are injected.
package dispatchtest

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// Partition is the one partition that a Store begins with. A partition's topic has its name.
const Partition bus.Partition = "events"

// A Store is what the clients of one bus share. It is safe for concurrent use.
type Store struct {
	// Refuses makes a log refuse a record that does not follow the last one, as JetStream
	// does; else it lands, as on Kafka.
	Refuses bool

	offsets  bool // counts as Kafka does
	mu       sync.Mutex
	topics   map[bus.Partition]*topic
	logs     map[bus.LogName]*log
	journals map[int]*log
	others   []bus.Message // dead letters, operations events
	changed  chan struct{} // closed when a topic changes; nil while nobody waits
	cuts     int           // power cuts: what was on its way at one never lands
	room     bus.Room
	purged   []bus.Position // what PurgeEvents was asked for
	need     *int64         // what OthersNeed answers
}

type topic struct {
	identity string
	epoch    int // grows when it is recreated or cut back
	first    int64
	synced   int64
	messages []bus.Message // that are kept; the first has sequence first
	away     bool
}

type log struct {
	records []bus.Record
	next    int64
	synced  int64 // records before it survive a power cut
}

// New returns an empty bus with one partition. It counts as JetStream does: from 1, and the
// mark of an event is its time.
func New() *Store { return open(false) }

// NewOffsets returns one that counts as Kafka does: from 0, and marks are leader epochs.
func NewOffsets() *Store { return open(true) }

func open(offsets bool) *Store {
	s := &Store{
		Refuses: true, offsets: offsets,
		topics: map[bus.Partition]*topic{}, logs: map[bus.LogName]*log{}, journals: map[int]*log{},
	}
	s.AddPartition(Partition, "first")
	return s
}

// first is the sequence of the first event, and the position of the first record.
func (s *Store) first() int64 {
	if s.offsets {
		return 0
	}
	return 1
}

// Clone is a copy of what is stored now; nothing is on its way to it. It may be used in
// another synctest bubble.
func (s *Store) Clone() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Store{
		Refuses: s.Refuses, offsets: s.offsets,
		topics: map[bus.Partition]*topic{}, logs: map[bus.LogName]*log{}, journals: map[int]*log{},
		others: slices.Clone(s.others), room: s.room,
	}
	for p, t := range s.topics {
		x := *t
		x.messages = slices.Clone(t.messages)
		c.topics[p] = &x
	}
	for name, l := range s.logs {
		c.logs[name] = l.clone()
	}
	for shard, l := range s.journals {
		c.journals[shard] = l.clone()
	}
	return c
}

func (l *log) clone() *log {
	x := *l
	x.records = slices.Clone(l.records)
	return &x
}

// AddPartition makes one more followed partition.
func (s *Store) AddPartition(p bus.Partition, identity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics[p] = &topic{identity: identity, first: s.first(), synced: s.first() - 1}
	s.change()
}

// change wakes who waits for a topic. The caller holds the lock.
func (s *Store) change() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Publish stores an event and returns its place.
func (s *Store) Publish(p bus.Partition, e event.Event) bus.Position {
	return s.PublishAs(p, bus.Message{Event: &e})
}

// PublishAs does it with an event that has flaws, or a message that is none.
func (s *Store) PublishAs(p bus.Partition, m bus.Message) bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[p]
	at := bus.Position{Identity: t.identity, Seq: t.end() + 1, Mark: time.Now().UnixNano()}
	if s.offsets {
		at.Mark = int64(t.epoch) + 1
	}
	m.Topic, m.Partition, m.Position, m.Stored, m.Size = string(p), p, at, time.Now(), len(m.Event.Data)+256
	t.messages = append(t.messages, m)
	s.change()
	return at
}

// has reports whether a topic is among the followed ones.
func (s *Store) has(p bus.Partition) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topics[p] != nil
}

func (t *topic) end() int64 { return t.first + int64(len(t.messages)) - 1 }

func (t *topic) span(p bus.Partition) bus.Span {
	if t.away {
		return bus.Span{Partition: p, Identity: t.identity, Away: true}
	}
	end := bus.Position{Identity: t.identity, Seq: t.end()}
	if n := len(t.messages); n > 0 {
		end.Mark = t.messages[n-1].Position.Mark
	}
	return bus.Span{Partition: p, Identity: t.identity, First: t.first, End: end}
}

// SetAway says whether nobody can be asked about a partition. It still takes events.
func (s *Store) SetAway(p bus.Partition, away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics[p].away = away
	s.change()
}

// Recreate deletes a partition and makes it anew, empty.
func (s *Store) Recreate(p bus.Partition, identity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics[p] = &topic{identity: identity, first: s.first(), synced: s.first() - 1, epoch: s.topics[p].epoch + 1}
	s.change()
}

// CutBack takes the events of a partition after a sequence away, as a restored backup does.
func (s *Store) CutBack(p bus.Partition, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[p]
	t.cut(to)
	t.epoch++
	s.change()
}

func (t *topic) cut(to int64) {
	if keep := max(to-t.first+1, 0); keep < int64(len(t.messages)) {
		t.messages = t.messages[:keep:keep]
	}
	t.synced = min(t.synced, t.end())
}

// Expire removes the events of a partition before a sequence.
func (s *Store) Expire(p bus.Partition, below int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[p]
	for t.first < below && len(t.messages) > 0 {
		t.messages = t.messages[1:]
		t.first++
	}
}

// Kept returns the events that a partition holds.
func (s *Store) Kept(p bus.Partition) []bus.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.topics[p].messages)
}

// Published returns what was published to topics that are not followed.
func (s *Store) Published() []bus.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.others)
}

// Records returns what a log holds, valid or not.
func (s *Store) Records(name bus.LogName) []bus.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log(name).records)
}

// Journal returns the entries of a shard's journal.
func (s *Store) Journal(shard int) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all [][]byte
	for _, r := range s.journal(shard).records {
		all = append(all, r.Data)
	}
	return all
}

// TrimJournal removes the entries of a shard's journal before a position, as its
// retention does.
func (s *Store) TrimJournal(shard int, below int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal(shard).trim(below)
}

// SetRoom says how full the event store is.
func (s *Store) SetRoom(r bus.Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room = r
}

// SetOthersNeed says what a durable consumer of somebody else has acknowledged.
func (s *Store) SetOthersNeed(seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.need = &seq
}

// Purged returns up to where partitions were purged, in order.
func (s *Store) Purged() []bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.purged)
}

// PowerCut takes back what no sync has covered: of n records or events that were not synced
// it spares the first spare(n), none when spare is nil. What is on its way is lost.
func (s *Store) PowerCut(spare func(n int64) int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cuts++
	keep := func(synced, end int64) int64 {
		if spare == nil || end <= synced {
			return synced
		}
		return synced + spare(end-synced)
	}
	for _, p := range slices.Sorted(maps.Keys(s.topics)) {
		t := s.topics[p]
		t.cut(keep(t.synced, t.end()))
		t.epoch++
	}
	for _, name := range slices.SortedFunc(maps.Keys(s.logs), func(a, b bus.LogName) int { return bytes.Compare([]byte(a.String()), []byte(b.String())) }) {
		l := s.logs[name]
		l.cut(max(keep(l.synced, l.next), s.first()))
	}
	for _, shard := range slices.Sorted(maps.Keys(s.journals)) {
		l := s.journals[shard]
		l.cut(max(keep(l.synced, l.next), s.first()))
	}
	s.change()
}

func (l *log) cut(next int64) {
	l.records = slices.DeleteFunc(l.records, func(r bus.Record) bool { return r.Pos >= next })
	l.next = min(l.next, next)
	l.synced = min(l.synced, l.next)
}

func (l *log) trim(below int64) {
	l.records = slices.DeleteFunc(l.records, func(r bus.Record) bool { return r.Pos < below })
}

// sync covers everything. The caller holds the lock.
func (s *Store) sync() {
	for _, t := range s.topics {
		t.synced = t.end()
	}
	for _, l := range s.logs {
		l.synced = l.next
	}
	for _, l := range s.journals {
		l.synced = l.next
	}
}

func (s *Store) log(name bus.LogName) *log {
	if s.logs[name] == nil {
		s.logs[name] = &log{next: s.first()}
	}
	return s.logs[name]
}

func (s *Store) journal(shard int) *log {
	if s.journals[shard] == nil {
		s.journals[shard] = &log{next: s.first()}
	}
	return s.journals[shard]
}

func (l *log) last() int64 {
	if n := len(l.records); n > 0 {
		return l.records[n-1].Pos
	}
	return bus.NoPosition
}

func (l *log) write(r bus.Record) int64 {
	r.Pos, r.Data = l.next, bytes.Clone(r.Data)
	l.next++
	l.records = append(l.records, r)
	return r.Pos
}

// Event makes the n-th event of a type.
func Event(n int, typ string) event.Event {
	return event.Event{
		ID: "evt-" + strconv.Itoa(n), Source: "/sources/test", Type: typ, Subject: strconv.Itoa(n % 7),
		DataContentType: "application/json", Data: []byte(`{"n":` + strconv.Itoa(n) + `}`),
	}
}
