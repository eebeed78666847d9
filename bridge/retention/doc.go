// Package retention makes room in the event store while it is nearly full: it purges, oldest
// first, what nobody needs any more.
//
// What a shard needs is its floor: the place before the oldest event that a position, a range or
// an entry of its state refers to. Only deltas that are in the log count, and only those that are
// newer than the registry's periods: an endpoint that a delta does not know yet is needed from
// where its period begins. Floors of shards that other processes own are read from their logs.
//
// If that is not enough, what only endpoints need that take no part now, and shards whose log is
// damaged, goes too.
//
// Begin with purger.go; floor.go says what is needed.
package retention
