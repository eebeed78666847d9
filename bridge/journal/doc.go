// Package journal is the searchable index over the record of attempts: every delivery that
// is pending and the last ones that ended, in memory.
//
// In a process that has its bus to itself the dispatcher tells an Index of each attempt as it
// happens, and Load reads what happened before from the tail of the journal on the bus. Where
// replicas share a bus, every index shows the deliveries of all of them: its observer is
// Takeovers, and Follow goes on from where Load has read to. Records may come late, twice, or
// from two owners at once; standing.go says where a delivery stands then.
//
// The index is never needed to deliver: it can be dropped at any time and is rebuilt from the
// bus. It holds references to events, never their data, and of requests and answers no more
// than a fixed number of bytes. An Index is safe for concurrent use. Begin with Index.
package journal
