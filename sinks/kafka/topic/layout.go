package topic

import (
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

const (
	// replicasWanted and insyncWanted: with three brokers one may be lost, and what was
	// acknowledged is on two at least.
	replicasWanted = 3
	insyncWanted   = 2

	// SeenPartitions spread the markers of what intake has seen over a few brokers.
	SeenPartitions = 4
	// refusalsBytes bounds the log that anybody can cause entries in.
	refusalsBytes = 64 << 20
	// logSegment is small: of a log whose front is trimmed, whole segments are given back.
	logSegment = 64 << 20
	// logRecord is the largest record of a log; an entry may carry its event.
	logRecord = 8 << 20

	// Overhead is more than what a record has beside the event's own values.
	Overhead = 4 << 10
)

// A Layout is the topics of an installation: which there are, and how they have to be.
type Layout struct {
	o       Options
	cluster *cluster.Cluster
	shards  atomic.Int32
}

// Options say how topics are made.
type Options struct {
	Names                       Names
	Intake                      []string // topics that intake writes to
	Partitions, Replicas        int      // of event topics; replicas 0: what the brokers allow
	Shards                      int      // as long as no other number is known
	Alerts                      bool     // the log of what was mailed is wanted
	Retention, JournalRetention time.Duration
	MaxBytes                    int64 // of an event
	Log                         *slog.Logger
}

// New has to be given its cluster before it asks or makes anything.
func New(o Options) *Layout {
	l := &Layout{o: o}
	l.shards.Store(int32(o.Shards))
	return l
}

// Shards is how many shards there are.
func (l *Layout) Shards() int { return int(l.shards.Load()) }

// SetShards goes by another number of shards from now on.
func (l *Layout) SetShards(n int) { l.shards.Store(int32(n)) }

// Use has the layout's topics on a cluster.
func (l *Layout) Use(c *cluster.Cluster) { l.cluster = c }

// A Want is a topic that we need, and how it has to be.
type Want struct {
	Name       string
	partitions int // of a topic that is made
	least      int // that will do
	Use        use
	config     map[string]string // of a topic that is made
}

// use is what a topic is for, and so what it must be like.
type use int

const (
	ofLogs    use = iota // trimmed by us: nothing may go by age, size or key
	ofRecords            // goes by age or size
	OfEvents             // written by intake
	OfReading            // followed
)

// Rights are those that a use needs on a topic.
func (u use) Rights() []kmsg.ACLOperation {
	switch u {
	case ofLogs:
		return []kmsg.ACLOperation{kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete}
	case ofRecords:
		return []kmsg.ACLOperation{kmsg.ACLOperationRead, kmsg.ACLOperationWrite}
	case OfReading:
		return []kmsg.ACLOperation{kmsg.ACLOperationRead}
	}
	return []kmsg.ACLOperation{kmsg.ACLOperationWrite}
}

// Names of a topic's settings (Apache Kafka, topic configuration).
const (
	cleanupPolicy  = "cleanup.policy"
	retentionTime  = "retention.ms"
	retentionBytes = "retention.bytes"
	segmentTime    = "segment.ms"
	segmentBytes   = "segment.bytes"
	maxMessage     = "max.message.bytes"
	MinInsync      = "min.insync.replicas"
	timestampType  = "message.timestamp.type"
	uncleanElect   = "unclean.leader.election.enable"
)

const forever = "-1"

// Wanted lists every topic that we need from the start.
func (l *Layout) Wanted() []Want {
	logs := map[string]string{
		retentionTime: forever, retentionBytes: forever,
		segmentBytes: strconv.Itoa(logSegment), maxMessage: number(max(logRecord, l.o.MaxBytes+logRecord/2)),
	}
	aged := func(age time.Duration, more map[string]string) map[string]string {
		config := map[string]string{retentionTime: number(age.Milliseconds()), segmentTime: number(segmentAge(age).Milliseconds())}
		for name, value := range more {
			config[name] = value
		}
		return config
	}
	shards := l.Shards()
	list := []Want{
		{l.o.Names.State, shards, shards, ofLogs, logs},
		{l.o.Names.Registry, 1, 1, ofLogs, logs},
		{l.o.Names.Commands, 1, 1, ofLogs, logs},
		{l.o.Names.Journal, shards, shards, ofRecords, aged(l.o.JournalRetention, map[string]string{
			retentionBytes: forever, segmentBytes: strconv.Itoa(logSegment), maxMessage: number(logRecord),
		})},
		{l.o.Names.Refusals, 1, 1, ofRecords, aged(l.o.JournalRetention, map[string]string{
			retentionBytes: strconv.Itoa(refusalsBytes), segmentBytes: strconv.Itoa(refusalsBytes / 4),
		})},
		{l.o.Names.Seen, SeenPartitions, 1, ofRecords, aged(l.o.Retention, map[string]string{retentionBytes: forever})},
	}
	if l.o.Alerts {
		list = append(list, Want{l.o.Names.Alerts, 1, 1, ofLogs, logs})
	}
	made := map[string]bool{}
	for _, name := range slices.Concat(l.o.Names.Own, l.o.Intake) {
		if !made[name] {
			made[name] = true
			list = append(list, l.eventTopic(name))
		}
	}
	return list
}

// eventTopic is a topic of events as we make it.
func (l *Layout) eventTopic(name string) Want {
	return Want{name, l.o.Partitions, 1, OfEvents, map[string]string{
		retentionTime: number(l.o.Retention.Milliseconds()),
		segmentTime:   number(segmentAge(l.o.Retention).Milliseconds()),
		maxMessage:    number(l.o.MaxBytes + Overhead),
	}}
}

// settings are those of a topic that is made, with what all have in common. Records are dated
// by the broker: what is kept and what was seen since then go by one clock.
func (w *Want) settings(replicas int) map[string]string {
	all := map[string]string{cleanupPolicy: "delete", timestampType: "LogAppendTime"}
	if replicas >= replicasWanted {
		all[MinInsync] = strconv.Itoa(insyncWanted)
	}
	for name, value := range w.config {
		all[name] = value
	}
	return all
}

// segmentAge rolls segments often enough for a retention, which removes none but whole ones.
func segmentAge(retention time.Duration) time.Duration {
	return max(retention/7, 10*time.Minute)
}

func number[T int | int64](n T) string { return strconv.FormatInt(int64(n), 10) }
