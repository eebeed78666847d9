package porttest_test

import (
	"net"
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
