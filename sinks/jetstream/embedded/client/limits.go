package client

import "github.com/nats-io/nats-server/v2/server"

// What all clients together may take.
const (
	connections = 100
	streams     = 50
	consumers   = 50 // of one stream, and on the event streams together
	memory      = 64 << 20
	ackPending  = 10_000 // of one consumer

	// Subscriptions is how many one connection may have.
	Subscriptions = 1000
	// Connections leaves room for our own, and for those that have not yet said who they are,
	// for which they have two seconds.
	Connections = 2 * connections
	// TLSTimeout is that of the handshake, in seconds.
	TLSTimeout = 5
)

// Limits are those of the account with the streams that clients make, which may take so many bytes.
func Limits(store int64) server.JetStreamAccountLimits {
	return server.JetStreamAccountLimits{
		MaxMemory: memory, MaxStore: store, MaxStreams: streams, MaxConsumers: consumers, MaxAckPending: ackPending,
		MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
	}
}
