// Package kafkatest lets tests of Kafka run in bubbles (testing/synctest): a time of their own,
// which goes on when everybody waits. Their waits cost nothing, and their limits hold on a
// machine that has much to do. Brokers in a bubble are reached through its memory.
package kafkatest

import (
	"net"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kfake"
)

// InBubble runs a test in a bubble, beside others.
func InBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

// A Memory is the network of a bubble. Its zero value is ready, and must not be copied.
type Memory struct {
	kfake.VirtualNetwork

	mu   sync.Mutex
	last int // port given to who asked for any
}

// ListenAny is Listen where port 0 is any free one, for kfake.ListenFn.
func (m *Memory) ListenAny(network, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port == "0" {
		m.mu.Lock()
		m.last++
		port = strconv.Itoa(m.last)
		m.mu.Unlock()
	}
	return m.Listen(network, net.JoinHostPort(host, port))
}
