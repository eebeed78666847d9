// Package statelog is what a shard's owner has to know again after a kill: which deliveries are
// pending, how far the feeds of its endpoints have counted, which endpoints are held or fail. It
// is one chained log a shard (bus.Chain) of claims, deltas and snapshots; PROTOCOL.md of
// bridge/dispatch says what each must hold (clauses S1 to S8).
//
// Log is the writing end, Reader the reading one; both end with a State. Past is what a shard's
// journal adds to it. Mirrors are readers of shards that other processes own, History the
// positions that a log has named, and Examine, Damaged and Reset are for the operator. What is written is decided by the engine: nothing here
// knows a lane or an attempt.
//
// A Log belongs to one goroutine; Mirrors may be used by any number.
//
// Begin with Record, then State, then Log.
package statelog
