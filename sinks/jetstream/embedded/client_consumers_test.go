package embedded_test

import (
	"bytes"
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

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

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
