// Package subject compares NATS subjects and patterns over them.
package subject
