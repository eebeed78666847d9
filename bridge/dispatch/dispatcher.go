package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// ErrStopping is the cause of contexts that end because the process stops. An attempt that
// it cuts off does not count.
var ErrStopping = errors.New("the process is stopping")

// ownAtOnce is how many shards are taken side by side.
const ownAtOnce = 8

type store = bus.Store

// Registry is what a dispatcher needs of the endpoints' registry.
type Registry interface {
	Set() *endpoint.Set
	Changed() <-chan struct{}
	Refresh(ctx context.Context) (*endpoint.Set, error)
	SetState(ctx context.Context, id string, to endpoint.State, reason string) (*endpoint.Endpoint, error)
	Starts(ctx context.Context, patterns []string) (*endpoint.Starts, error)
	Shards(ctx context.Context, fresh int) (int, error)
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
	Shards    int      // of an installation that starts for the first time; its own number counts after that
	Topics    []string // patterns that are followed
	DeadTopic string
	OpsTopic  string
	UserAgent string
	StopGrace time.Duration // that running attempts get to finish
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: none

	limits *limits // nil: the default ones
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
	limits    limits
	count     int
	deadTopic string
	passes    *passes

	starts *endpoint.Starts
	origin bus.Positions // where following begins that has no position

	attemptsCtx context.Context
	cutAttempts context.CancelCauseFunc

	begun    atomic.Int64 // attempts
	unacked  atomic.Int64 // their records
	stalls   atomic.Int64 // shards whose journal does not answer
	starving atomic.Bool  // some lane was held back for want of room
	lanes    atomic.Int64
	cutBacks atomic.Int64 // of partitions, found so far
	tight    atomic.Bool  // the event store is nearly full

	commands   chan struct{} // one slot: Command sends, command receives
	trimmed    int64         // of the commands' log; keepSpace's own
	background sync.WaitGroup

	mu        sync.Mutex
	stopping  bool
	owned     map[int]*shard
	damaged   map[int]bool // shards that nobody can own until an operator mends them
	followers map[bus.Partition]*follower
	spans     map[bus.Partition]bus.Span // as last asked for

	roused chan struct{} // closed by takeUp when there is an endpoint
}

// New returns a dispatcher that owns nothing yet.
func New(c Config) *Dispatcher {
	d := &Dispatcher{
		store: c.Store, registry: c.Registry, sender: c.Sender, observer: c.Observer, log: c.Log,
		conf: c, limits: defaultLimits(), count: c.Shards, deadTopic: c.DeadTopic,
		commands: make(chan struct{}, 1), trimmed: bus.NoPosition,
		owned: map[int]*shard{}, damaged: map[int]bool{}, followers: map[bus.Partition]*follower{},
		spans: map[bus.Partition]bus.Span{}, roused: make(chan struct{}),
	}
	if c.limits != nil {
		d.limits = *c.limits
	}
	d.metrics = newMetrics(d, c.Metrics)
	d.passes = newPasses(d)
	d.attemptsCtx, d.cutAttempts = context.WithCancelCause(context.Background())
	return d
}

// Prepare takes all shards and holds every position against what the bus has. Intake may
// open once it has returned: from then on no sequence can be counted twice. A shard whose log
// is damaged is left alone; Run tries again whether an operator has mended it.
func (d *Dispatcher) Prepare(ctx context.Context) error {
	count, err := d.registry.Shards(ctx, d.conf.Shards)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.count = count
	d.mu.Unlock()
	starts, err := d.registry.Starts(ctx, d.conf.Topics)
	if err != nil {
		return fmt.Errorf("find where topics begin: %w", err)
	}
	d.starts, d.origin = starts, starts.Positions()
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(ownAtOnce)
	for id := range d.count {
		group.Go(func() error {
			s := d.newShard(id)
			err := s.own(gctx)
			switch {
			case errors.Is(err, errDamaged):
				d.damage(id, err)
				d.log.Error("shard not taken", slog.Int("shard", id), slog.Any("error", err))
				return nil
			case err != nil:
				return err
			}
			d.adopt(s)
			return nil
		})
	}
	return group.Wait()
}

// Run feeds and delivers until ctx ends, then hands over: attempts that run get the grace to
// finish, everything is journaled, and each shard's last delta says so. It returns a few
// seconds after the grace at the latest, whatever the bus does.
func (d *Dispatcher) Run(ctx context.Context) error {
	writing, stopWriting := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopWriting(nil)
	drained := make(chan struct{}) // closed here, when nothing runs any more
	var feeds sync.WaitGroup
	var owners errgroup.Group
	for id := range d.count {
		owners.Go(func() error { return d.tend(ctx, writing, id, drained) })
	}
	feeds.Go(func() { d.follow(ctx) })
	feeds.Go(func() { d.passes.run(ctx) })
	feeds.Go(func() { d.takeUp(ctx) })
	feeds.Go(func() { d.command(ctx) })
	feeds.Go(func() { d.keepSpace(ctx) })
	<-ctx.Done()
	d.stop()
	grace := time.AfterFunc(d.conf.StopGrace, func() { d.cutAttempts(ErrStopping) })
	defer grace.Stop()
	over := time.AfterFunc(d.conf.StopGrace+stopWriteTime, func() { stopWriting(ErrStopping) })
	defer over.Stop()
	feeds.Wait()
	d.drain(writing)
	close(drained)
	err := owners.Wait()
	d.cutAttempts(ErrStopping)
	d.background.Wait()
	return err
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

// shard is nil while this process does not own it.
func (d *Dispatcher) shard(id int) *shard {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.owned[id]
}

func (d *Dispatcher) attemptContext() context.Context { return d.attemptsCtx }

// pause waits; it reports false when ctx ended meanwhile.
func pause(ctx context.Context, t time.Duration) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
