package porttest_test

import (
	"net"
	"runtime"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/sinks/porttest"
)

func TestAHeldPortIsForWhoNamesIt(t *testing.T) {
	t.Parallel()
	addresses := porttest.Addresses(t, 3)
	for _, address := range addresses {
		if c, err := net.Dial("tcp", address); err == nil {
			t.Errorf("somebody listens on %s", address)
			_ = c.Close()
		}
		for range 2 { // and again after it was closed
			l, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// Some dozens of a thousand ports would be among a thousand others if they were not held.
func TestAHeldPortIsGivenToNobody(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ports are held on Linux alone")
	}
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
