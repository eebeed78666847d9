package root_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// accountsOfTheReadme is a server with the accounts as the README prints them.
func accountsOfTheReadme(t *testing.T) *natstest.Servers {
	t.Helper()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(readme), "what the account APPS may have of it\n")
	accounts, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		t.Fatal("README.md has lost the accounts of NATS")
	}
	accounts = strings.NewReplacer("$HOOKSPAN_PASSWORD", `"open sesame"`, "$APPS_PASSWORD", "apps").Replace(accounts)
	return natstest.Start(t, 1, natstest.Config{Auth: accounts})
}

// The accounts of the README let others do what it says.
func TestAccountsOfTheReadmeAllow(t *testing.T) {
	t.Parallel()
	servers := accountsOfTheReadme(t)
	bus := []string{"HOOKSPAN_BUS=" + servers.URL(), "HOOKSPAN_NATS_USER=hookspan", "HOOKSPAN_NATS_PASSWORD=open sesame"}
	launch(t, bus...).shows("/readyz", 200, "")
	admin, err := jetstream.New(servers.Connect(t, nats.UserInfo("hookspan", "open sesame"), nats.Name("hookspan admin")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateConsumer(t.Context(), "HOOKSPAN_EVENTS", jetstream.ConsumerConfig{Durable: "shipping", FilterSubject: "hookspan.events.>"}); err != nil {
		t.Fatal(err)
	}
	if out, _, code := hookspan(t, bus, "doctor"); code != cli.ExitDone || !strings.Contains(out, "none is connected to account HOOKSPAN") {
		t.Errorf("doctor: code %d:\n%s", code, out)
	}

	nc := servers.Connect(t, nats.UserInfo("apps", "apps"))
	events, err := nc.SubscribeSync("hookspan.events.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil { // the server knows of it from here on
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Publish(t.Context(), "hookspan.events.shop.x", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if m, err := events.NextMsg(time.Minute); err != nil || m.Subject != "hookspan.events.shop.x" {
		t.Errorf("subscribed: %v", err)
	}
	if ack, err := js.Publish(t.Context(), "to.hookspan.billing.paid", []byte("7")); err != nil || ack.Stream != "HOOKSPAN_EVENTS" {
		t.Fatalf("published: %+v, %v", ack, err)
	}
	behind, err := jetstream.NewWithAPIPrefix(nc, "of.hookspan")
	if err != nil {
		t.Fatal(err)
	}
	c, err := behind.Consumer(t.Context(), "HOOKSPAN_EVENTS", "shipping")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1", "7"} {
		m, err := c.Next()
		if err != nil || string(m.Data()) != want {
			t.Fatalf("consumed: %v", err)
		}
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Errorf("acknowledged: %v", err)
		}
	}
	if info, err := c.Info(t.Context()); err != nil || info.NumAckPending != 0 || info.AckFloor.Stream != 2 {
		t.Errorf("the consumer: %+v, %v", info, err)
	}
}

// And nothing else.
func TestAccountsOfTheReadmeForbid(t *testing.T) {
	t.Parallel()
	servers := accountsOfTheReadme(t)
	r := launch(t, "HOOKSPAN_BUS="+servers.URL(), "HOOKSPAN_NATS_USER=hookspan", "HOOKSPAN_NATS_PASSWORD=open sesame")
	r.shows("/readyz", 200, "")
	admin, err := jetstream.New(servers.Connect(t, nats.UserInfo("hookspan", "open sesame")))
	if err != nil {
		t.Fatal(err)
	}
	nc := servers.Connect(t, nats.UserInfo("apps", "apps"))
	seen := make(chan *nats.Msg, 1000)
	spy, err := nc.ChanSubscribe(">", seen)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	r.takes("1")
	if err := errors.Join(nc.Flush(), spy.Unsubscribe()); err != nil {
		t.Fatal(err)
	}
	for len(seen) > 0 {
		if m := <-seen; !strings.HasPrefix(m.Subject, "hookspan.events.") {
			t.Errorf("it sees %s: %s", m.Subject, m.Data)
		}
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Stream(t.Context(), "HOOKSPAN_EVENTS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the stream: %v", err)
	}
	// The server as an accomplice: it answers to any subject.
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"theirs"}, AllowDirect: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "theirs", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{
		"STREAM.PURGE.HOOKSPAN_EVENTS", "STREAM.DELETE.HOOKSPAN_EVENTS", "STREAM.UPDATE.HOOKSPAN_EVENTS", "STREAM.MSG.DELETE.HOOKSPAN_EVENTS",
		"STREAM.INFO.HOOKSPAN_STATE", "CONSUMER.LIST.HOOKSPAN_EVENTS", "CONSUMER.CREATE.HOOKSPAN_EVENTS.shipping", "CONSUMER.DELETE.HOOKSPAN_EVENTS.shipping",
		"CONSUMER.PAUSE.HOOKSPAN_EVENTS.shipping", "CONSUMER.MSG.NEXT.HOOKSPAN_EVENTS.another",
	} {
		for _, prefix := range []string{"of.hookspan.", "$JS.API."} {
			if err := nc.PublishRequest("$JS.API.DIRECT.GET.THEIRS", prefix+request, []byte(`{"seq":1}`)); err != nil {
				t.Fatal(err)
			}
			if m, err := nc.Request(prefix+request, []byte("{}"), 200*time.Millisecond); err == nil && !strings.Contains(string(m.Data), `"error"`) {
				t.Errorf("%s%s: %s", prefix, request, m.Data)
			}
		}
	}
	for _, subject := range []string{"hookspan.events.shop.x", "hookspan.ops", "hookspan.dead", "hookspan.state.0", "hookspan.registry", "to.hookspan.shop.x", "$KV.HOOKSPAN_LEASES.x"} {
		if ack, err := js.Publish(t.Context(), subject, []byte("forged"), jetstream.WithRetryAttempts(0)); err == nil {
			t.Errorf("%s: stored in %s", subject, ack.Stream)
		}
	}
	rollup := nats.NewMsg("to.hookspan.billing.x")
	rollup.Header.Set("Nats-Rollup", "all")
	if _, err := js.PublishMsg(t.Context(), rollup); err == nil {
		t.Error("a publisher may purge the stream")
	}
	if _, err := admin.Publish(t.Context(), "hookspan.events.shop.x", []byte("2")); err != nil {
		t.Fatal(err)
	}
	stream, err := admin.Stream(t.Context(), "HOOKSPAN_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if s := stream.CachedInfo().State; s.FirstSeq != 1 || s.LastSeq != 2 || s.NumDeleted > 0 {
		t.Errorf("the event stream became %+v", s)
	}
}
