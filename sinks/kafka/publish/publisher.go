package publish

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

// Topics is what publishing needs of the topics that are written to.
type Topics interface {
	// Check refuses what cannot be a topic.
	Check(topic string) error
	// Make makes a topic that is missing, and returns once it can be written to.
	Make(ctx context.Context, topic string) error
	// Limits asks what a topic takes.
	Limits(ctx context.Context, topic string) (topic.Limits, error)
}

// Options say what is written where.
type Options struct {
	Writes         []string                // the topics that intake writes to
	Private        func(topic string) bool // what is kept beside events
	Seen           string                  // the topic of markers
	SeenPartitions int                     // as it is made
	Timeout        time.Duration           // of a publish
	Topics         Topics
	Log            *slog.Logger
}

// A Publisher is a bus.Publisher. It writes what is kept beside events, too.
type Publisher struct {
	o        Options
	cluster  *cluster.Cluster
	targets  targets
	recent   recent
	markers  markers
	contests contests
	finder   finder
	settling settling
	process  uint64        // names this one among those that publish
	tries    atomic.Uint64 // their number so far

	outgoings sync.Pool
}

// New has to be given its cluster, which is connected to with the publisher's options,
// before it is used.
func New(o Options) *Publisher {
	s := &Publisher{o: o, process: rand.Uint64()}
	s.targets.init(s)
	s.markers.s = s
	s.contests.init(o.Timeout)
	s.finder.init(s)
	s.settling.s = s
	s.outgoings.New = func() any { return newOutgoing(&s.outgoings) }
	return s
}

// Use has the publisher write to a cluster.
func (s *Publisher) Use(c *cluster.Cluster) { s.cluster = c }

// Wait returns once what became of all tries is settled, or given up as the cluster is closed.
func (s *Publisher) Wait() { s.settling.wait() }

// Learn notes what a topic takes.
func (s *Publisher) Learn(topic string, l topic.Limits) { s.targets.learn(topic, l) }

// Needs is how many replicas in sync a write to a topic needs, 0 when that is not known.
func (s *Publisher) Needs(topic string) int {
	if n, ok := s.targets.insync.Load(topic); ok {
		return n.(int)
	}
	return 0
}

// Hearing says that somebody hands over what markers say, until the function is called that it
// returns.
func (s *Publisher) Hearing() (done func()) {
	s.contests.hearing.Add(1)
	return func() { s.contests.hearing.Add(-1) }
}

// Hear takes in a record of the topic of markers, and hands over the publications in it.
func (s *Publisher) Hear(r *kgo.Record, each func(bus.Publication) error) error {
	at := r.Timestamp.UTC()
	readWords(r.Value, func(w word) { s.contests.hear(r.Partition, at, w) })
	s.contests.tick(r.Partition, at)
	return readMarkers(r.Value, func(p bus.Publication) error {
		p.At = at
		return each(p)
	})
}

// Contested reports whether it was heard of a try to publish a key.
func (s *Publisher) Contested(key string) bool { return s.contests.has(key) }

// Producing are the options of the client that writes.
func (s *Publisher) Producing() []kgo.Opt {
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(newPartitioner(&s.o)),
		kgo.WithHooks(placing{}),
		kgo.ProducerLinger(Linger),
		kgo.MaxBufferedRecords(inHandRecords),
		kgo.MaxBufferedBytes(inHandBytes),
		kgo.ProducerBatchMaxBytesFn(s.targets.limit),
		kgo.ProduceRequestTimeout(cluster.BrokerTimeout),
		// Nobody waits for a record any longer, so it should not land much later.
		kgo.RecordDeliveryTimeout(max(s.o.Timeout, time.Second)),
	}
}
