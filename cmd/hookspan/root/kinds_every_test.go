//go:build fleets

package root_test

// kinds are the buses for tests that take as long again for each kind.
var kinds = []string{"embedded", "nats", "kafka"}
