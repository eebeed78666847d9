// Package feed reads the followed topics and hands what it reads to whoever is owed it.
//
// There is one way of reading: a reader begins at a place of a partition and hands batch after
// batch to consumers, each of which takes what lies after its own place. Three kinds of readers
// differ in who consumes and when they end. Live reads each partition once for all shards of the
// process. A catch-up reader serves shards that stand before the live reader, until they have
// reached it. Ranges are what single endpoints still have to be brought, at their own pace; those
// at about the same place share a reader.
//
// Before anything is read, the places that were kept are held against what the partition has now
// (truncation.go): it may have been made anew, cut back, or expired.
//
// What a consumer does with an event is its own affair: this package knows no endpoint, no
// delivery and no state. Everything in it is safe for concurrent use.
//
// Beside these, newest.go, search.go and stored.go look at what is stored, for whoever asks.
//
// Begin with reader.go, then live.go, catchup.go and ranges.go.
package feed
