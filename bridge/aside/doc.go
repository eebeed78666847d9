// Package aside reads what Hookspan has set aside on topics of its own: dead letters, and the
// quarantine. What becomes of such an event (it was replayed, released, discarded) is told by a mark
// behind it on the same topic, so that it is as durable as the event, and every replica finds it.
//
// A Shelf keeps in memory what is needed to list and to find: never data, which is read again when
// somebody looks. It reads on from where it was whenever it is asked, and is safe for concurrent use.
// Begin with Shelf.
package aside
