package jetstream

import (
	"strings"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/nats-io/nats.go"
)

// HeaderPublisher says on an event of an embedded bus who published it, where that was not
// Hookspan. Intake does not take such an event for one that it has seen.
const (
	HeaderPublisher = "Hookspan-Publisher"
	PublisherClient = "client"
)

// clientIDs begin the message ids of clients, which so are never those of webhooks.
const clientIDs = "client."

// ClientID is a client's message id as it is stored.
func ClientID(id string) string { return clientIDs + id }

// messageID is the id that the publisher gave a message.
func messageID(h nats.Header) string {
	id := link.First(h, headerMessageID)
	if fromClient(h) {
		return strings.TrimPrefix(id, clientIDs)
	}
	return id
}

func fromClient(h nats.Header) bool { return link.First(h, HeaderPublisher) == PublisherClient }

// ReaderPrefix begins the names of the consumers that Hookspan reads through.
const ReaderPrefix = link.ReaderPrefix

// OwnReader reports whether a consumer of this name is one of those.
func OwnReader(name string) bool { return strings.HasPrefix(name, ReaderPrefix) }
