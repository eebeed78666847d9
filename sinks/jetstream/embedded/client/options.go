package client

import (
	"log/slog"
	"slices"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

// Options say who the clients of a server are, and what there is for them. All but User, Password,
// Read and Clustered are required.
type Options struct {
	Server         string // its name, which tells its accounts from those of others in the cluster
	Clustered      bool
	User, Password string // of clients; empty: they have none

	// Publish are the topics that clients publish and subscribe to, Read those that they only
	// subscribe to.
	Publish, Read []string
	// EventsAccount has the event streams; clients read Streams, and fill Stream, which may take
	// EventStore bytes where it has no limit of its own.
	EventsAccount string
	Streams       []string
	Stream        string
	EventStore    int64

	// MostTopics is with how many topics, of whomever, clients may still add one: the server keeps
	// them in memory. Default 500,000.
	MostTopics int
	// MostUnread is what may wait in memory for all clients that read slower than they are sent to, or
	// four of the largest messages, where that is more. Default 64 MiB.
	MostUnread int

	// Usable is nil, or why nothing can be published.
	Usable func(reserved bool) error
	// Running is the server, nil while there is none.
	Running func() *server.Server
	// Dial makes a connection of our own, whose inboxes begin with Inbox.
	Dial  func(name, account string) (*nats.Conn, error)
	Inbox string
	// Process lets us into the account of events in another way than Dial.
	Process *link.Process
	Log     *slog.Logger
}

// readable are the topics that clients subscribe to. One that two patterns hold would come twice.
func (o *Options) readable() []string {
	return subject.Disjoint(append(slices.Clone(o.Publish), o.Read...))
}
