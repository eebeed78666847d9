package jetstream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// Somebody else who may use the account answers in the place of a stream.
func TestAnAcknowledgementOfAnotherStreamIsNone(t *testing.T) {
	t.Parallel()
	store, server := openStore(t, embedded.Options{}, jetstream.Options{})
	for _, nc := range []*nats.Conn{server.Conns().Read, server.Conns().Private} {
		if _, err := nc.Subscribe(">", func(m *nats.Msg) {
			if m.Reply != "" && !strings.HasPrefix(m.Subject, "$JS") {
				_ = m.Respond([]byte(`{"stream":"OTHER","seq":7}`))
			}
		}); err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := store.Publish(within(t), "orders.new", order("1"), bus.PublishOptions{}); !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), `"OTHER"`) {
		t.Errorf("published to %+v, %v", r, err)
	}
}

func TestUnpredictableReplies(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1, natstest.Config{})
	user, password := servers.Account()
	login := nats.UserInfo(user, password)
	store, err := jetstream.Open(within(t), jetstream.Conns{Events: servers.Connect(t, login)}, jetstream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	nc := servers.Connect(t, login)
	sub, err := nc.SubscribeSync("hookspan.events.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range 20 {
		if _, err := store.Publish(within(t), "hookspan.events.shop.x", order(fmt.Sprint(i)), bus.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		m, err := sub.NextMsgWithContext(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if seen[m.Reply] {
			t.Errorf("%s was used twice", m.Reply)
		}
		seen[m.Reply] = true
	}
}

func TestAnotherMessageUsedUpTheKey(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	store, server := openStore(t, embedded.Options{}, jetstream.Options{Metrics: registry})
	const topic, key = "hookspan.events.shop.x", "the key of a webhook to come"
	m := nats.NewMsg(topic)
	m.Header.Set(nats.MsgIdHdr, key)
	m.Header.Set("ce-id", "another")
	if _, err := server.Conns().Read.RequestMsgWithContext(within(t), m); err != nil {
		t.Fatal(err)
	}
	r, err := store.Publish(within(t), topic, order("1"), bus.PublishOptions{Key: key})
	if err != nil || r.Repeated || r.Position.Seq != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if n := distrusted(t, registry, "message_id"); n != 1 {
		t.Errorf("it was counted %v times", n)
	}
	for i, repeated := range []bool{false, true} {
		r, err := store.Publish(within(t), topic, order("2"), bus.PublishOptions{Key: "a key"})
		if err != nil || r.Repeated != repeated {
			t.Errorf("publish %d: %+v, %v", i, r, err)
		}
	}
}

// distrusted is how often what the bus did was not believed, for a reason.
func distrusted(t *testing.T, registry *prometheus.Registry, reason string) (n float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "hookspan_bus_distrusted_total" && m.GetLabel()[0].GetValue() == reason {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// Whatever others who may use the account do to the consumer that events are read by, all of
// them come, whole and in order.
func TestAReaderThatOthersMeddleWith(t *testing.T) {
	t.Parallel()
	const stream = "HOOKSPAN_EVENTS"
	changed := func(change func(*natsjs.ConsumerConfig)) func(t *testing.T, js natsjs.JetStream, c *natsjs.ConsumerInfo) {
		return func(t *testing.T, js natsjs.JetStream, c *natsjs.ConsumerInfo) {
			change(&c.Config)
			if _, err := js.UpdateConsumer(within(t), stream, c.Config); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, meddle := range map[string]func(t *testing.T, js natsjs.JetStream, c *natsjs.ConsumerInfo){
		"headers only":  changed(func(c *natsjs.ConsumerConfig) { c.HeadersOnly = true }),
		"filter":        changed(func(c *natsjs.ConsumerConfig) { c.FilterSubject = "hookspan.events.shop.3" }),
		"never matches": changed(func(c *natsjs.ConsumerConfig) { c.FilterSubject = "hookspan.events.nothing" }),
		"paused": func(t *testing.T, js natsjs.JetStream, c *natsjs.ConsumerInfo) {
			if _, err := js.PauseConsumer(within(t), stream, c.Name, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		},
		"deleted": func(t *testing.T, js natsjs.JetStream, c *natsjs.ConsumerInfo) {
			if err := js.DeleteConsumer(within(t), stream, c.Name); err != nil {
				t.Fatal(err)
			}
		},
		"starved": func(t *testing.T, js natsjs.JetStream, c *natsjs.ConsumerInfo) {
			for range 100 {
				if err := js.Conn().PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+stream+"."+c.Name, "nowhere", []byte(`{"batch":1000,"expires":60000000000}`)); err != nil {
					t.Fatal(err)
				}
			}
			if err := js.Conn().Flush(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := prometheus.NewRegistry()
			store, server := openStore(t, embedded.Options{}, jetstream.Options{Metrics: registry})
			nc := server.Conns().Read
			if name == "starved" { // somebody has to be there to take them
				if _, err := nc.Subscribe("nowhere", func(*nats.Msg) {}); err != nil {
					t.Fatal(err)
				}
			}
			js, err := natsjs.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			spans, err := store.Spans(within(t))
			if err != nil {
				t.Fatal(err)
			}
			read := make(chan bus.Message, 100)
			go func() {
				_ = store.Follow(t.Context(), spans[0].Partition, bus.Position{Identity: spans[0].Identity}, func(batch []bus.Message) error {
					for _, m := range batch {
						read <- m
					}
					return nil
				})
			}()
			for i := range 10 {
				id := fmt.Sprint(i)
				if _, err := store.Publish(within(t), "hookspan.events.shop."+id, order(id), bus.PublishOptions{}); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					<-read
					s, err := js.Stream(within(t), stream)
					if err != nil {
						t.Fatal(err)
					}
					for c := range s.ListConsumers(within(t)).Info() {
						meddle(t, js, c)
					}
				}
			}
			for i := range 9 {
				select {
				case m := <-read:
					if m.Event.ID != fmt.Sprint(i+1) || len(m.Event.Data) == 0 {
						t.Fatalf("event %d is %s with %q", i+1, m.Event.ID, m.Event.Data)
					}
				case <-within(t).Done():
					t.Fatalf("event %d did not come", i+1)
				}
			}
			if name == "deleted" && distrusted(t, registry, "reader_deleted") == 0 {
				t.Error("it was not told")
			}
		})
	}
}
