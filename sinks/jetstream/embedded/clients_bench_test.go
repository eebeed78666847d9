package embedded_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	store "github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

func BenchmarkClients(b *testing.B) {
	s, err := embedded.Open(b.Context(), embedded.Options{Dir: b.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	js := benchClient(b, s)
	body := make([]byte, 1<<10)
	b.Run("publish", func(b *testing.B) {
		for range b.N {
			if _, err := js.PublishAsync(topic, body, jetstream.WithStallWait(patience)); err != nil {
				b.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
	})
	b.Run("consume", func(b *testing.B) {
		c, err := js.CreateConsumer(b.Context(), "HOOKSPAN_EVENTS", jetstream.ConsumerConfig{MaxAckPending: 10_000})
		if err != nil {
			b.Fatal(err)
		}
		for range b.N {
			if _, err := js.PublishAsync(topic, body, jetstream.WithStallWait(patience)); err != nil {
				b.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
		b.ResetTimer()
		came := make(chan struct{}, 1)
		n := 0
		consuming, err := c.Consume(func(m jetstream.Msg) {
			_ = m.Ack()
			if n++; n == b.N {
				close(came)
			}
		}, jetstream.PullMaxMessages(500))
		if err != nil {
			b.Fatal(err)
		}
		<-came
		consuming.Stop()
	})
}

func benchClient(b *testing.B, s *embedded.Server) jetstream.JetStream {
	b.Helper()
	store, err := benchStore(b, s)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	js := connectTo(b, s)
	return js
}

func benchStore(b *testing.B, s *embedded.Server) (*store.Store, error) {
	return store.Open(b.Context(), s.Conns(), store.Options{Disk: s, EventStore: s.EventStore(), PrivateStore: s.PrivateStore()})
}

func connectTo(b *testing.B, s *embedded.Server) jetstream.JetStream {
	b.Helper()
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1000))
	if err != nil {
		b.Fatal(err)
	}
	return js
}
