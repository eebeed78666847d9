// Package embedded runs a NATS server with JetStream inside the process and keeps it under a
// data folder, with no open port unless one is asked for.
//
// What the server alone does not do is done here. It acknowledges a message once the kernel
// has it, so Durable makes acknowledgements wait for a sync that many share (group commit).
// It takes no lock on its folder, so Open takes one. A write error sticks to a stream for
// good and publishers hear nothing of it, so the server's health and the disk are watched,
// and the server is opened again when there is space. Its users keep their connections.
//
// Events and what Hookspan keeps beside them live in two accounts of the server. Clients that
// come in through Listen belong to the first and cannot name anything in the second.
//
// Start reading at Open (server.go), then group.go and health.go.
package embedded
