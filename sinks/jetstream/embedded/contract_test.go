//go:build fleets

package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// A tenant is a store beside others on one cluster, each with a namespace of its own.
type tenant struct {
	*jetstream.Store
	namespace string
}

func (s tenant) Topic() string { return s.namespace + ".events.shop" }

func TestContractOnAnEmbeddedCluster(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	for i := range three {
		three[i].MaxStore = 1 << 40 // of which each store has a part
	}
	servers := all(t, func(i int) *embedded.Server { return start(t, three[i]) })
	for _, s := range servers {
		waitFor(t, func() bool { return s.Health(t.Context()) == nil })
	}
	var n atomic.Int64
	bustest.Run(t, func(t *testing.T) bus.Store {
		i := n.Add(1)
		return lodge(t, servers[i%3], fmt.Sprintf("tenant%d", i))
	})
	t.Run("Shared", func(t *testing.T) {
		bustest.Shared(t, func(t *testing.T) (a, b bustest.SharedStore) {
			i := n.Add(1)
			namespace := fmt.Sprintf("tenant%d", i)
			return lodge(t, servers[i%3], namespace), lodge(t, servers[(i+1)%3], namespace)
		})
	})
	bustest.Private(t, func(t *testing.T) bustest.Site {
		i := n.Add(1)
		return house(t, servers[i%3], fmt.Sprintf("tenant%d", i))
	})
}

// house is a server on which two stores are opened.
func house(t *testing.T, s *embedded.Server, namespace string) bustest.Site {
	t.Cleanup(func() {
		for _, nc := range []*nats.Conn{s.Conns().Events, s.Conns().Private} {
			removeStreams(t, nc, strings.ToUpper(namespace)+"_")
			removeStreams(t, nc, strings.ToUpper(namespace)+"-OTHER_")
		}
	})
	return bustest.Site{
		Own: namespace, Other: namespace + "-other",
		Open: func(namespace string, topics ...string) (store bus.Store, err error) {
			o := jetstream.Options{Namespace: namespace, Topics: topics, EventStore: 1 << 28, PrivateStore: 1 << 28, Disk: s, Replicas: 3}
			untilAvailable(t, func() error {
				var opened *jetstream.Store
				if opened, err = jetstream.Open(t.Context(), s.Conns(), o); err == nil {
					store = opened
					t.Cleanup(func() { opened.Close() })
				}
				if errors.Is(err, bus.ErrUnavailable) {
					return err
				}
				return nil
			})
			return store, err
		},
		Below: func(namespace string) string { return namespace + ".>" },
		Alone: func(topic string) []string { return []string{topic} },
	}
}

func lodge(t *testing.T, s *embedded.Server, namespace string) tenant {
	t.Helper()
	store := opens(t, s, jetstream.Options{Namespace: namespace, EventStore: 1 << 28, PrivateStore: 1 << 28})
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		for _, nc := range []*nats.Conn{s.Conns().Events, s.Conns().Private} {
			removeStreams(t, nc, strings.ToUpper(namespace)+"_")
		}
	})
	return tenant{store, namespace}
}

// removeStreams spares the cluster what a test has left.
func removeStreams(t *testing.T, nc *nats.Conn, begin string) {
	js, err := natsjs.New(nc)
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		if strings.HasPrefix(name, begin) {
			_ = js.DeleteStream(ctx, name) // another store of this namespace may have been faster
		}
	}
}
