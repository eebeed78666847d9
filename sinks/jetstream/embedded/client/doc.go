// Package client is what NATS clients of the embedded bus may: publish events, read them through
// consumers that are made for them, and keep streams of their own.
//
// Each connection has an account of its own, its seat (seats.go), without JetStream: no client sees
// another's subjects, and the server never acts for one of them with more rights than it has. What
// a seat can reach is what it imports (account.go), and most of that is the desk (desk.go), which
// asks the server anew for what a client may ask for (api.go, consumer.go). How much all clients
// together take is bounded in limits.go, allowance.go and remembered.go.
package client
