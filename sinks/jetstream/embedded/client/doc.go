// Package client is what NATS clients of the embedded bus may: publish events, subscribe to them, and
// read them through consumers that are made for them.
//
// Each connection has an account of its own, its seat (seats.go), without JetStream: no client sees
// another's subjects, and the server never acts for one of them with more rights than it has. All
// that a client sends comes to the desk (account.go, desk.go), which asks the server anew for what
// a client may ask for: to publish (relay.go), to pull and acknowledge (pull.go), and about streams and
// consumers (api.go, consumer.go). Who subscribes is told of events by the desk, too (tell.go). Each
// client is served in its turn (turns.go); how much all of them together take is bounded in limits.go
// and allowance.go.
package client
