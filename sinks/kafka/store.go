package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
	"github.com/hookspan/hookspan/sinks/kafka/publish"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

// Options configure a Store. Brokers is required; all else has a default.
type Options struct {
	Brokers []string      // host:port of some; they name the others
	TLS     *tls.Config   // nil: none
	SASL    *cluster.SASL // nil: none

	Namespace string   // default hookspan
	Prefix    string   // of event topics; default <namespace>.events
	Topics    []string // that are followed: names, or expressions as in /^orders\./; default /^<prefix>\./
	Intake    []string // topics that intake writes to; missing ones are made at Open

	Partitions int // of event topics that are made; default 12
	Replicas   int // of topics that are made; default 3 on three brokers or more, else 1
	Shards     int // of an installation that starts for the first time; default 32
	// RecordedShards returns the number that the installation's registry records, 0 when it
	// records none; it counts instead of Shards. It is called at Open, when there is a registry.
	RecordedShards func(context.Context, *Store) (int, error)

	Retention        time.Duration // of events in topics that are made; default 168h
	JournalRetention time.Duration // of journal and refusals; default 168h
	PublishTimeout   time.Duration // default 5s
	Lease            time.Duration // how long a silent process keeps its shards; default 10s
	MaxBytes         int64         // the largest event that topics are made for; default 2 MiB
	Alerts           bool          // a log of what was mailed is wanted

	Log *slog.Logger // default: none

	dial cluster.Dial // default: TCP
}

// A Store is a bus.Store, bus.Shared, bus.History, bus.Refusals and bus.Examiner on Kafka. It is safe for
// use by many goroutines.
type Store struct {
	*topicReader
	*records

	o         Options
	names     topic.Names
	cluster   *cluster.Cluster
	publisher *publish.Publisher
	layout    *topic.Layout
	health    health
}

// access is how the brokers are reached.
func (o *Options) access() cluster.Access {
	return cluster.Access{Brokers: o.Brokers, TLS: o.TLS, SASL: o.SASL, Dial: o.dial}
}

// newStore is a store without a cluster.
func newStore(o Options) *Store {
	n := topic.NewNames(o.Namespace, o.Prefix)
	return &Store{o: o, names: n, topicReader: &topicReader{names: n, log: o.Log}, records: &records{names: n}}
}

// Check is what Open would refuse before it connects.
func (o Options) Check() error {
	o.withDefaults()
	s := newStore(o)
	err := s.checkNames()
	if err == nil {
		a := o.access()
		_, err = a.Options()
	}
	return err
}

// Open connects, and makes the topics that are missing. The error is bus.ErrUnavailable while
// no broker answers; else it names what is wrong, topic by topic, with the remedy.
func Open(ctx context.Context, o Options) (*Store, error) {
	o.withDefaults()
	s := newStore(o)
	s.found.init()
	if err := s.checkNames(); err != nil {
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	s.layout = topic.New(topic.Options{
		Names: s.names, Intake: o.Intake, Partitions: o.Partitions, Replicas: o.Replicas, Shards: o.Shards, Alerts: o.Alerts,
		Retention: o.Retention, JournalRetention: o.JournalRetention, MaxBytes: o.MaxBytes, Log: o.Log,
	})
	s.publisher = publish.New(publish.Options{
		Writes: append([]string{s.names.Quarantine}, o.Intake...), Private: s.names.Private,
		Seen: s.names.Seen, SeenPartitions: topic.SeenPartitions,
		Timeout: o.PublishTimeout, Topics: writable{s}, Log: o.Log,
	})
	var err error
	if s.cluster, err = cluster.Connect(o.access(), s.publisher.Producing()...); err != nil {
		return nil, err
	}
	s.topicReader.cluster = s.cluster
	s.records.cluster, s.records.layout, s.records.publisher = s.cluster, s.layout, s.publisher
	s.layout.Use(s.cluster)
	s.publisher.Use(s.cluster)
	if err := s.prepareWithin(ctx); err != nil {
		s.cluster.Close()
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	return s, nil
}

// prepareWithin gives up when ctx ends: the client goes on to wait for a broker that took the
// connection and says nothing, until it is closed.
func (s *Store) prepareWithin(ctx context.Context) error {
	prepared := make(chan error, 1) // the goroutine sends, once
	go func() { prepared <- s.prepare(ctx) }()
	select {
	case err := <-prepared:
		return err
	case <-ctx.Done():
		return cluster.Ended(ctx)
	}
}

// prepareTimeout bounds the making of topics.
const prepareTimeout = time.Minute

// prepare finds out whether the brokers answer and take us in, brings the topics into shape
// and learns which partitions there are.
func (s *Store) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	if err := s.reach(ctx); err != nil {
		return err
	}
	if err := s.refusePrivate(ctx); err != nil {
		return err
	}
	if err := s.countShards(ctx); err != nil {
		return err
	}
	if err := s.layout.MakeAll(ctx, s.learn); err != nil {
		return err
	}
	_, err := s.Spans(ctx)
	return err
}

// reach asks each of the brokers given once, so that the error says what is wrong instead of
// that time is up.
func (s *Store) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cluster.RequestTimeout)
	defer cancel()
	if err := s.cluster.Client.Ping(ctx); err != nil {
		return fmt.Errorf("reach the brokers at %s: %w", strings.Join(s.o.Brokers, ", "), s.cluster.Access.Explain(err))
	}
	return nil
}

// Close ends what the store runs. Calls on the way end with bus.ErrUnavailable.
func (s *Store) Close() error {
	s.cluster.Close()
	s.publisher.Wait()
	return nil
}

// group is the consumer group whose members share out the shards.
func (s *Store) group() string { return s.names.Namespace + ".shards" }

// topicOf is the topic of intake that a name is, or lies under; else the name itself.
func (s *Store) topicOf(name string) string {
	of := ""
	for _, topic := range s.o.Intake {
		if len(topic) > len(of) && (name == topic || strings.HasPrefix(name, topic+".")) {
			of = topic
		}
	}
	if of == "" {
		return name
	}
	return of
}

// Publish implements bus.Publisher (P1 to P6).
func (s *Store) Publish(ctx context.Context, topic string, e *event.Event, o bus.PublishOptions) (bus.Receipt, error) {
	return s.publisher.Publish(ctx, topic, e, o)
}

// MaxBytes implements bus.Publisher: what the topic of intake takes that takes least.
func (s *Store) MaxBytes() int64 { return s.publisher.MaxBytes() }

// learn takes in what was found of a topic that is ours.
func (s *Store) learn(c *topic.Condition) {
	s.publisher.Learn(c.Want.Name, c.Limits())
	if s.follows(c.Want.Name) {
		s.found.add(c.Want.Name)
	}
}

// writable are the topics that events are published to.
type writable struct{ s *Store }

// Check implements topics.
func (w writable) Check(name string) error { return topic.Check(name) }

// Make implements topics. The topic is an event topic, for those of our own exist since Open.
func (w writable) Make(ctx context.Context, topic string) error {
	err := w.s.layout.Make(ctx, topic)
	if ctx.Err() == nil {
		w.s.health.made(topic, err)
	}
	if err != nil {
		return err
	}
	if w.s.follows(topic) {
		w.s.found.add(topic)
	}
	return nil
}

// Limits implements topics.
func (w writable) Limits(ctx context.Context, topic string) (topic.Limits, error) {
	return w.s.layout.Limits(ctx, topic)
}

// Sync implements bus.Durability (D1): what the brokers acknowledged is on several of them.
func (s *Store) Sync(context.Context) error { return nil }

func (o *Options) withDefaults() {
	if o.Namespace == "" {
		o.Namespace = "hookspan"
	}
	if o.Prefix == "" {
		o.Prefix = o.Namespace + ".events"
	}
	if len(o.Topics) == 0 {
		o.Topics = []string{"/^" + regexp.QuoteMeta(o.Prefix) + `\./`}
	}
	if o.Partitions == 0 {
		o.Partitions = 12
	}
	if o.Shards == 0 {
		o.Shards = 32
	}
	if o.Retention == 0 {
		o.Retention = 168 * time.Hour
	}
	if o.JournalRetention == 0 {
		o.JournalRetention = 168 * time.Hour
	}
	if o.PublishTimeout == 0 {
		o.PublishTimeout = 5 * time.Second
	}
	if o.Lease == 0 {
		o.Lease = 10 * time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 2 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// checkNames refuses what cannot be a topic, and events on a topic that holds something else.
func (s *Store) checkNames() (err error) {
	if s.patterns, err = topic.ReadPatterns(s.o.Topics); err != nil {
		return err
	}
	for _, name := range append([]string{s.names.State, s.names.Prefix + ".x"}, s.o.Intake...) {
		if err := topic.Check(name); err != nil {
			return err
		}
	}
	if err := s.names.Refuse(s.patterns); err != nil {
		return err
	}
	if i := slices.IndexFunc(s.o.Intake, s.names.Private); i >= 0 {
		return fmt.Errorf("topic %s holds what Hookspan keeps beside events, intake cannot write to it", s.o.Intake[i])
	}
	if s.o.Partitions < 0 || s.o.Replicas < 0 || s.o.Shards < 0 || s.o.MaxBytes < 0 {
		return errors.New("partitions, replicas, shards and the size of an event must not be negative")
	}
	return nil
}

var (
	_ bus.Store    = (*Store)(nil)
	_ bus.History  = (*Store)(nil)
	_ bus.Refusals = (*Store)(nil)
	_ bus.Shared   = (*Store)(nil)
	_ bus.Examiner = (*Store)(nil)
)

// SASL is how we prove to the brokers who we are.
type SASL = cluster.SASL
