package kafka_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/sinks/kafka"
	"github.com/hookspan/hookspan/sinks/kafka/kafkatest"
)

// A cluster is brokers in this process and the way to them.
type cluster struct {
	*kfake.Cluster
	memory *kafkatest.Memory // nil: by TCP
}

// newCluster runs a broker, gone when the test ends. It is reached by TCP.
func newCluster(t testing.TB, opts ...kfake.Opt) *cluster {
	t.Helper()
	return runCluster(t, nil, opts...)
}

// newBubbled runs a broker in a bubble.
func newBubbled(t testing.TB, opts ...kfake.Opt) *cluster {
	t.Helper()
	return runCluster(t, &kafkatest.Memory{}, opts...)
}

func runCluster(t testing.TB, m *kafkatest.Memory, opts ...kfake.Opt) *cluster {
	t.Helper()
	opts = append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)
	if m != nil {
		opts = append(opts, kfake.ListenFn(m.ListenAny))
	}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &cluster{c, m}
}

// reach are options with the way to the cluster.
func (c *cluster) reach(o kafka.Options) kafka.Options {
	o.Brokers = c.ListenAddrs()
	if c.memory != nil {
		o = kafka.DialBy(o, c.memory.DialContext)
	}
	return o
}

// client is a plain client of the cluster.
func (c *cluster) client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	if c.memory != nil {
		opts = append(opts, kgo.Dialer(c.memory.DialContext))
	}
	return client(t, c.ListenAddrs(), opts...)
}

// far has everything that is sent to the cluster arrive later, by what is stored in the answer.
func (c *cluster) far(o kafka.Options) (_ kafka.Options, by *atomic.Int64) {
	o.Brokers, by = c.ListenAddrs(), &atomic.Int64{}
	return kafka.DialBy(o, func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := c.memory.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		d := &delayed{Conn: conn, by: by, queue: make(chan sent, 1000), done: make(chan struct{})}
		d.end = sync.OnceFunc(func() { close(d.done) })
		go d.run()
		return d, nil
	}), by
}

// A delayed connection brings what is written to it later.
type delayed struct {
	net.Conn
	by    *atomic.Int64
	queue chan sent     // Write sends, run receives
	done  chan struct{} // closed by Close
	end   func()
}

type sent struct {
	at   time.Time
	data []byte
}

func (d *delayed) Write(p []byte) (int, error) {
	select {
	case <-d.done:
		return 0, net.ErrClosed
	case d.queue <- sent{time.Now(), bytes.Clone(p)}:
		return len(p), nil
	}
}

func (d *delayed) run() {
	for {
		select {
		case <-d.done:
			return
		case s := <-d.queue:
			select {
			case <-time.After(time.Duration(d.by.Load()) - time.Since(s.at)):
			case <-d.done:
			}
			_, _ = d.Conn.Write(s.data) // an end shows in Read
		}
	}
}

func (d *delayed) Close() error {
	d.end()
	return d.Conn.Close()
}
