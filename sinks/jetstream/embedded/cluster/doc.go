// Package cluster is one server's part in a JetStream cluster: what it is told of it
// (Membership), where the others are (peers.go), who may be one of them (routes.go), whose folder
// it runs in (folder.go) and what it sees of the others (standing.go).
//
// It runs no server: package embedded does, and asks a Cluster what such a server needs.
package cluster
