package kafka_test

import (
	"testing"

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
