package client

import (
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/sinks/jetstream"
)

// serverHeaders begin the headers by which a message asks something of the server.
const serverHeaders = "Nats-"

// addedHeaders are those that the server adds on the way to us, or acts on before: they are
// dropped.
var addedHeaders = []string{"Nats-Request-Info", "Nats-Trace-Dest", "Nats-Trace-Hop", "Nats-Trace-Origin-Account", "Nats-Trace-Only"}

// cleaned are the headers of a client's message as they are stored. On event topics no more
// than a message id is taken of what the server would act on, and that among ids of clients: a
// webhook's id must not have been used up when it comes. bad names a header that is not taken.
func cleaned(h nats.Header, event bool) (clean nats.Header, bad string) {
	clean = make(nats.Header, len(h)+1)
	for name, values := range h {
		canonical := strings.ToLower(name)
		switch {
		case isAdded(name), event && strings.EqualFold(name, jetstream.HeaderPublisher):
			continue
		case !event || !strings.HasPrefix(canonical, strings.ToLower(serverHeaders)):
			clean[name] = values
		case name == nats.MsgIdHdr && len(values) == 1:
			clean[name] = []string{jetstream.ClientID(values[0])}
		case name == nats.ExpectedStreamHdr:
			clean[name] = values
		default:
			return nil, name
		}
	}
	if event {
		clean[jetstream.HeaderPublisher] = []string{jetstream.PublisherClient}
	}
	return clean, ""
}

func isAdded(name string) bool {
	for _, added := range addedHeaders {
		if strings.EqualFold(name, added) {
			return true
		}
	}
	return false
}
