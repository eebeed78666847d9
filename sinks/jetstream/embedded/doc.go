// Package embedded runs a NATS server with JetStream inside the process and keeps it under a
// data folder, alone and with no open port unless one is asked for, or as one of a cluster.
//
// What the server alone does not do is done here. It acknowledges a message once the kernel
// has it, so Durable makes acknowledgements wait for a sync that many share (group commit).
// It takes no lock on its folder, so Open takes one. A write error sticks to a stream for
// good and publishers hear nothing of it, nor of files that somebody removes, so the server's
// health, its files and the disk are watched, and the server is opened again when there is
// space. Its users keep their connections. Who removes files of a stream while the server runs
// removes what they held, but nothing is acknowledged into them any more: beside each sync (group)
// or acknowledgement (always) is looked whether they are there. With lazy it takes a second.
//
// Events and what Hookspan keeps beside them live in two accounts of the server.
//
// # Clients
//
// Clients that come in through Listen are in neither. Each connection has an account of its own,
// its seat, without JetStream: no client sees another's subjects, and the server
// never acts for one of them with more rights than it has. All that a client sends comes to the
// desk (package client), code of ours that publishes events, makes consumers for clients, pulls
// from them and acknowledges. It takes nothing over from a request that it does not know. What
// comes back to a seat is what the desk or a consumer answers its client, and events.
//
// # Cluster
//
// Three processes or more that name one another (cluster.Membership) form one JetStream.
// Its streams should have three copies; then any one process may be killed or its folder
// emptied. Open does not wait for the others: Health says what is missing. A new cluster
// begins once all of its servers have met, from then on most of them are enough. A server that
// is stopped hands over what it leads, and nobody notices; one that is killed stops what it
// led until the others have elected another, four to nine seconds later.
//
// What an acknowledgement means there:
//
//   - group and always, which are the same: most servers have written the event to the log
//     that they agree on and synced it. It survives that all processes are killed and that the
//     power of all fails at once. Each log is synced once for all that has come meanwhile.
//   - lazy: most servers have written it. It survives that all processes are killed, and that
//     the power of one server fails while the others are up to date. A power cut of several at
//     once loses up to the last 100 ms.
//
// Both rest on the server's own log, and on folders that keep what was synced: one that was
// put back to an earlier state, or changed by hand, can cost acknowledged events, as can two
// servers of three whose folders are lost.
//
// A folder belongs to one server of one cluster, or to one that runs alone, for good.
//
// Start reading at Open (server.go), then group.go and health.go; for clients at guard.go and
// package client; for the cluster at package cluster; what is asked of the volume is package disk.
package embedded
