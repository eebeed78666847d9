package embedded_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/certtest"
	store "github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
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

// A consumer goes on where it was: after a restart, and where it was made by the version before,
// which let clients into the account of events.
func TestConsumersOfClientsLast(t *testing.T) {
	t.Parallel()
	dir := natstest.Folder(t)
	s := open(t, embedded.Options{Dir: dir})
	before, err := jetstream.New(s.Conns().Events)
	if err != nil {
		t.Fatal(err)
	}
	config := jetstream.ConsumerConfig{Durable: "shipping", FilterSubject: "hookspan.events.shop.>", AckPolicy: jetstream.AckExplicitPolicy}
	c, err := before.CreateConsumer(within(t), "HOOKSPAN_EVENTS", config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.CreateStream(within(t), jetstream.StreamConfig{Name: "BEFORE", Subjects: []string{"before.>"}}); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		publish(t, s, fmt.Sprint(i))
	}
	takes := func(c jetstream.Consumer, id string) {
		t.Helper()
		m, err := c.Next()
		if err != nil || m.Headers().Get("ce-id") != id {
			t.Fatalf("event %s: %v", id, err)
		}
		if err := m.DoubleAck(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	takes(c, "0")
	for i := 1; i < 6; i += 2 {
		s.close()
		s = open(t, embedded.Options{Dir: dir, Listen: "127.0.0.1:0"})
		_, js := dial(t, s)
		if c, err = js.CreateOrUpdateConsumer(within(t), "HOOKSPAN_EVENTS", config); err != nil {
			t.Fatal(err)
		}
		takes(c, fmt.Sprint(i))
		if c, err = js.Consumer(within(t), "HOOKSPAN_EVENTS", "shipping"); err != nil {
			t.Fatal(err)
		}
		takes(c, fmt.Sprint(i+1))
		if _, err := js.Stream(within(t), "BEFORE"); err != nil {
			t.Errorf("a stream of the version before: %v", err)
		}
	}
}

// What the libraries ask for has answers that they understand.
func TestClientsHaveNoStreamsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	nc, js := dial(t, s)
	config := jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"theirs.>"}}
	_, made := js.CreateStream(within(t), config)
	_, changed := js.UpdateStream(within(t), config)
	for what, err := range map[string]error{"made": made, "changed": changed, "deleted": js.DeleteStream(within(t), "THEIRS")} {
		var api *jetstream.APIError
		if !errors.As(err, &api) || api.Code != 403 || !strings.Contains(api.Description, "no streams of their own") {
			t.Errorf("a stream is %s: %v", what, err)
		}
	}
	if _, err := js.Stream(within(t), "THEIRS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("looked up: %v", err)
	}
	if _, err := js.CreateConsumer(within(t), "THEIRS", jetstream.ConsumerConfig{Durable: "c"}); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("a consumer: %v", err)
	}
	if _, err := js.Publish(within(t), "theirs.x", []byte("1")); err == nil || !containsAll(err.Error(), "theirs.x is no topic", "hookspan.events.>") {
		t.Errorf("published: %v", err)
	}
	old, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.AddStream(&nats.StreamConfig{Name: "THEIRS"}); err == nil || !strings.Contains(err.Error(), "no streams of their own") {
		t.Errorf("made by the older client: %v", err)
	}
}

// What clients of a version that let them make streams have made stays, and is told of.
func TestFormerStreamsOfClientsAreToldOf(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer // read once nothing is written any more
	dir := natstest.Folder(t)
	if err := os.MkdirAll(filepath.Join(dir, "jetstream", "CLIENTS", "streams", "THEIRS"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, embedded.Options{Dir: dir, Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(&told, nil))})
	_, js := dial(t, s)
	if _, err := js.Stream(within(t), "THEIRS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("a client finds it: %v", err)
	}
	s.close()
	if n := strings.Count(told.String(), "NATS clients have no streams of their own any more"); n != 1 {
		t.Errorf("it was told of %d times:\n%s", n, told.String())
	}
}

// The older client of nats.go pulls as the newer one does, and hears why it cannot be pushed to.
func TestTheOlderClient(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0", User: "client", Password: "open sesame"})
	nc, _ := dial(t, s, nats.UserInfo("client", "open sesame"))
	js, err := nc.JetStream(nats.MaxWait(25 * time.Second)) // pulls ask for as much
	if err != nil {
		t.Fatal(err)
	}
	if ack, err := js.Publish(topic, []byte("theirs")); err != nil || ack.Stream != "HOOKSPAN_EVENTS" {
		t.Fatalf("%+v, %v", ack, err)
	}
	for _, durable := range []string{"shipping", ""} {
		sub, err := js.PullSubscribe("hookspan.events.>", durable)
		if err != nil {
			t.Fatalf("durable %q: %v", durable, err)
		}
		messages, err := sub.Fetch(1)
		if err != nil {
			t.Fatalf("durable %q: %v", durable, err)
		}
		if err := messages[0].AckSync(); err != nil || string(messages[0].Data) != "theirs" {
			t.Errorf("durable %q: %q, %v", durable, messages[0].Data, err)
		}
	}
	if _, err := js.SubscribeSync("hookspan.events.>"); err == nil || !strings.Contains(err.Error(), "pull consumers") {
		t.Errorf("pushed to: %v", err)
	}
	if info, err := js.AccountInfo(); err != nil || info.Consumers != 2 {
		t.Errorf("%+v, %v", info, err)
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
