// Package backup carries an installation from one bus to another, of the same kind or not, by way
// of a file: its endpoints, the events that its bus holds, and of each event to whom it is still
// owed.
//
// Positions, partitions and ids of deliveries mean something on one bus only, so the file relies
// on none of them. Write asks of each event what a successor of the shards would do with it: the
// endpoints that have an entry for it or would be fed it, and have not taken it by the journal,
// stand beside it. Restore publishes the events anew, and from where each came to lie makes the
// state of every shard: an entry for what had been attempted, a range for what is owed in a row,
// and nothing for all else. What a first start writes first it writes last, so that no server
// takes half of a backup for the whole. Examine holds the whole file against the installation first, so that
// a wrong one changes nothing.
//
// What is owed when Write reads the logs is owed after Restore. What is delivered or published
// later than that is not in the file: the former is delivered again, the latter is missing.
//
// A file is lines of JSON (format.go) under gzip: a head with the format's version, endpoints,
// events, and an end with a checksum of all before it. Secrets stay sealed as they are on the
// bus; the bodies of events are in it as they came.
//
// Begin with Write, then ledger, then Examine, Restore and plan.
package backup
