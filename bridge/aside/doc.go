// Package aside writes and reads what Hookspan sets aside on topics of its own: dead letters, and the
// quarantine. Put makes such an event durable, cut short where the bus does not take it whole. What
// becomes of it then (it was replayed, released, discarded) is told by a mark behind it on the same
// topic, so that it is as durable as the event, and every replica finds it.
//
// A Shelf keeps in memory what is needed to list and to find: never data, which is read again when
// somebody looks. It reads on from where it was whenever it is asked, and is safe for concurrent use.
// Begin with Shelf.
package aside
