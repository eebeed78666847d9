package client

import (
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/sinks/jetstream"
)

// serverHeaders begin the headers by which a message asks something of the server.
const serverHeaders = "Nats-"

// mostMessageID bounds an id: the server remembers those of the last minutes in memory.
const mostMessageID = 512

// addedHeaders are those that the server adds on the way to us, or acts on before: they are
// dropped.
var addedHeaders = []string{"Nats-Request-Info", "Nats-Trace-Dest", "Nats-Trace-Hop", "Nats-Trace-Origin-Account", "Nats-Trace-Only"}

// cleaned are the headers of a client's message as they are stored. No more than a message id is taken of what the server would act on, and that among ids of clients: a
// webhook's id must not have been used up when it comes.
func cleaned(h nats.Header) (nats.Header, error) {
	clean := make(nats.Header, len(h)+1)
	for name, values := range h {
		canonical := strings.ToLower(name)
		switch {
		case isAdded(name), strings.EqualFold(name, jetstream.HeaderPublisher):
			continue
		case !strings.HasPrefix(canonical, strings.ToLower(serverHeaders)):
			clean[name] = values
		case name == nats.MsgIdHdr && len(values) == 1:
			if len(values[0]) > mostMessageID {
				return nil, invalid("%s has at most %d bytes", nats.MsgIdHdr, mostMessageID)
			}
			clean[name] = []string{jetstream.ClientID(values[0])}
		case name == nats.ExpectedStreamHdr:
			clean[name] = values
		default:
			return nil, invalid("the header %s is not taken on event topics: remove it", name)
		}
	}
	clean[jetstream.HeaderPublisher] = []string{jetstream.PublisherClient}
	return clean, nil
}

func isAdded(name string) bool {
	for _, added := range addedHeaders {
		if strings.EqualFold(name, added) {
			return true
		}
	}
	return false
}
