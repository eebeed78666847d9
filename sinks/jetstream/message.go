package jetstream

import (
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// weight is what a message costs in memory beside its bytes, roughly.
const weight = 512

// message makes the bus's message of a stored one.
func message(p bus.Partition, identity, topic string, m link.Meta, h nats.Header, data []byte) bus.Message {
	taken := event.Take(event.NATS, event.HeaderMap(h), event.Carrier{
		Topic: topic, Stored: m.Stored(), Data: data,
		Names: func() (string, string) {
			return messageID(h), string(p) + "/" + identity + "/" + strconv.FormatUint(m.Seq, 10)
		},
	})
	size := weight + len(topic) + len(data)
	for name, values := range h {
		size += len(name) + len(values[0])
	}
	mark := link.First(h, headerMark)
	if fromClient(h) { // it could name a webhook that is still to come
		mark = ""
	}
	return bus.Message{
		Topic:     topic,
		Partition: p,
		Position:  bus.Position{Identity: identity, Seq: int64(m.Seq), Mark: m.Time},
		Stored:    m.Stored(),
		Event:     &taken.Event,
		Flaws:     taken.Flaws,
		Fault:     taken.Fault,
		Mark:      mark,
		Likeness:  taken.Likeness,
		Size:      size,
	}
}
