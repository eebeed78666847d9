// Package jetstream keeps the contract of bridge/bus on NATS JetStream.
//
// A partition is a stream; a position's identity is the stream's creation time and its mark
// the message's timestamp. Events live on one stream of ours, and on whatever other streams
// hold a followed topic; those are read as they are. Chained logs, journal and refusals have
// streams of their own, so that events cannot take their room.
//
// Nothing here acknowledges a message: topics and logs are read through short-lived consumers
// without acknowledgement, and whatever decides about positions is asked from a stream's
// leader, never by a direct get, and believed only from one that shows that it still leads
// (package link).
//
// The server is the embedded one (package embedded), or somebody else's: then package dial connects,
// streams that exist are used as they are when they can serve (shape.go), and those of ours are
// watched over (keep.go).
//
// A Store is put together of parts, each a type over what all of them share (installation.go):
// publisher, topics, history, logs, streams, space, health. Start reading at Open (store.go), then
// publish.go and follow.go.
package jetstream
