// Package lease shares the shards out among the processes that use one JetStream account
// (bus.Leases, clauses S1 to S6).
//
// Every member has a key of a bucket that it writes again and again, and every shard has a key
// that names its holder. Each member watches all of it and works out alone which shards it should
// have. A member that has been silent for longer than its own leases can last is ended: somebody
// writes so over its key, which the server refuses if it was not silent after all. Only then is
// free what it held. No two clocks are ever compared.
//
// Start reading at Leases.Join (leases.go), then member.go and session.go, which is what a member
// does from having nothing to having nothing again; view.go is what it has seen (watch.go) of the
// bucket (bucket.go), renewal.go keeps its own key alive.
package lease
