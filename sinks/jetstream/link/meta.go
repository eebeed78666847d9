package link

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// First is a header's first value, whatever the case of its name.
func First(h nats.Header, name string) string {
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

// Meta is what a consumer says of a message that it delivers.
type Meta struct {
	Seq     uint64 // in the stream
	nth     uint64 // delivered by this consumer
	Time    int64  // when it was stored, Unix ns
	pending uint64 // how many more the consumer has to deliver
}

func (m Meta) Stored() time.Time { return time.Unix(0, m.Time).UTC() }

// readMeta reads the reply subject of a delivered message (NATS ADR-15):
// $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<times>.<seq>.<nth>.<time>.<pending>[.<more>].
func readMeta(reply string) (Meta, bool) {
	const short, long = 9, 11
	var token [16]string
	n := 0
	for rest, more := reply, true; more && n < len(token); n++ {
		token[n], rest, more = strings.Cut(rest, ".")
	}
	at := 0
	switch {
	case n < short || token[0] != "$JS" || token[1] != "ACK":
		return Meta{}, false
	case n == short:
		at = 5
	case n >= long:
		at = 7
	default:
		return Meta{}, false
	}
	var number [4]uint64
	for i := range number {
		v, err := strconv.ParseUint(token[at+i], 10, 63)
		if err != nil {
			return Meta{}, false
		}
		number[i] = v
	}
	return Meta{Seq: number[0], nth: number[1], Time: int64(number[2]), pending: number[3]}, true
}
