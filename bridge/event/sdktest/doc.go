// Package sdktest holds what we write to NATS and Kafka against the bindings of the CloudEvents
// SDK for Go. It is a module of its own, because those bring along clients that Hookspan does
// not have: a user's go.mod and scanners see what the program is made of, and nothing else.
package sdktest
