// Package dial connects to NATS servers of somebody else's, for package jetstream to work on: who
// we are there, what TLS has to show, and what to do about servers that do not take us.
package dial
