// Package lease shares the shards out among the processes of a Kafka cluster (bus.Leases,
// clauses S1 to S6).
//
// The members form a consumer group over the state topic, whose partitions are the shards.
// Nothing is consumed and no offset committed: the group serves as a membership that the
// brokers watch over. So its requests are made here instead of by a consumer, which would
// fetch, and would not tell when a heartbeat that was granted had been sent.
//
// Shards move in two rounds of the group (KIP-429): whoever has one says so when it joins, the
// group's leader leaves it out of every share when it should go elsewhere, its holder gives it
// and joins again without it, and only then somebody else is told to take it. A member goes on
// with what it has, and with its heartbeats, while a round is on its way.
//
// Start reading at Leases.Join (leases.go), then session.go, which is the life of a member
// from having nothing to having nothing again, member.go, which makes its requests, and
// plan.go, which works out everybody's share.
package lease
