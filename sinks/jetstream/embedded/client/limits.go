package client

// What all clients together may take.
const (
	connections = 100
	consumers   = 50     // on each event stream
	ackPending  = 10_000 // of one consumer
	mostTopics  = 500_000

	// Subscriptions is how many one connection may have.
	Subscriptions = 1000
	// Connections leaves room for our own, and for those that have not yet said who they are,
	// for which they have two seconds.
	Connections = 2 * connections
	// OfTheDesk is how many the desk has for them, which take no descriptor.
	OfTheDesk = connections
	// TLSTimeout is that of the handshake, in seconds.
	TLSTimeout = 5
)
