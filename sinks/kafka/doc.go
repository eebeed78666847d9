// Package kafka keeps the contract of bridge/bus on Apache Kafka and what speaks its protocol.
//
// A partition is one partition of a topic ("orders/3"); a position's identity is the topic's
// id, its sequence the offset, and its mark the leader epoch of the record's batch plus one, so
// that 0 stands for "no mark". Events live on topics of their own, one per source; chained
// logs, journal, refusals and the markers of what intake has seen have a topic each, with the
// shard as the partition. Topics that are missing are made; those that are there are used as
// they are, or refused with what is wrong about them.
//
// Nothing here commits an offset. What is there is read by single fetch requests to a
// partition's leader (fetch.go); a reader that has come to the end waits at a tail that all
// readers share (tail.go). Every request names the leader epoch that it believes in, so that
// an answer is never taken from a broker that is the leader no more, and a leader is believed
// about an end only once it knows what had been acknowledged before its time.
//
// Kafka refuses no record of a chained log: reading back decides (bus.Chain).
//
// Start reading at Open (store.go), then publish.go and follow.go.
package kafka
