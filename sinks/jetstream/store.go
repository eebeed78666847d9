package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/lease"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// Conns are the connections that a Store works on; Events is required. Read is for following
// topics (default Events). Private is for logs, journal and refusals, in another account where
// the server has one for them (default Events). They should not buffer while they reconnect
// (nats.ReconnectBufSize(-1)), so that a publish fails at once. Process is the server of Events
// where that is in this process: events are published to it without the client library.
type Conns struct {
	Events, Read, Private *nats.Conn
	Process               *link.Process
}

// A Disk is the storage of an embedded server.
type Disk interface {
	// Durable returns once what was acknowledged before the call is as durable as promised.
	Durable(ctx context.Context) error
	// Syncer does the same without a call that waits.
	link.Syncer
	// Sync returns after a sync that began after the call.
	Sync(ctx context.Context) error
	// Usable is nil, or why a write would fail. Reserved writes may go on longer.
	Usable(reserved bool) error
}

// Options configure a Store. The zero value works.
type Options struct {
	Namespace string   // default hookspan
	Prefix    string   // of event topics; default <namespace>.events
	Stream    string   // of events; default <NAMESPACE>_EVENTS
	Topics    []string // subjects that are followed; default <prefix>.>
	Intake    []string // subjects that intake writes to beside <prefix>.>

	Retention        time.Duration // of events; default 168h
	JournalRetention time.Duration // of journal and refusals; default 168h
	PublishTimeout   time.Duration // default 5s
	Lease            time.Duration // how long a silent member keeps its shards; default 10s
	Replicas         int           // of streams that are created; default 3 on three servers or more, else 1
	APIPrefix        string        // of the JetStream API; default $JS.API
	Domain           string        // JetStream domain; instead of APIPrefix

	// EventStore and PrivateStore bound in bytes what the streams of each side may take
	// together; 0: no limit of ours, but for journal and refusals.
	EventStore, PrivateStore int64

	Disk    Disk                  // of an embedded server; nil elsewhere
	Metrics prometheus.Registerer // default: none
	Log     *slog.Logger          // default: none

	cutOffAfter time.Duration // default cutOffAfter
}

// A Store is a bus.Store, bus.History and bus.Refusals on JetStream. It is safe for use by
// many goroutines.
type Store struct {
	o       Options
	names   names
	events  *link.Link // publishes
	reads   *link.Link // reads events
	private *link.Link
	room    room
	health  health

	distrusted *prometheus.CounterVec // by reason

	allowance  atomic.Int64 // bytes that an account of somebody else's server may keep; 0: no limit
	maxMessage atomic.Int64 // bytes that the event stream takes; 0 or less: as much as the server

	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	known   map[string]string // identity by stream, of those that hold a followed topic
	started map[string]bool   // streams that were there when following began
	told    map[string]bool   // streams that cannot be followed and were logged
}

// names are the streams and subjects of an installation.
type names struct {
	ns, prefix                                           string
	events, state, registry, commands, journal, refusals string // streams
	leases                                               string // a bucket
}

// Open makes or updates the streams and begins to watch the connections. It fails with the
// remedy when a followed topic lies on a stream that reading would delete from. Close does
// not close the connections.
func Open(ctx context.Context, c Conns, o Options) (*Store, error) {
	o.withDefaults()
	s := &Store{
		o: o, names: o.names(), known: map[string]string{}, told: map[string]bool{},
		health: health{turn: make(chan struct{}, 1)}, distrusted: newDistrusted(o.Metrics),
	}
	var err error
	events := o.link(true)
	events.Process = c.Process
	if s.events, err = link.New(c.Events, events); err != nil {
		return nil, err
	}
	s.reads, s.private = s.events, s.events
	if c.Read != nil && c.Read != c.Events {
		if s.reads, err = link.New(c.Read, o.link(false)); err != nil {
			return nil, errors.Join(err, s.closeLinks())
		}
	}
	if c.Private != nil && c.Private != c.Events {
		if s.private, err = link.New(c.Private, o.link(true)); err != nil {
			return nil, errors.Join(err, s.closeLinks())
		}
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the bus: %w", err), s.closeLinks())
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.running.Go(func() { s.watch(run) })
	s.running.Go(func() { s.keep(run) })
	if o.Disk == nil {
		s.drive(run)
	}
	return s, nil
}

const defaultPublishTimeout = 5 * time.Second

// prepareTimeout bounds the making of streams, which a slow disk may take its time for.
const prepareTimeout = time.Minute

// prepare brings the streams into shape and learns which partitions there are.
func (s *Store) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	if err := s.makeStreams(ctx); err != nil {
		return err
	}
	if err := s.refuseUnreadable(ctx); err != nil {
		return err
	}
	if _, err := s.Spans(ctx); err != nil {
		return err
	}
	if _, err := s.Room(ctx); err != nil {
		return err
	}
	return s.Sync(ctx) // the streams themselves are files
}

// Close ends what the store runs. Calls on the way end with bus.ErrUnavailable.
func (s *Store) Close() error {
	s.stop()
	s.running.Wait()
	return s.closeLinks()
}

func (s *Store) closeLinks() error {
	err := s.events.Close()
	if s.reads != s.events {
		err = errors.Join(err, s.reads.Close())
	}
	if s.private != s.events {
		err = errors.Join(err, s.private.Close())
	}
	return err
}

const sweepsPerLook = 4 // at the event stream's size

// watch lets publishes time out, fails them early when the disk is in trouble, and keeps an
// eye on the room of the event stream.
func (s *Store) watch(ctx context.Context) {
	t := time.NewTicker(link.SweepEvery)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		trouble := s.usable(true)
		s.events.Acks.Sweep(trouble)
		s.private.Acks.Sweep(trouble)
		if n%sweepsPerLook == 0 && s.room.limit.Load() > 0 {
			look, cancel := context.WithTimeout(ctx, link.SweepEvery)
			_, _ = s.Room(look) // the estimate stands until the next look
			cancel()
		}
	}
}

// Sync implements bus.Durability (D1).
func (s *Store) Sync(ctx context.Context) error {
	if s.o.Disk == nil {
		return nil
	}
	return link.Unavailable(s.o.Disk.Sync(ctx))
}

func (s *Store) durable(ctx context.Context) error {
	if s.o.Disk == nil {
		return nil
	}
	return link.Unavailable(s.o.Disk.Durable(ctx))
}

func (s *Store) usable(reserved bool) error {
	if s.o.Disk == nil {
		return nil
	}
	return s.o.Disk.Usable(reserved)
}

func (o *Options) withDefaults() {
	if o.Namespace == "" {
		o.Namespace = "hookspan"
	}
	if o.Prefix == "" {
		o.Prefix = o.Namespace + ".events"
	}
	if o.Stream == "" {
		o.Stream = streamName(o.Namespace, "EVENTS")
	}
	if len(o.Topics) == 0 {
		o.Topics = []string{o.Prefix + ".>"}
	}
	if o.Retention == 0 {
		o.Retention = 168 * time.Hour
	}
	if o.JournalRetention == 0 {
		o.JournalRetention = 168 * time.Hour
	}
	if o.PublishTimeout == 0 {
		o.PublishTimeout = defaultPublishTimeout
	}
	if o.Lease == 0 {
		o.Lease = lease.Default
	}
	if o.cutOffAfter == 0 {
		o.cutOffAfter = cutOffAfter
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func (o *Options) link(publishes bool) link.Options {
	return link.Options{APIPrefix: o.APIPrefix, Domain: o.Domain, PublishTimeout: o.PublishTimeout, Publishes: publishes, Watched: o.Disk == nil, Disk: o.Disk}
}

func (o *Options) names() names {
	return names{
		ns: o.Namespace, prefix: o.Prefix, events: o.Stream,
		state:    streamName(o.Namespace, "STATE"),
		registry: streamName(o.Namespace, "REGISTRY"),
		commands: streamName(o.Namespace, "COMMANDS"),
		journal:  streamName(o.Namespace, "JOURNAL"),
		refusals: streamName(o.Namespace, "REFUSALS"),
		leases:   streamName(o.Namespace, "LEASES"),
	}
}

func streamName(namespace, what string) string {
	return strings.ToUpper(namespace) + "_" + what
}

var (
	_ bus.Store    = (*Store)(nil)
	_ bus.History  = (*Store)(nil)
	_ bus.Refusals = (*Store)(nil)
)
