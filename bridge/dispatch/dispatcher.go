package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// ErrStopping is the cause of contexts that end because the process stops. An attempt that
// it cuts off does not count.
var ErrStopping = errors.New("the process is stopping")

const (
	unrecordedMost = 10_000
	deltaEvery     = time.Second
)

type store = bus.Store

// Registry is what a dispatcher needs of the endpoints' registry.
type Registry interface {
	Set() *endpoint.Set
	Changed() <-chan struct{}
	Refresh(ctx context.Context) (*endpoint.Set, error)
	SetState(ctx context.Context, id string, to endpoint.State, reason string) (*endpoint.Endpoint, error)
	Starts(ctx context.Context, patterns []string) (*endpoint.Starts, error)
	Fold(ctx context.Context, id string, safe func(item, behind endpoint.Item) bool) error
}

// An Observer hears of deliveries; it must not block.
type Observer interface {
	// Attempted is called with every attempt once its record is durable.
	Attempted(Attempt)
	// Waiting is called with a pending delivery that a takeover found.
	Waiting(Entry)
}

// Config of a Dispatcher. Every field is needed but Metrics.
type Config struct {
	Store     bus.Store
	Registry  Registry
	Sender    Sender
	Observer  Observer
	Shards    int
	Topics    []string // patterns that are followed
	DeadTopic string
	OpsTopic  string
	UserAgent string
	StopGrace time.Duration // that running attempts get to finish
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: none
}

// A Dispatcher owns shards of the endpoints and delivers what the followed topics bring to
// them. New, then Prepare, then Run; the other methods may be called from any goroutine.
type Dispatcher struct {
	store     bus.Store
	registry  Registry
	sender    Sender
	observer  Observer
	log       *slog.Logger
	metrics   *metrics
	conf      Config
	count     int
	deadTopic string
	passes    *passes

	starts *endpoint.Starts
	origin bus.Positions // where following begins that has no position

	attemptsCtx context.Context
	cutAttempts context.CancelCauseFunc

	begun   atomic.Int64 // attempts
	unacked atomic.Int64 // their records
	stalls  atomic.Int64 // shards whose journal does not answer

	commands   chan struct{} // one slot: Command sends, command receives
	trimmed    int64         // of the commands' log
	background sync.WaitGroup

	mu        sync.Mutex
	owned     map[int]*shard
	followers map[bus.Partition]*follower
	fronts    map[bus.Partition]int64 // the sequence in front of the first one kept
	ends      map[bus.Partition]bus.Position
	stuck     map[int]bool    // shards whose journal does not answer
	disabling map[string]bool // endpoints, by id
}

// New returns a dispatcher that owns nothing yet.
func New(c Config) *Dispatcher {
	d := &Dispatcher{
		store: c.Store, registry: c.Registry, sender: c.Sender, observer: c.Observer, log: c.Log,
		conf: c, count: c.Shards, deadTopic: c.DeadTopic,
		commands: make(chan struct{}, 1), trimmed: bus.NoPosition,
		owned: map[int]*shard{}, followers: map[bus.Partition]*follower{}, disabling: map[string]bool{},
		fronts: map[bus.Partition]int64{}, ends: map[bus.Partition]bus.Position{}, stuck: map[int]bool{},
	}
	d.metrics = newMetrics(d, c.Metrics)
	d.passes = newPasses(d)
	d.attemptsCtx, d.cutAttempts = context.WithCancelCause(context.Background())
	return d
}

// Prepare takes all shards and holds every position against what the bus has. Intake may
// open once it has returned: from then on no sequence can be counted twice.
func (d *Dispatcher) Prepare(ctx context.Context) error {
	starts, err := d.registry.Starts(ctx, d.conf.Topics)
	if err != nil {
		return fmt.Errorf("find where topics begin: %w", err)
	}
	d.starts, d.origin = starts, starts.Positions()
	if _, err := d.spans(ctx); err != nil {
		return err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for id := range d.count {
		group.Go(func() error {
			s := d.newShard(id)
			if err := s.own(gctx); err != nil {
				return err
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.owned[id] = s
			return nil
		})
	}
	return group.Wait()
}

func (d *Dispatcher) newShard(id int) *shard {
	s := &shard{d: d, id: id, log: newStateLog(d.store, id, d.log), journaled: bus.NoPosition}
	s.rec = newRecorder(d, id, s.recorded)
	return s
}

// Run feeds and delivers until ctx ends, then hands over: attempts that run get the grace to
// finish, everything is journaled, and each shard's last delta says so.
func (d *Dispatcher) Run(ctx context.Context) error {
	recording, stopRecording := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRecording()
	var recorders, feeds, deltas sync.WaitGroup
	for _, s := range d.shards() {
		recorders.Go(func() { s.rec.run(recording) })
		deltas.Go(func() { s.run(ctx) })
	}
	feeds.Go(func() { d.follow(ctx) })
	feeds.Go(func() { d.passes.run(ctx) })
	feeds.Go(func() { d.takeUp(ctx) })
	feeds.Go(func() { d.command(ctx) })
	feeds.Go(func() { d.keepSpace(ctx) })
	for _, s := range d.shards() {
		s.wakeAll()
	}
	<-ctx.Done()
	for _, s := range d.shards() {
		s.stop()
	}
	feeds.Wait()
	deltas.Wait()
	d.drain()
	err := d.handOver()
	d.cutAttempts(ErrStopping)
	d.background.Wait()
	stopRecording()
	recorders.Wait()
	return err
}

// run writes the shard's deltas. A superseded shard is dropped: it begins nothing more, and
// what runs is still journaled.
func (s *shard) run(ctx context.Context) {
	tick := time.NewTicker(deltaEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.overdue()
		err := s.step(ctx, false)
		switch {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, bus.ErrSuperseded):
			s.d.log.Error("shard taken over by another owner", slog.Int("shard", s.id))
			s.stop()
			s.d.drop(s)
			return
		default:
			s.d.log.Warn("delta not written, trying again", slog.Int("shard", s.id), slog.Any("error", err))
		}
	}
}

// overdue takes endpoints out of the live feed whose oldest event has waited too long while
// attempts did begin.
func (s *shard) overdue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.d.begun.Load()
	begun := all != s.begun
	s.begun = all
	for _, l := range s.lanes {
		l.skipForgotten()
		if begun && l.fresh > 0 && time.Since((*l.queue.front()).at) > laneAge && l.live(*l.queue.front()) {
			l.leave()
		}
	}
}

// wakeAll begins what a load found due.
func (s *shard) wakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, l := range s.lanes {
		l.pump(now)
	}
}

// drain lets running attempts finish within the grace, then cuts them off, and waits until
// all that was made is journaled or the grace is over.
func (d *Dispatcher) drain() {
	over := time.AfterFunc(d.conf.StopGrace, func() { d.cutAttempts(ErrStopping) })
	defer over.Stop()
	for _, s := range d.shards() {
		s.attempts.Wait()
	}
	deadline := time.Now().Add(min(d.conf.StopGrace, 5*time.Second))
	for d.unacked.Load() > 0 && time.Now().Before(deadline) {
		time.Sleep(2 * time.Millisecond)
	}
}

// handOver writes each shard's last delta.
func (d *Dispatcher) handOver() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	group, gctx := errgroup.WithContext(ctx)
	for _, s := range d.shards() {
		group.Go(func() error { return s.step(gctx, d.unacked.Load() == 0) })
	}
	return group.Wait()
}

func (d *Dispatcher) shards() []*shard {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*shard, 0, len(d.owned))
	for id := range d.count {
		if s := d.owned[id]; s != nil {
			all = append(all, s)
		}
	}
	return all
}

func (d *Dispatcher) drop(s *shard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owned[s.id] == s {
		delete(d.owned, s.id)
	}
}

func (d *Dispatcher) attemptContext() context.Context { return d.attemptsCtx }

// synced waits for a sync that begins now; it tries until ctx ends.
func (d *Dispatcher) synced(ctx context.Context) error {
	for {
		err := d.store.Sync(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("sync before a delta: %w", err)
		case <-time.After(recordRetry):
		}
	}
}

func (d *Dispatcher) unrecorded(n int) { d.unacked.Add(int64(n)) }

func (d *Dispatcher) stalled(shard int, is bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stuck[shard] == is {
		return
	}
	if d.stuck[shard] = is; is {
		d.stalls.Add(1)
	} else {
		d.stalls.Add(-1)
	}
}

// room: attempts may begin, their records are being acknowledged.
func (d *Dispatcher) room() bool {
	return d.unacked.Load() < unrecordedMost && d.stalls.Load() == 0
}

// waitForRoom holds the follower back with the attempts.
func (d *Dispatcher) waitForRoom(ctx context.Context) error {
	for !d.room() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return ctx.Err()
}

// spans asks the bus what the followed partitions hold.
func (d *Dispatcher) spans(ctx context.Context) ([]bus.Span, error) {
	spans, err := d.store.Spans(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the followed partitions: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range spans {
		d.fronts[s.Partition], d.ends[s.Partition] = s.First-1, s.End
	}
	return spans, nil
}

func (d *Dispatcher) before(p bus.Partition) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fronts[p]
}

// follow keeps one follower per partition, also of those that appear later.
func (d *Dispatcher) follow(ctx context.Context) {
	var followers sync.WaitGroup
	defer followers.Wait()
	for {
		spans, err := d.spans(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("partitions not listed, trying again", slog.Any("error", err))
		}
		for _, span := range spans {
			d.mu.Lock()
			f := d.followers[span.Partition]
			if f == nil {
				f = &follower{d: d, partition: span.Partition, filling: map[*shard]bool{}}
				d.followers[span.Partition] = f
				followers.Go(func() { f.run(ctx) })
			}
			d.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// start is where the shard stands that is furthest behind in a partition.
func (d *Dispatcher) start(p bus.Partition) bus.Position {
	var at bus.Position
	for i, s := range d.shards() {
		if q := s.place(p); i == 0 || q.Seq < at.Seq {
			at = q
		}
	}
	return at
}

// recheck holds the places in memory against a partition before it is followed (again).
func (d *Dispatcher) recheck(ctx context.Context, p bus.Partition) error {
	spans, err := d.spans(ctx)
	if err != nil {
		return err
	}
	for _, span := range spans {
		if span.Partition != p {
			continue
		}
		for _, s := range d.shards() {
			fits, err := d.fitting(ctx, span, s.kept(p), nil)
			if err != nil {
				return err
			}
			s.refit(span, fits)
		}
	}
	return nil
}

// followed leaves out what was published before the following of its topic began.
func (d *Dispatcher) followed(p bus.Partition, batch []bus.Message) []bus.Message {
	if from, named := d.origin[p]; len(d.conf.Topics) == 1 && !(named && from.Includes(batch[0].Position)) {
		return batch
	}
	kept := batch[:0:0]
	for i := range batch {
		if d.starts.Takes(p, batch[i].Position, batch[i].Topic) {
			kept = append(kept, batch[i])
		}
	}
	return kept
}

// kept are the places of a partition that the shard's memory holds.
func (s *shard) kept(p bus.Partition) []bus.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []bus.Position
	if at, ok := s.read[p]; ok {
		all = append(all, at)
	}
	return all
}

// refit moves the shard's places of a partition to where they fit.
func (s *shard) refit(span bus.Span, fits fit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := span.Partition
	at, ok := s.read[p]
	if !ok {
		if at, ok = s.d.origin[p]; !ok || at.Identity != span.Identity {
			at = bus.Position{Identity: span.Identity, Seq: span.First - 1}
		}
		s.read[p] = at
		return
	}
	to, same := fits(at)
	if to == at {
		return
	}
	s.read[p] = to
	for _, l := range s.lanes {
		pl := l.places[p]
		if pl == nil {
			continue
		}
		fresh := &place{behind: pl.behind}
		if same {
			fresh = pl
		} else if pl.behind {
			fresh.ranges = []*catchup{{a: to, c: to}}
		}
		if pl.since != nil && pl.since.Seq > to.Seq {
			pl.since = &to
		}
		for _, c := range fresh.ranges {
			if c.c.Same(to) && c.c.Seq > to.Seq {
				c.c = to
			}
			if c.a.Same(to) && c.a.Seq > to.Seq {
				c.a = to
			}
			if c.b != nil && c.b.Same(to) && c.b.Seq > to.Seq {
				c.b = &to
			}
		}
		l.places[p] = fresh
	}
}
