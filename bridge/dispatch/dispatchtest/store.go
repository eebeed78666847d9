// Package dispatchtest holds a bus in memory that misbehaves on demand: it delays, refuses
// without a reason, loses acknowledgements, delivers late copies, keeps zombies connected,
// and forgets in a power cut what was not synced.
package dispatchtest

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// Partition is the one partition that a Store begins with; its topic has the same name.
const Partition bus.Partition = "events"

// A Store is what the clients of one bus share. It is safe for concurrent use.
type Store struct {
	// Refuses makes a log refuse a record that does not follow the last one, as JetStream
	// does; else it lands, as on Kafka.
	Refuses bool

	mu       sync.Mutex
	topics   map[bus.Partition]*topic
	logs     map[bus.LogName]*log
	journals map[int]*log
	others   []bus.Message // dead letters, operations events
	grown    chan struct{} // closed when a topic grows
	synced   mark
	room     bus.Room
}

type topic struct {
	identity string
	first    int64
	messages []bus.Message // the first has sequence first
}

type log struct {
	records []bus.Record
	next    int64
}

// mark is how much of everything a power cut spares.
type mark struct {
	topics   map[bus.Partition]int64
	logs     map[bus.LogName]int64
	journals map[int]int64
}

// New returns an empty bus with one partition.
func New() *Store {
	s := &Store{
		Refuses: true, topics: map[bus.Partition]*topic{}, logs: map[bus.LogName]*log{},
		journals: map[int]*log{}, grown: make(chan struct{}),
	}
	s.topics[Partition] = &topic{identity: "first", first: 1}
	return s
}

// Publish stores an event and returns its place.
func (s *Store) Publish(p bus.Partition, e event.Event) bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[p]
	at := bus.Position{Identity: t.identity, Seq: t.end() + 1, Mark: time.Now().UnixNano()}
	t.messages = append(t.messages, bus.Message{
		Topic: string(p), Partition: p, Position: at, Stored: time.Now(), Event: &e, Size: len(e.Data) + 256,
	})
	close(s.grown)
	s.grown = make(chan struct{})
	return at
}

func (t *topic) end() int64 { return t.first + int64(len(t.messages)) - 1 }

func (t *topic) span(p bus.Partition) bus.Span {
	end := bus.Position{Identity: t.identity, Seq: t.end()}
	if n := len(t.messages); n > 0 {
		end.Mark = t.messages[n-1].Position.Mark
	}
	return bus.Span{Partition: p, Identity: t.identity, First: t.first, End: end}
}

// Recreate deletes a partition and makes it anew, empty.
func (s *Store) Recreate(p bus.Partition, identity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics[p] = &topic{identity: identity, first: 1}
	close(s.grown)
	s.grown = make(chan struct{})
}

// Expire removes the events of a partition in front of a sequence.
func (s *Store) Expire(p bus.Partition, below int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[p]
	for t.first < below && len(t.messages) > 0 {
		t.messages = t.messages[1:]
		t.first++
	}
}

// Published returns what was published to topics beside the followed ones.
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

// SetRoom says how full the event store is.
func (s *Store) SetRoom(r bus.Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room = r
}

// PowerCut takes back everything that no sync has covered.
func (s *Store) PowerCut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, t := range s.topics {
		if keep := s.synced.topics[p] - t.first + 1; keep < int64(len(t.messages)) {
			t.messages = t.messages[:max(keep, 0)]
		}
	}
	for name, l := range s.logs {
		l.cut(s.synced.logs[name])
	}
	for id, l := range s.journals {
		l.cut(s.synced.journals[id])
	}
}

func (l *log) cut(next int64) {
	l.records = slices.DeleteFunc(l.records, func(r bus.Record) bool { return r.Pos >= next })
	l.next = min(l.next, max(next, 1))
}

func (s *Store) sync() {
	m := mark{topics: map[bus.Partition]int64{}, logs: map[bus.LogName]int64{}, journals: map[int]int64{}}
	for p, t := range s.topics {
		m.topics[p] = t.end()
	}
	for name, l := range s.logs {
		m.logs[name] = l.next
	}
	for id, l := range s.journals {
		m.journals[id] = l.next
	}
	s.synced = m
}

func (s *Store) log(name bus.LogName) *log {
	if s.logs[name] == nil {
		s.logs[name] = &log{next: 1}
	}
	return s.logs[name]
}

func (s *Store) journal(shard int) *log {
	if s.journals[shard] == nil {
		s.journals[shard] = &log{next: 1}
	}
	return s.journals[shard]
}

func (l *log) write(r bus.Record) int64 {
	r.Pos, r.Data = l.next, bytes.Clone(r.Data)
	l.next++
	l.records = append(l.records, r)
	return r.Pos
}

// land writes a record into a log if the bus takes it.
func (s *Store) land(name bus.LogName, r bus.Record) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.log(name)
	last := bus.NoPosition
	if n := len(l.records); n > 0 {
		last = l.records[n-1].Pos
	}
	if s.Refuses && r.Prev != last {
		return bus.NoPosition, bus.ErrRefused
	}
	return l.write(r), nil
}

// read returns the messages of a partition behind a place, and the channel that is closed
// when there are more.
func (s *Store) read(p bus.Partition, after bus.Position, most int) ([]bus.Message, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[p]
	if t == nil {
		return nil, nil, bus.ErrUnavailable
	}
	if t.identity != after.Identity {
		return nil, nil, bus.ErrRecreated
	}
	from := max(after.Seq+1-t.first, 0)
	if from >= int64(len(t.messages)) {
		return nil, s.grown, nil
	}
	batch := slices.Clone(t.messages[from:])
	return batch[:min(len(batch), most)], s.grown, nil
}

func (s *Store) get(p bus.Partition, at bus.Position) (bus.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[p]
	if t == nil || t.identity != at.Identity {
		return bus.Message{}, bus.ErrGone
	}
	i := at.Seq - t.first
	if i < 0 || i >= int64(len(t.messages)) || at.Mark != 0 && t.messages[i].Position.Mark != at.Mark {
		return bus.Message{}, bus.ErrGone
	}
	return t.messages[i], nil
}

func (s *Store) before(p bus.Partition, at time.Time) bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[p]
	pos := bus.Position{Identity: t.identity, Seq: t.first - 1}
	for _, m := range t.messages {
		if !m.Stored.Before(at) {
			break
		}
		pos = m.Position
	}
	return pos
}

// Event makes the n-th event of a type.
func Event(n int, typ string) event.Event {
	return event.Event{
		ID: "evt-" + strconv.Itoa(n), Source: "/sources/test", Type: typ, Subject: strconv.Itoa(n % 7),
		DataContentType: "application/json", Data: []byte(`{"n":` + strconv.Itoa(n) + `}`),
	}
}

// Connect returns a client of the bus.
func (s *Store) Connect() *Client {
	return &Client{s: s, gone: make(chan struct{})}
}

var _ bus.Store = (*Client)(nil)

// A Client is one process's connection. Kill cuts it: calls on their way fail, and may have
// landed.
type Client struct {
	s    *Store
	gone chan struct{}
	once sync.Once

	mu     sync.Mutex
	faults Faults
}

// Faults are asked before each write. Nil functions do nothing.
type Faults struct {
	// Append is asked for every record of a chained log.
	Append func(bus.LogName) Fault
	// Journal is asked for every entry of a journal.
	Journal func() Fault
}

// A Fault is how one write goes wrong. The zero Fault is none.
type Fault struct {
	Delay   time.Duration // before it reaches the bus
	Refuse  bool          // refused for no reason
	LoseAck bool          // it lands, its acknowledgement does not arrive
	Copy    time.Duration // another copy lands later, 0: none
}

// Set replaces the client's faults.
func (c *Client) Set(f Faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = f
}

// Kill cuts the connection for good.
func (c *Client) Kill() { c.once.Do(func() { close(c.gone) }) }

// Dead reports whether the client was killed.
func (c *Client) Dead() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// pause waits, or fails when the client is killed meanwhile; what was sent may still land.
func (c *Client) pause(ctx context.Context, d time.Duration) error {
	if c.Dead() {
		<-ctx.Done() // a killed process learns nothing any more
		return bus.ErrUnavailable
	}
	if d == 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Append writes a record, with the faults of the moment.
func (c *Client) Append(ctx context.Context, name bus.LogName, r bus.Record) (int64, error) {
	c.mu.Lock()
	ask := c.faults.Append
	c.mu.Unlock()
	var f Fault
	if ask != nil {
		f = ask(name)
	}
	if f.Refuse {
		return bus.NoPosition, bus.ErrRefused
	}
	if c.Dead() {
		return bus.NoPosition, c.pause(ctx, 0)
	}
	if f.Delay > 0 { // on the way, whatever becomes of the sender
		time.Sleep(f.Delay)
	}
	pos, err := c.s.land(name, r)
	if f.Copy > 0 && err == nil {
		go func() {
			time.Sleep(f.Copy)
			c.s.land(name, r)
		}()
	}
	if c.Dead() {
		return bus.NoPosition, c.pause(ctx, 0)
	}
	if f.LoseAck && err == nil {
		return bus.NoPosition, bus.ErrUnavailable
	}
	return pos, err
}

// Read hands over a log's records.
func (c *Client) Read(ctx context.Context, name bus.LogName, from int64, each func(bus.Record) error) error {
	if err := c.pause(ctx, 0); err != nil {
		return err
	}
	for _, r := range c.s.Records(name) {
		if r.Pos < from {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// Trim removes a log's front.
func (c *Client) Trim(ctx context.Context, name bus.LogName, below int64) error {
	if err := c.pause(ctx, 0); err != nil {
		return err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	l := c.s.log(name)
	l.records = slices.DeleteFunc(l.records, func(r bus.Record) bool { return r.Pos < below })
	return nil
}

// AppendJournal writes an entry of a journal.
func (c *Client) AppendJournal(ctx context.Context, shard int, data []byte) (int64, error) {
	c.mu.Lock()
	ask := c.faults.Journal
	c.mu.Unlock()
	var f Fault
	if ask != nil {
		f = ask()
	}
	if err := c.pause(ctx, 0); err != nil {
		return bus.NoPosition, err
	}
	if f.Delay > 0 {
		time.Sleep(f.Delay)
	}
	c.s.mu.Lock()
	pos := c.s.journal(shard).write(bus.Record{Data: data})
	c.s.sync()
	c.s.mu.Unlock()
	if err := c.pause(ctx, 0); err != nil {
		return bus.NoPosition, err
	}
	if f.LoseAck {
		return bus.NoPosition, bus.ErrUnavailable
	}
	return pos, nil
}

// ReadJournal hands over a journal's entries.
func (c *Client) ReadJournal(ctx context.Context, shard int, from int64, each func(int64, []byte) error) error {
	if err := c.pause(ctx, 0); err != nil {
		return err
	}
	c.s.mu.Lock()
	records := slices.Clone(c.s.journal(shard).records)
	c.s.mu.Unlock()
	for _, r := range records {
		if r.Pos < from {
			continue
		}
		if err := each(r.Pos, r.Data); err != nil {
			return err
		}
	}
	return nil
}

// JournalSpan returns a journal's first and last position.
func (c *Client) JournalSpan(ctx context.Context, shard int) (first, last int64, err error) {
	if err := c.pause(ctx, 0); err != nil {
		return bus.NoPosition, bus.NoPosition, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	records := c.s.journal(shard).records
	if len(records) == 0 {
		return bus.NoPosition, bus.NoPosition, nil
	}
	return records[0].Pos, records[len(records)-1].Pos, nil
}

// Spans lists the partitions.
func (c *Client) Spans(ctx context.Context) ([]bus.Span, error) {
	if err := c.pause(ctx, 0); err != nil {
		return nil, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	var all []bus.Span
	for p, t := range c.s.topics {
		all = append(all, t.span(p))
	}
	return all, nil
}

// Follow hands over a partition's messages.
func (c *Client) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	for {
		batch, more, err := c.s.read(p, after, 3)
		if err != nil {
			return err
		}
		if c.Dead() {
			<-ctx.Done()
			return ctx.Err()
		}
		if err := deliver(batch); err != nil {
			return err
		}
		if len(batch) > 0 {
			after = batch[len(batch)-1].Position
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-more:
		}
	}
}

// Get reads one message again.
func (c *Client) Get(ctx context.Context, p bus.Partition, at bus.Position) (bus.Message, error) {
	if err := c.pause(ctx, 0); err != nil {
		return bus.Message{}, err
	}
	return c.s.get(p, at)
}

// Before returns the last place before a time.
func (c *Client) Before(ctx context.Context, p bus.Partition, t time.Time) (bus.Position, error) {
	if err := c.pause(ctx, 0); err != nil {
		return bus.Position{}, err
	}
	return c.s.before(p, t), nil
}

// Publish stores an event beside the followed topics.
func (c *Client) Publish(ctx context.Context, topic string, e *event.Event, _ bus.PublishOptions) (bus.Receipt, error) {
	if err := c.pause(ctx, 0); err != nil {
		return bus.Receipt{}, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.others = append(c.s.others, bus.Message{Topic: topic, Event: e, Stored: time.Now()})
	return bus.Receipt{}, nil
}

// MaxBytes of an event.
func (c *Client) MaxBytes() int64 { return 1 << 20 }

// Sync spares what there is from a power cut.
func (c *Client) Sync(ctx context.Context) error {
	if err := c.pause(ctx, 0); err != nil {
		return err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.sync()
	return nil
}

// Room is what SetRoom said.
func (c *Client) Room(context.Context) (bus.Room, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.room, nil
}

// PurgeEvents removes messages up to a sequence.
func (c *Client) PurgeEvents(_ context.Context, p bus.Partition, upto int64) error {
	c.s.Expire(p, upto+1)
	return nil
}

// OthersNeed knows of nobody else.
func (c *Client) OthersNeed(context.Context, bus.Partition) (int64, bool, error) {
	return 0, false, nil
}
