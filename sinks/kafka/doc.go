// Package kafka keeps the contract of bridge/bus on Apache Kafka and what speaks its protocol.
//
// A partition is one partition of a topic ("orders/3"); a position's identity is the topic's
// id, its sequence the offset, and its mark the leader epoch of the record's batch plus one, so
// that 0 stands for "no mark". Events live on topics of their own, one per source; chained
// logs, journal, refusals and the markers of what intake has seen have a topic each, with the
// shard as the partition. Topics that are missing are made; those that are there are used as
// they are, or refused with what is wrong about them.
//
// Nothing here commits an offset. How brokers are asked, and when one is believed, is in
// cluster; which topics there are and how they have to be, in topic; how events and all else is
// written, in publish; how the shards are shared out, in lease.
//
// Kafka refuses no record of a chained log: reading back decides (bus.Chain).
//
// Start reading at Open (store.go), then partitions.go and follow.go.
package kafka
