package jetstream

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// weight is what a message costs in memory beside its bytes, roughly.
const weight = 512

// message makes the bus's message of a stored one.
func message(p bus.Partition, identity, topic string, m meta, h nats.Header, data []byte) bus.Message {
	taken := event.Take(event.NATS, event.HeaderMap(h), event.Carrier{
		Topic: topic, Stored: m.stored(), Data: data,
		Names: func() (string, string) {
			return messageID(h), string(p) + "/" + identity + "/" + strconv.FormatUint(m.seq, 10)
		},
	})
	size := weight + len(topic) + len(data)
	for name, values := range h {
		size += len(name) + len(values[0])
	}
	return bus.Message{
		Topic:     topic,
		Partition: p,
		Position:  bus.Position{Identity: identity, Seq: int64(m.seq), Mark: m.time},
		Stored:    m.stored(),
		Event:     &taken.Event,
		Flaws:     taken.Flaws,
		Fault:     taken.Fault,
		Size:      size,
	}
}

// first is a header's first value, whatever the case of its name.
func first(h nats.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	for n, v := range h {
		if len(v) > 0 && strings.EqualFold(n, name) {
			return v[0]
		}
	}
	return ""
}

// meta is what a consumer says of a message that it delivers.
type meta struct {
	seq     uint64 // in the stream
	nth     uint64 // delivered by this consumer
	time    int64  // when it was stored, Unix ns
	pending uint64 // how many more the consumer has to deliver
}

func (m meta) stored() time.Time { return time.Unix(0, m.time).UTC() }

// readMeta reads the reply subject of a delivered message (NATS ADR-15):
// $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<times>.<seq>.<nth>.<time>.<pending>[.<more>].
func readMeta(reply string) (meta, bool) {
	const short, long = 9, 11
	var token [16]string
	n := 0
	for rest, more := reply, true; more && n < len(token); n++ {
		token[n], rest, more = strings.Cut(rest, ".")
	}
	at := 0
	switch {
	case n < short || token[0] != "$JS" || token[1] != "ACK":
		return meta{}, false
	case n == short:
		at = 5
	case n >= long:
		at = 7
	default:
		return meta{}, false
	}
	var number [4]uint64
	for i := range number {
		v, err := strconv.ParseUint(token[at+i], 10, 63)
		if err != nil {
			return meta{}, false
		}
		number[i] = v
	}
	return meta{seq: number[0], nth: number[1], time: int64(number[2]), pending: number[3]}, true
}
