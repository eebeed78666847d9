package kafka

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// replicasWanted and insyncWanted: with three brokers one may be lost, and what was
	// acknowledged is on two at least.
	replicasWanted = 3
	insyncWanted   = 2

	// seenPartitions spread the markers of what intake has seen over a few brokers.
	seenPartitions = 4
	// refusalsBytes bounds the log that anybody can cause entries in.
	refusalsBytes = 64 << 20
	// logSegment is small: of a log whose front is trimmed, whole segments are given back.
	logSegment = 64 << 20
	// logRecord is the largest record of a log; an entry may carry its event.
	logRecord = 8 << 20

	// overhead is more than what a record has beside the event's own values.
	overhead = 4 << 10
)

// A want is a topic that we need, and how it has to be.
type want struct {
	name       string
	partitions int // of a topic that is made
	least      int // that will do
	use        use
	config     map[string]string // of a topic that is made
}

// use is what a topic is for, and so what it must be like.
type use int

const (
	ofLogs    use = iota // trimmed by us: nothing may go by age, size or key
	ofRecords            // goes by age or size
	ofEvents             // written by intake
	ofReading            // followed
)

// rights are those that a use needs on a topic.
func (u use) rights() []kmsg.ACLOperation {
	switch u {
	case ofLogs:
		return []kmsg.ACLOperation{kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete}
	case ofRecords:
		return []kmsg.ACLOperation{kmsg.ACLOperationRead, kmsg.ACLOperationWrite}
	case ofReading:
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
	minInsync      = "min.insync.replicas"
	timestampType  = "message.timestamp.type"
	uncleanElect   = "unclean.leader.election.enable"
)

const forever = "-1"

// wanted lists every topic that we need from the start.
func (s *Store) wanted() []want {
	logs := map[string]string{
		retentionTime: forever, retentionBytes: forever,
		segmentBytes: strconv.Itoa(logSegment), maxMessage: number(max(logRecord, s.o.MaxBytes+logRecord/2)),
	}
	aged := func(age time.Duration, more map[string]string) map[string]string {
		config := map[string]string{retentionTime: number(age.Milliseconds()), segmentTime: number(segmentAge(age).Milliseconds())}
		for name, value := range more {
			config[name] = value
		}
		return config
	}
	shards := int(s.shards.Load())
	list := []want{
		{s.names.state, shards, shards, ofLogs, logs},
		{s.names.registry, 1, 1, ofLogs, logs},
		{s.names.commands, 1, 1, ofLogs, logs},
		{s.names.journal, shards, shards, ofRecords, aged(s.o.JournalRetention, map[string]string{
			retentionBytes: forever, segmentBytes: strconv.Itoa(logSegment), maxMessage: number(logRecord),
		})},
		{s.names.refusals, 1, 1, ofRecords, aged(s.o.JournalRetention, map[string]string{
			retentionBytes: strconv.Itoa(refusalsBytes), segmentBytes: strconv.Itoa(refusalsBytes / 4),
		})},
		{s.names.seen, seenPartitions, 1, ofRecords, aged(s.o.Retention, map[string]string{retentionBytes: forever})},
	}
	made := map[string]bool{}
	for _, name := range append([]string{s.names.quarantine, s.names.dead, s.names.ops}, s.o.Intake...) {
		if !made[name] {
			made[name] = true
			list = append(list, s.eventTopic(name))
		}
	}
	return list
}

// eventTopic is a topic of events as we make it.
func (s *Store) eventTopic(name string) want {
	return want{name, s.o.Partitions, 1, ofEvents, map[string]string{
		retentionTime: number(s.o.Retention.Milliseconds()),
		segmentTime:   number(segmentAge(s.o.Retention).Milliseconds()),
		maxMessage:    number(s.o.MaxBytes + overhead),
	}}
}

// settings are those of a topic that is made, with what all have in common. Records are dated
// by the broker: what is kept and what was seen since then go by one clock.
func (w *want) settings(replicas int) map[string]string {
	all := map[string]string{cleanupPolicy: "delete", timestampType: "LogAppendTime"}
	if replicas >= replicasWanted {
		all[minInsync] = strconv.Itoa(insyncWanted)
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
