package kafka

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// weight is what a message costs in memory beside its bytes, roughly.
const weight = 512

// message makes the bus's message of a record. It keeps nothing of the record, whose bytes are a
// part of all that was fetched with it.
func message(p bus.Partition, identity string, r *kgo.Record) bus.Message {
	data := bytes.Clone(r.Value)
	stored := r.Timestamp.UTC()
	taken := event.Take(event.Kafka, headers(r), event.Carrier{
		Topic: r.Topic, Stored: stored, Data: data,
		Names: func() (string, string) {
			return "", string(p) + "/" + identity + "/" + strconv.FormatInt(r.Offset, 10)
		},
	})
	size := weight + len(r.Topic) + len(data)
	for i := range r.Headers {
		size += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return bus.Message{
		Topic:     r.Topic,
		Partition: p,
		Position:  bus.Position{Identity: identity, Seq: r.Offset, Mark: markOf(r.LeaderEpoch)},
		Stored:    stored,
		Event:     &taken.Event,
		Flaws:     taken.Flaws,
		Fault:     taken.Fault,
		Size:      size,
	}
}

func headers(r *kgo.Record) func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for i := range r.Headers {
			if !yield(r.Headers[i].Key, string(r.Headers[i].Value)) {
				return
			}
		}
	}
}

// partitionName names a partition of a topic as the bus does.
func partitionName(topic string, n int32) bus.Partition {
	return bus.Partition(topic + "/" + strconv.Itoa(int(n)))
}

// splitPartition is partitionName's reverse.
func splitPartition(p bus.Partition) (topic string, n int32, ok bool) {
	i := strings.LastIndexByte(string(p), '/')
	if i < 1 {
		return "", 0, false
	}
	number, err := strconv.ParseInt(string(p[i+1:]), 10, 32)
	if err != nil || number < 0 {
		return "", 0, false
	}
	return string(p[:i]), int32(number), true
}

// millis is a time in Kafka's clock, rounded up: what is stored at it or later is not before t.
func millis(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	return max(ms, 0)
}
