package embedded_test

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/certtest"
	store "github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

func containsAll(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

func dial(t *testing.T, s *opened, options ...nats.Option) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), append([]nats.Option{nats.Timeout(patience)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

func TestNoPortUnlessAsked(t *testing.T) {
	t.Parallel()
	if url := open(t, embedded.Options{}).ClientURL(); url != "" {
		t.Errorf("it listens on %s", url)
	}
}

func TestClientsReadAndPublishEvents(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	_, js := dial(t, s)
	if _, err := js.Publish(within(t), topic, []byte(`{"from":"a client"}`)); err != nil {
		t.Fatal(err)
	}
	publish(t, s, "ours")
	c, err := js.CreateConsumer(within(t), "HOOKSPAN_EVENTS", jetstream.ConsumerConfig{Durable: "theirs", FilterSubject: "hookspan.events.>"})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.Fetch(2, jetstream.FetchMaxWait(patience/4))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for m := range batch.Messages() {
		n++
		if err := m.DoubleAck(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 {
		t.Errorf("the client got %d of 2 events", n)
	}
	if at, ok, err := s.store.OthersNeed(within(t), "HOOKSPAN_EVENTS"); err != nil || !ok || at != 2 {
		t.Errorf("others need %d %v %v, want 2", at, ok, err)
	}
}

// Another Hookspan that takes the listener for a NATS server learns that at once, and makes nothing.
func TestNoOtherHookspanWorksAsAClient(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	nc, js := dial(t, s)
	for _, namespace := range []string{"", "other"} {
		other, err := store.Open(within(t), store.Conns{Events: nc}, store.Options{Namespace: namespace})
		if err == nil {
			t.Fatal(errors.Join(errors.New("it was opened"), other.Close()))
		}
		if errors.Is(err, bus.ErrUnavailable) || !containsAll(err.Error(), "another Hookspan", "HOOKSPAN_EMBEDDED_PEERS") {
			t.Errorf("namespace %q: %v", namespace, err)
		}
	}
	for name := range js.StreamNames(within(t)).Name() {
		if name != "HOOKSPAN_EVENTS" {
			t.Errorf("it made %s", name)
		}
	}
	if account, err := js.AccountInfo(within(t)); err != nil || account.Limits.MaxConsumers != 50 || account.Limits.MaxStreams != 0 || account.Limits.MaxStore != 0 {
		t.Errorf("what clients may use: %+v %v", account, err)
	}
}

func TestClientsReachNothingElse(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	nc, js := dial(t, s)
	registry := bus.LogName{Kind: bus.Registry}
	c := bus.NewChain(s.store, registry)
	if _, err := c.Append(within(t), []byte("an endpoint")); err != nil {
		t.Fatal(err)
	}

	for _, stream := range []string{"HOOKSPAN_STATE", "HOOKSPAN_REGISTRY", "HOOKSPAN_COMMANDS", "HOOKSPAN_JOURNAL", "HOOKSPAN_REFUSALS"} {
		if _, err := js.Stream(within(t), stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("%s: %v", stream, err)
		}
	}
	if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "COPY", Mirror: &jetstream.StreamSource{Name: "HOOKSPAN_REGISTRY"}}); err == nil {
		t.Error("a mirror of the registry was made")
	}
	if err := nc.Publish("hookspan.registry", []byte("forged")); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Append(within(t), []byte("another")); err != nil {
		t.Errorf("after a forged record: %v", err)
	}
}

func TestClientsNeedThePassword(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0", User: "client", Password: "open sesame"})
	for name, options := range map[string][]nats.Option{
		"none":         nil,
		"wrong":        {nats.UserInfo("client", "guess")},
		"of our users": {nats.UserInfo("hookspan-private", "")},
	} {
		if nc, err := nats.Connect(s.ClientURL(), append([]nats.Option{nats.Timeout(patience)}, options...)...); err == nil {
			nc.Close()
			t.Errorf("password %s: connected", name)
		}
	}
	dial(t, s, nats.UserInfo("client", "open sesame"))
}

func TestClientsOverTLS(t *testing.T) {
	t.Parallel()
	authority := certtest.New(t)
	cert := authority.Issue(t, "127.0.0.1")
	s := open(t, embedded.Options{Listen: "127.0.0.1:0", TLS: &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil },
	}})
	if nc, err := nats.Connect(strings.Replace(s.ClientURL(), "tls://", "nats://", 1), nats.NoReconnect()); err == nil {
		nc.Close()
		t.Error("a client without TLS was let in")
	}
	_, js := dial(t, s, nats.Secure(&tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12}))
	if _, err := js.Publish(within(t), topic, []byte("x")); err != nil {
		t.Error(err)
	}
	publish(t, s, "ours")
}

// Whatever way an event takes, a subscriber gets it once.
func TestSubscribersGetEachEventOnce(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0", Publish: []string{"hookspan.events.>", "orders.*", "hookspan.events.shop.>", "orders.new"}})
	one, _ := dial(t, s)
	two, js := dial(t, s)
	got := make(chan *nats.Msg, 100)
	subscribe := func(nc *nats.Conn, subject, queue string) {
		t.Helper()
		if _, err := nc.ChanQueueSubscribe(subject, queue, got); err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	subscribe(one, "hookspan.events.>", "")
	subscribe(two, "hookspan.events.shop.*.*", "")
	subscribe(one, "hookspan.>", "workers") // one of the three gets it
	subscribe(two, "hookspan.>", "workers")
	subscribe(two, topic, "workers")
	expect := func(n int, what string) {
		t.Helper()
		for i := range n {
			if m := receive(t, got); m.Subject != topic {
				t.Errorf("%s: message %d lies on %s", what, i, m.Subject)
			}
		}
		if err := errors.Join(one.Flush(), two.Flush()); err != nil {
			t.Fatal(err)
		}
		if len(got) > 0 {
			t.Errorf("%s: a subscriber got it twice", what)
		}
	}
	publish(t, s, "ours")
	expect(3, "of Hookspan")
	if _, err := js.Publish(within(t), topic, []byte("theirs")); err != nil {
		t.Fatal(err)
	}
	expect(3, "of one of them, acknowledged")
	if err := one.Publish(topic, []byte("theirs")); err != nil {
		t.Fatal(err)
	}
	expect(3, "of one of them")
}

func TestClientsReadWhatHookspanTells(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	nc, js := dial(t, s)
	for _, subject := range []string{"hookspan.ops", "hookspan.dead", "hookspan.quarantine", "hookspan.quarantine.shop", "hookspan.unverified"} {
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.Publish(within(t), subject, order(subject), bus.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		if m, err := sub.NextMsgWithContext(within(t)); err != nil || m.Header.Get("ce-id") != subject {
			t.Errorf("%s: %v", subject, err)
		}
	}
	c, err := js.OrderedConsumer(within(t), "HOOKSPAN_EVENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"hookspan.dead", "hookspan.ops"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"hookspan.ops", "hookspan.dead"} {
		if m, err := c.Next(); err != nil || m.Subject() != subject {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

func TestAClientsMessageIDCountsAmongClients(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	_, js := dial(t, s)
	for i, repeated := range []bool{false, true} {
		ack, err := js.Publish(within(t), topic, []byte("x"), jetstream.WithMsgID("mine"), jetstream.WithExpectStream("HOOKSPAN_EVENTS"))
		if err != nil || ack.Duplicate != repeated {
			t.Errorf("publish %d: %+v, %v", i, ack, err)
		}
	}
	spans, err := s.store.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.store.Get(within(t), spans[0].Partition, bus.Position{Identity: spans[0].Identity, Seq: 1})
	if err != nil || m.Event.ID != "mine" {
		t.Errorf("the event's id is %q, %v", m.Event.ID, err)
	}
}
