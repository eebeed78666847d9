package jetstream_test

import (
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/dial"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// remote opens a store in an account of its own on servers that are not embedded. Its streams
// go with it.
func remote(t testing.TB, s *natstest.Servers, o jetstream.Options) *jetstream.Store {
	t.Helper()
	store, _ := remoteIn(t, s, o)
	return store
}

func remoteIn(t testing.TB, s *natstest.Servers, o jetstream.Options) (*jetstream.Store, *nats.Conn) {
	t.Helper()
	user, password := s.Account()
	admin := s.Connect(t, nats.UserInfo(user, password))
	t.Cleanup(func() { removeStreams(t, admin) })
	return dialed(t, s, user, password, o), admin
}

func dialed(t testing.TB, s *natstest.Servers, user, password string, o jetstream.Options) *jetstream.Store {
	t.Helper()
	conns, err := dial.Open(t.Context(), dial.Options{Servers: s.Addrs(), User: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conns.Close)
	store, err := jetstream.Open(t.Context(), conns, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// removeStreams spares the cluster what a test has left.
func removeStreams(t testing.TB, nc *nats.Conn) {
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextWithin()
	defer cancel()
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		_ = js.DeleteStream(ctx, name) // the cluster may be down by now
	}
}
