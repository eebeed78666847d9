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
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/quarantine"
	"github.com/hookspan/hookspan/bridge/retention"
	"github.com/hookspan/hookspan/bridge/sighting"
	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/bridge/statelog"
	"github.com/hookspan/hookspan/bridge/tenant"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/transform"
)

// ErrStopping is the cause of contexts that end because the process stops. An attempt that
// it cuts off does not count.
var ErrStopping = errors.New("the process is stopping")

// ownAtOnce is how many shards are taken side by side: of a bus that others use too, and of the
// process's own, whose server has a block of 8 MB in memory for each place that is read.
const (
	ownAtOnce      = 16
	ownAtOnceAlone = 4
)

type store = bus.Store

// Registry is what a dispatcher needs of the endpoints' registry.
type Registry interface {
	Set() *endpoint.Set
	Changed() <-chan struct{}
	Refresh(ctx context.Context) (*endpoint.Set, error)
	SetState(ctx context.Context, id string, to endpoint.State, reason string) (*endpoint.Endpoint, error)
	Starts(ctx context.Context, patterns []string) (*endpoint.Starts, error)
	Shards(ctx context.Context, fresh int) (int, error)
	Origin() string
	SetConsent(ctx context.Context, id string, c endpoint.Consent) error
	Fold(ctx context.Context, id string, safe func(period, next endpoint.Period) bool) error
}

// Config of a Dispatcher. Every field is needed but Leases, Asker, Schemes, Teller, TenantRule,
// StopWrite, Metrics, Tracer and Sightings.
type Config struct {
	Store           bus.Store
	Leases          bus.Leases // nil: no other process shares the bus
	Registry        Registry
	Sender          delivery.Sender
	Asker           delivery.Asker // nil: endpoints that want a handshake wait
	Observer        delivery.Observer
	Schemes         signature.Schemes // that endpoints may sign with
	Shards          int               // of an installation that starts for the first time; its own number counts after that
	Topics          []string          // patterns that are followed
	DeadTopic       string
	OpsTopic        string
	Teller          *ops.Teller // of the operations events; nil: one that nobody counts
	QuarantineTopic string      // of messages that are meant to be events and are none
	TenantRule      tenant.Rule // says whose the events on topics are
	UserAgent       string
	StopGrace       time.Duration // that running attempts get to finish
	StopWrite       time.Duration // that journal and hand-over get after that; default 5s
	Log             *slog.Logger
	Metrics         prometheus.Registerer // nil: none
	Tracer          *tracing.Tracer       // nil: no traces
	Sightings       *sighting.Tally       // counts the types of what the live feed reads; nil: nobody does

	limits *limits // nil: the default ones
}

// A Dispatcher owns shards of the endpoints and delivers what the followed topics bring to
// them. New, then Prepare, then Run; the other methods may be called from any goroutine.
type Dispatcher struct {
	store    bus.Store
	registry Registry
	sender   delivery.Sender
	observer delivery.Observer
	log      *slog.Logger
	trouble  *complaints
	metrics  *metrics
	conf     Config
	limits   limits

	owned      *ownedShards
	taking     chan struct{} // a slot for each shard that is being taken
	others     *statelog.Mirrors
	partitions *feed.Partitions
	live       *feed.Live
	ranges     *feed.Ranges
	quarantine *quarantine.Quarantine
	applier    *applier
	commands   *commands
	purger     *retention.Purger
	throttle   *throttle
	transforms *transform.Room
	following  chan struct{} // closed by the applier when there is an endpoint
	locating   chan struct{} // one slot: whoever searches what is stored takes it
	typing     chan struct{} // one slot: whoever looks there for types of events takes it, which may take longer
	tallied    atomic.Pointer[tallied]

	attemptsCtx context.Context
	cutAttempts context.CancelCauseFunc
	begun       atomic.Int64 // attempts
	whole       ration
	lanes       atomic.Int64
	cutBacks    atomic.Int64 // of partitions, found so far
	background  sync.WaitGroup
}

// New returns a dispatcher that owns nothing yet.
func New(c Config) *Dispatcher {
	d := &Dispatcher{
		store: c.Store, registry: c.Registry, sender: c.Sender, observer: c.Observer, log: c.Log,
		conf: c, limits: defaultLimits(), owned: newOwnedShards(c.Shards), others: statelog.NewMirrors(c.Store), transforms: transform.NewRoom(),
		following: make(chan struct{}), locating: make(chan struct{}, 1), typing: make(chan struct{}, 1),
	}
	if d.taking = make(chan struct{}, ownAtOnce); c.Leases == nil {
		d.taking = make(chan struct{}, ownAtOnceAlone)
	}
	if c.StopWrite == 0 {
		d.conf.StopWrite = stopWrite
	}
	if c.limits != nil {
		d.limits = *c.limits
	}
	if c.Teller == nil {
		d.conf.Teller = ops.NewTeller(c.Store, c.OpsTopic, nil)
	}
	d.trouble = newComplaints(c.Log)
	d.metrics = newMetrics(c.Metrics)
	d.throttle = &throttle{most: d.limits.unrecorded, resume: d.wakeAll}
	d.applier = &applier{d: d, woken: make(chan struct{}, 1)}
	d.commands = newCommands(d)
	d.quarantine = quarantine.New(quarantine.Options{
		Publisher: c.Store, Topic: c.QuarantineTopic, Log: c.Log,
		Quarantined: d.metrics.quarantined.Inc, PassedOver: d.metrics.passedOver.Inc, Dropped: d.metrics.dropped.Inc, Alike: d.metrics.alike.Inc,
	})
	d.readers()
	d.purger = retention.NewPurger(retention.Options{
		Store: c.Store, Registry: c.Registry, Partitions: d.partitions, Shards: keeper{d}, Others: d.others,
		Log: c.Log, Complaints: d.trouble, Tell: d.nearlyFull,
	})
	d.attemptsCtx, d.cutAttempts = context.WithCancelCause(context.Background())
	if c.Metrics != nil {
		c.Metrics.MustRegister(&census{d: d}) // last: from here on a scrape may come
	}
	return d
}

// readers makes what reads the topics.
func (d *Dispatcher) readers() {
	d.partitions = feed.NewPartitions(d.topics(), d.log)
	d.live = feed.NewLive(feed.LiveOptions{
		Partitions: d.partitions, Shards: d.owned.toFeed, Fed: d.owned.any, Begin: d.following, Admit: d.throttle.wait,
		Inspect: d.inspect, Expired: d.lost, CutBack: func() { d.cutBacks.Add(1) }, Reach: d.limits.reach, Complaints: d.trouble,
	})
	d.ranges = feed.NewRanges(feed.RangesOptions{
		Partitions: d.partitions, Hungry: d.hungry, Admit: d.throttle.wait, Inspect: d.inspectRange, Recheck: d.live.RecheckAll,
		Reach: d.limits.reach, Complaints: d.trouble,
	})
}

// wakeAll begins whatever is due.
func (d *Dispatcher) wakeAll() {
	for _, s := range d.owned.all() {
		s.wakeAll()
	}
}

// Prepare finds out how many shards there are and where following begins. A process that
// shares the bus with nobody takes all shards and holds every position against what the bus
// has: intake may open once Prepare has returned, because from then on no sequence can be
// counted twice. A shard whose log is damaged is left alone; Run tries again whether an
// operator has mended it.
func (d *Dispatcher) Prepare(ctx context.Context) error {
	count, err := d.registry.Shards(ctx, d.conf.Shards)
	if err != nil {
		return err
	}
	d.owned.setTotal(count)
	starts, err := d.registry.Starts(ctx, d.conf.Topics)
	if err != nil {
		return fmt.Errorf("find where topics begin: %w", err)
	}
	d.partitions.Begin(starts, starts.Positions(), len(d.conf.Topics) == 1)
	if d.conf.Leases != nil {
		return nil
	}
	group, gctx := errgroup.WithContext(ctx)
	for id := range d.owned.total() {
		group.Go(func() error {
			err := d.take(gctx, d.newShard(id))
			if errors.Is(err, statelog.ErrDamaged) {
				d.log.Error("shard not taken", slog.Int("shard", id), slog.Any("error", err))
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// Run feeds and delivers until ctx ends, then hands over: attempts that run get the grace to
// finish, everything is journaled, and each shard's last delta says so. It returns when
// StopGrace and StopWrite are over at the latest, whatever the bus does. An error is that of a hand-over
// at the end, or one of the leases that no retry would mend.
func (d *Dispatcher) Run(ctx context.Context) error {
	writing, stopWriting := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopWriting(nil)
	feeding, stopFeeding := context.WithCancel(ctx)
	defer stopFeeding()
	var feeds sync.WaitGroup
	for _, run := range []func(context.Context){d.live.Run, d.ranges.Run, d.applier.run, d.commands.run, d.commands.keepShort, d.purger.Run, (&asking{d: d}).run} {
		feeds.Go(func() { run(feeding) })
	}
	sharing, stopSharing := context.WithCancel(writing)
	defer stopSharing()
	ts := &ownerships{d: d, writing: writing, now: map[int]*ownership{}}
	joined := make(chan error, 1) // sent to once
	go func() { joined <- d.leases().Join(sharing, d.owned.total(), ts) }()
	var err error
	left := false
	select {
	case <-ctx.Done():
	case err = <-joined:
		left = true
	}
	d.owned.stop()
	grace := time.AfterFunc(d.conf.StopGrace, func() { d.cutAttempts(ErrStopping) })
	defer grace.Stop()
	over := time.AfterFunc(d.conf.StopGrace+d.conf.StopWrite, func() { stopWriting(ErrStopping) })
	defer over.Stop()
	stopFeeding()
	stopSharing()
	if left {
		ts.endAll()
	} else {
		err = <-joined
	}
	ts.running.Wait()
	feeds.Wait()
	d.cutAttempts(ErrStopping)
	d.background.Wait()
	return errors.Join(append(ts.failed, err)...)
}

func (d *Dispatcher) leases() bus.Leases {
	if d.conf.Leases == nil {
		return bus.Alone{}
	}
	return d.conf.Leases
}

// Command makes a command durable. The owner acts on it within a moment.
func (d *Dispatcher) Command(ctx context.Context, c delivery.Command) error {
	return d.commands.write(ctx, c)
}

// Owned lists the shards that this process owns now, in order; all is how many there are.
func (d *Dispatcher) Owned() (owned []int, all int) {
	for _, s := range d.owned.all() {
		owned = append(owned, s.id)
	}
	return owned, d.owned.total()
}

// Leads reports whether this process does what one of them does for all: it owns the first shard, and
// the lease holds.
func (d *Dispatcher) Leads() bool {
	s := d.owned.shard(0)
	return s != nil && s.holds()
}

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

// signal fills a channel of one slot.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
