package link

import (
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// headerExpectedLast has the server refuse a message unless the last one of its subject has this
// sequence.
const HeaderExpectedLast = "Nats-Expected-Last-Subject-Sequence"

// identity tells a stream from another one of the same name.
func Identity(info *jetstream.StreamInfo) string {
	return strconv.FormatInt(info.Created.UnixNano(), 10)
}
