// Package link is one connection to JetStream, with what is asked, published and read through
// it. It knows streams and messages, and nothing of what Hookspan keeps in them.
//
// What decides about positions is asked from a stream's leader, never by a direct get, and
// believed only from one that shows that it still leads (leader.go). Messages are read through
// short-lived consumers without acknowledgement (reader.go), which are held against what they
// were made as (check.go): others may use the same account. Errors are those of bridge/bus
// (errors.go); that a right is missing the server tells beside a request (rights.go).
//
// Start reading at New (link.go), then acks.go for publishing and reader.go for reading. Messages
// go out through the client library (library.go), and to a server in this process over a
// connection of our own (process.go).
package link
