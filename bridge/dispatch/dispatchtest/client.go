package dispatchtest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/schemas/schematest"
)

// followBatch is how many messages Follow hands over at once.
const followBatch = 3

// errPowerCut: what was on its way at a power cut is lost.
var errPowerCut = errors.New("power was cut")

var _ bus.Store = (*Client)(nil)

// A Client is one process's connection. Kill cuts it: calls on their way fail, and may have
// landed.
type Client struct {
	link
	s *Store
}

// Connect returns a client of the bus.
func (s *Store) Connect() *Client {
	return &Client{s: s, link: link{gone: make(chan struct{})}}
}

// Append writes a record, with the faults of the moment. Acknowledged is synced.
func (c *Client) Append(ctx context.Context, name bus.LogName, r bus.Record) (int64, error) {
	f := c.refuse(len(r.Data))
	if ask := c.now().Append; ask != nil {
		f = ask(name)
	}
	return c.send(ctx, f, c.s.landing(func() (int64, error) {
		l := c.s.log(name)
		if c.s.Refuses && r.Prev != l.last() {
			return bus.NoPosition, bus.ErrRefused
		}
		pos := l.write(r)
		l.synced = l.next
		return pos, nil
	}))
}

// refuse is the fault of what is too large.
func (c *Client) refuse(bytes int) Fault {
	if most := c.now().Most; most > 0 && bytes > most {
		return Fault{Err: bus.ErrTooLarge}
	}
	return Fault{}
}

// fits ends the test of whoever writes what its schema does not allow.
func fits(err error) {
	if err != nil {
		panic(err)
	}
}

// landing makes a write that lands at most once per call, not after a power cut.
func (s *Store) landing(write func() (int64, error)) func() (int64, error) {
	s.mu.Lock()
	cuts := s.cuts
	s.mu.Unlock()
	return func() (int64, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.cuts != cuts {
			return bus.NoPosition, errPowerCut
		}
		return write()
	}
}

// Read hands over a log's records.
func (c *Client) Read(ctx context.Context, name bus.LogName, from int64, each func(bus.Record) error) error {
	if err := c.ask(ctx, "Read"); err != nil {
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
	if err := c.ask(ctx, "Trim"); err != nil {
		return err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.log(name).trim(below)
	return nil
}

// AppendJournal writes an entry of a journal. Acknowledged is synced.
func (c *Client) AppendJournal(ctx context.Context, shard int, data []byte) (int64, error) {
	fits(schematest.JournalBatch(data))
	f := c.refuse(len(data))
	if ask := c.now().Journal; ask != nil {
		f = ask()
	}
	return c.send(ctx, f, c.s.landing(func() (int64, error) {
		l := c.s.journal(shard)
		pos := l.write(bus.Record{Data: data})
		l.synced = l.next
		return pos, nil
	}))
}

// ReadJournal hands over a journal's entries.
func (c *Client) ReadJournal(ctx context.Context, shard int, from int64, each func(int64, []byte) error) error {
	if err := c.ask(ctx, "ReadJournal"); err != nil {
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
	if err := c.ask(ctx, "JournalSpan"); err != nil {
		return bus.NoPosition, bus.NoPosition, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	l := c.s.journal(shard)
	if len(l.records) == 0 {
		return bus.NoPosition, bus.NoPosition, nil
	}
	return l.records[0].Pos, l.last(), nil
}

// Spans lists the partitions.
func (c *Client) Spans(ctx context.Context) ([]bus.Span, error) {
	if err := c.ask(ctx, "Spans"); err != nil {
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

// Follow hands over a partition's messages. It checks its place whenever the partition was
// recreated or cut back.
func (c *Client) Follow(ctx context.Context, p bus.Partition, after bus.Position, deliver func([]bus.Message) error) error {
	checked := -1
	for {
		if err := c.ask(ctx, "Follow"); err != nil {
			return err
		}
		batch, epoch, more, err := c.s.read(p, after, checked)
		if err != nil {
			return err
		}
		checked = epoch
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

// read returns the next messages of a partition after a place, its epoch, and the channel
// that is closed at the next change.
func (s *Store) read(p bus.Partition, after bus.Position, checked int) ([]bus.Message, int, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	t := s.topics[p]
	switch {
	case t == nil || t.away:
		return nil, 0, nil, bus.ErrUnavailable
	case t.identity != after.Identity:
		return nil, 0, nil, bus.ErrRecreated
	case t.epoch != checked && !t.holds(after):
		return nil, 0, nil, bus.ErrCutBack
	}
	from := max(after.Seq+1-t.first, 0)
	if from >= int64(len(t.messages)) {
		return nil, t.epoch, s.changed, nil
	}
	batch := slices.Clone(t.messages[from:])
	return batch[:min(len(batch), followBatch)], t.epoch, s.changed, nil
}

// holds: the partition reaches the place, and no other event is there.
func (t *topic) holds(at bus.Position) bool {
	i := at.Seq - t.first
	return at.Seq <= t.end() && (at.Mark == 0 || i < 0 || t.messages[i].Position.Mark == at.Mark)
}

// Get reads one message again.
func (c *Client) Get(ctx context.Context, p bus.Partition, at bus.Position) (bus.Message, error) {
	if err := c.ask(ctx, "Get"); err != nil {
		return bus.Message{}, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t := c.s.topics[p]
	if t != nil && t.away {
		return bus.Message{}, bus.ErrUnavailable
	}
	if t == nil || t.identity != at.Identity || at.Seq < t.first || !t.holds(at) {
		return bus.Message{}, bus.ErrGone
	}
	return t.messages[at.Seq-t.first], nil
}

// Before returns the last place before a time.
func (c *Client) Before(ctx context.Context, p bus.Partition, at time.Time) (bus.Position, error) {
	if err := c.ask(ctx, "Before"); err != nil {
		return bus.Position{}, err
	}
	return c.s.last(p, func(m *bus.Message) bool { return m.Stored.Before(at) }), nil
}

// Intact goes by the mark of a place: by the time, less a minute, or by the epoch.
func (c *Client) Intact(ctx context.Context, p bus.Partition, at bus.Position) (bus.Position, error) {
	if err := c.ask(ctx, "Intact"); err != nil {
		return bus.Position{}, err
	}
	return c.s.last(p, func(m *bus.Message) bool {
		if c.s.offsets {
			return m.Position.Mark <= at.Mark
		}
		return m.Stored.Before(time.Unix(0, at.Mark).Add(-time.Minute))
	}), nil
}

// last is the place of the last message before the first one that is not so.
func (s *Store) last(p bus.Partition, so func(*bus.Message) bool) bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[p]
	at := bus.Position{Identity: t.identity, Seq: t.first - 1}
	for i := range t.messages {
		if !so(&t.messages[i]) {
			break
		}
		at = t.messages[i].Position
	}
	return at
}

// Publish stores an event beside the followed topics.
func (c *Client) Publish(ctx context.Context, topic string, e *event.Event, _ bus.PublishOptions) (bus.Receipt, error) {
	if strings.HasPrefix(e.Type, "hookspan.") {
		fits(schematest.OpsEvent(e.Type, e.Data))
	}
	if err := cmp.Or(c.ask(ctx, "Publish"), c.refuse(sizeOf(e)).Err); err != nil {
		return bus.Receipt{}, err
	}
	if c.s.has(bus.Partition(topic)) {
		return bus.Receipt{}, c.publish(bus.Partition(topic), e)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.others = append(c.s.others, bus.Message{Topic: topic, Event: e, Stored: time.Now()})
	return bus.Receipt{}, nil
}

func sizeOf(e *event.Event) int { return len(event.AppendStructured(nil, e)) }

// publish stores an event of a followed topic, synced.
func (c *Client) publish(p bus.Partition, e *event.Event) error {
	c.s.Publish(p, *e)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.topics[p].synced = c.s.topics[p].end()
	return nil
}

// MaxBytes of an event.
func (c *Client) MaxBytes() int64 { return int64(cmp.Or(c.now().Most, 1<<20)) }

// Sync spares what there is from a power cut.
func (c *Client) Sync(ctx context.Context) error {
	if err := c.ask(ctx, "Sync"); err != nil {
		return err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.sync()
	return nil
}

// Room is what SetRoom said.
func (c *Client) Room(ctx context.Context) (bus.Room, error) {
	if err := c.ask(ctx, "Room"); err != nil {
		return bus.Room{}, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.room, nil
}

// PurgeEvents removes messages up to a sequence.
func (c *Client) PurgeEvents(ctx context.Context, p bus.Partition, upto int64) error {
	if err := c.ask(ctx, "PurgeEvents"); err != nil {
		return err
	}
	c.s.Expire(p, upto+1)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.purged = append(c.s.purged, bus.Position{Identity: c.s.topics[p].identity, Seq: upto})
	return nil
}

// OthersNeed is what SetOthersNeed said.
func (c *Client) OthersNeed(ctx context.Context, _ bus.Partition) (int64, bool, error) {
	if err := c.ask(ctx, "OthersNeed"); err != nil {
		return 0, false, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.need == nil {
		return 0, false, nil
	}
	return *c.s.need, true, nil
}
