package jetstream_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/dial"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// A server that was cut off from its cluster keeps its clients. They leave it, and lose nothing.
func TestAServerThatIsCutOffIsLeft(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 3, natstest.Config{})
	user, password := cluster.Account()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	conns, err := dial.Open(t.Context(), dial.Options{Log: log, Servers: cluster.Addrs(), User: user, Password: password, PublishTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conns.Close)
	store, err := jetstream.Open(t.Context(), conns, jetstream.Options{Log: log, PublishTimeout: time.Second, Replicas: 3}.Impatient(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	followed := followAll(t, store)
	l := newLoad(t, store, 2)
	l.more(t, 20)

	lonely := conns.Events.ConnectedServerName()
	cluster.CutOff(cluster.Index(lonely))
	l.more(t, 20)
	l.end()
	if now := conns.Events.ConnectedServerName(); now == lonely {
		t.Errorf("events are published to server %s, which is cut off", now)
	}
	eventually(t, "the other connection has left it too", func() bool {
		return conns.Read.Status() == nats.CONNECTED && conns.Read.ConnectedServerName() != lonely
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	eventually(t, "all that was acknowledged is followed", func() bool { return followed.holds(l.acked) })
	eventually(t, "events are taken", func() bool {
		_, err := store.Publish(within(t), "hookspan.events.shop", order("last"), bus.PublishOptions{})
		return err == nil
	})
}
