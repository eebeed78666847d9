package embedded_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
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
	nc, err := nats.Connect(s.ClientURL(), options...)
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
	s := open(t, embedded.Options{Listen: "127.0.0.1:0", Protect: []string{"HOOKSPAN_EVENTS"}})
	_, js := dial(t, s)
	if _, err := js.Publish(within(t), topic, []byte(`{"from":"a client"}`)); err != nil {
		t.Fatal(err)
	}
	publish(t, s, "ours")
	c, err := js.CreateConsumer(within(t), "HOOKSPAN_EVENTS", jetstream.ConsumerConfig{Durable: "theirs", FilterSubject: "hookspan.events.>"})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.Fetch(2, jetstream.FetchMaxWait(patience))
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
	if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"theirs.>"}}); err != nil {
		t.Errorf("a stream of their own: %v", err)
	}
}

func TestClientsReachNothingElse(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0", Protect: []string{"HOOKSPAN_EVENTS"}})
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
	mirror, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "COPY", Mirror: &jetstream.StreamSource{Name: "HOOKSPAN_REGISTRY"}})
	if err == nil {
		if info, err := mirror.Info(within(t)); err != nil || info.State.Msgs != 0 {
			t.Errorf("a mirror of the registry holds %v, %v", info.State.Msgs, err)
		}
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

	denied := make(chan error, 8)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err })
	for _, do := range []func() error{
		func() error { return nc.Publish("$JS.API.STREAM.DELETE.HOOKSPAN_EVENTS", nil) },
		func() error { return nc.Publish("$JS.API.STREAM.PURGE.HOOKSPAN_EVENTS", nil) },
		func() error { return nc.Publish("$JS.API.STREAM.UPDATE.HOOKSPAN_EVENTS", nil) },
		func() error { return nc.Publish("$JS.API.STREAM.MSG.DELETE.HOOKSPAN_EVENTS", nil) },
		func() error { return nc.Publish("_HOOKSPAN.x.0-1", []byte(`{"stream":"HOOKSPAN_EVENTS","seq":1}`)) },
		func() error { _, err := nc.SubscribeSync("_HOOKSPAN.>"); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-denied:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("the server said %v", err)
			}
		case <-time.After(patience):
			t.Fatal("the server denied nothing")
		}
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
		if nc, err := nats.Connect(s.ClientURL(), options...); err == nil {
			nc.Close()
			t.Errorf("password %s: connected", name)
		}
	}
	dial(t, s, nats.UserInfo("client", "open sesame"))
}

func TestClientsCannotTakeTheRoomOfTheRest(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0", MaxStore: 64 << 20})
	_, js := dial(t, s)
	if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"theirs"}}); err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 512<<10)
	var err error
	taken := 0
	for ; err == nil && taken < 100<<20; taken += len(part) {
		_, err = js.Publish(within(t), "theirs", part)
	}
	if err == nil || int64(taken) > s.EventStore()+int64(2*len(part)) {
		t.Fatalf("a client took %d bytes of a store of %d: %v", taken, s.MaxStore(), err)
	}
	if _, err := s.store.AppendJournal(within(t), 0, part); err != nil {
		t.Errorf("a journal entry: %v", err)
	}
	if _, err := bus.NewChain(s.store, bus.LogName{Kind: bus.State}).Append(within(t), part); err != nil {
		t.Errorf("a delta: %v", err)
	}
}
