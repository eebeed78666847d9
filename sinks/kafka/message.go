package kafka

import (
	"bytes"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
	"github.com/hookspan/hookspan/sinks/kafka/publish"
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
		Position:  bus.Position{Identity: identity, Seq: r.Offset, Mark: cluster.MarkOf(r.LeaderEpoch)},
		Stored:    stored,
		Event:     &taken.Event,
		Flaws:     taken.Flaws,
		Fault:     taken.Fault,
		Mark:      publish.MarkOf(r),
		Likeness:  taken.Likeness,
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
