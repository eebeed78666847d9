package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
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

// Close ends the connections.
func (c Conns) Close() {
	for _, nc := range []*nats.Conn{c.Events, c.Read, c.Private} {
		if nc != nil {
			nc.Close()
		}
	}
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

	cutOffAfter time.Duration // default link.CutOffAfter
}

// A Store is a bus.Store, bus.History and bus.Refusals on JetStream. It is safe for use by
// many goroutines. Each of its parts is one of the things that a bus does.
type Store struct {
	*installation
	*publisher
	*topics
	*history
	*logs
	*streams
	*space
	*health

	stop    context.CancelFunc
	running sync.WaitGroup
}

// Open makes or updates the streams and begins to watch the connections. It fails with the
// remedy when a followed topic lies on a stream that reading would delete from. Close does
// not close the connections.
func Open(ctx context.Context, c Conns, o Options) (*Store, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	o.withDefaults()
	s := newStore(o)
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
		for _, l := range s.links() {
			s.running.Go(func() { l.LeaveCutOff(run, s.names.events, o.cutOffAfter, o.Log) })
		}
	}
	return s, nil
}

func newStore(o Options) *Store {
	in := &installation{o: o, names: o.names(), identities: identities{all: map[string]string{}}, lacking: lacking{why: map[string]string{}}, distrusted: newDistrusted(o.Metrics)}
	s := &Store{installation: in, space: &space{installation: in}, logs: &logs{in}}
	s.publisher = &publisher{in, s.space}
	s.topics = &topics{installation: in, told: map[string]bool{}}
	s.history = &history{s.topics}
	s.streams = &streams{installation: in, topics: s.topics}
	s.health = &health{installation: in, turn: make(chan struct{}, 1)}
	return s
}

const defaultPublishTimeout = 5 * time.Second

// prepareTimeout bounds the making of streams, which a slow disk may take its time for.
const prepareTimeout = time.Minute

// prepare brings the streams into shape and learns which partitions there are.
func (s *Store) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	if err := s.refusePrivate(ctx); err != nil {
		return err
	}
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

// links are the connections, each once.
func (s *Store) links() (each []*link.Link) {
	for _, l := range []*link.Link{s.events, s.reads, s.private} {
		if l != nil && !slices.Contains(each, l) {
			each = append(each, l)
		}
	}
	return each
}

func (s *Store) closeLinks() error {
	var errs []error
	for _, l := range s.links() {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
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
		if n%sweepsPerLook == 0 && s.space.limit.Load() > 0 {
			look, cancel := context.WithTimeout(ctx, link.SweepEvery)
			_, _ = s.Room(look) // the estimate stands until the next look
			cancel()
		}
	}
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
		o.cutOffAfter = link.CutOffAfter
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func (o *Options) link(publishes bool) link.Options {
	return link.Options{APIPrefix: o.APIPrefix, Domain: o.Domain, PublishTimeout: o.PublishTimeout, Publishes: publishes, Watched: o.Disk == nil, Disk: o.Disk}
}

var (
	_ bus.Store    = (*Store)(nil)
	_ bus.History  = (*Store)(nil)
	_ bus.Refusals = (*Store)(nil)
)
