package porttest_test

import (
	"net"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/sinks/porttest"
)

// Some dozens of a thousand ports would be among a thousand others if they were not held.
func TestAHeldPortIsGivenToNobody(t *testing.T) {
	t.Parallel()
	held := porttest.Addresses(t, 1000)
	for range 1000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if given := l.Addr().String(); slices.Contains(held, given) {
			t.Fatalf("%s was given away", given)
		}
		t.Cleanup(func() { _ = l.Close() })
	}
}
