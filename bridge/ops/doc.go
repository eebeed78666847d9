// Package ops holds operations events: what Hookspan tells operators through the bus. They are
// CloudEvents on the topic <namespace>.ops, for endpoints to take like any other event.
//
// Whoever notices something makes an event with New and hands it to a Teller. What the events hold
// are the types of data.go; schemas/events says the same to others.
//
// Everything may be used by many goroutines.
package ops
