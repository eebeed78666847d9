package jetstream_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

var errEnough = errors.New("enough")

func itoa(n int) string { return strconv.Itoa(n) }

// openStore opens an embedded bus and a store on it, closed when the test ends.
func openStore(t testing.TB, eo embedded.Options, o jetstream.Options) (*jetstream.Store, *embedded.Server) {
	t.Helper()
	if eo.Dir == "" {
		eo.Dir = natstest.Folder(t)
	}
	server, err := embedded.Open(context.Background(), eo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	o.Disk, o.EventStore, o.PrivateStore = server, server.EventStore(), server.PrivateStore()
	var store *jetstream.Store
	eventually(t, "the store is open", func() bool { // a busy machine may answer too late, as a start takes into account
		if store, err = jetstream.Open(context.Background(), server.Conns(), o); err != nil && !errors.Is(err, bus.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store, server
}

func contextWithin() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Second)
}

// eventually waits for what no event tells.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); !is(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to pass: %s", what)
		}
	}
}
