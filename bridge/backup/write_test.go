package backup

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

const (
	followed = "hookspan.events.>"
	written  = "hookspan.events.shop.paid"
)

// A live bus has somebody do something when it is first asked what it holds.
type live struct {
	Store
	meanwhile func()
}

func (l live) Spans(ctx context.Context) ([]bus.Span, error) {
	l.meanwhile()
	return l.Store.Spans(ctx)
}

func openBus(t *testing.T) *jetstream.Store {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	server, err := embedded.Open(t.Context(), embedded.Options{Dir: natstest.Folder(t), Sync: embedded.Lazy, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	store, err := jetstream.Open(t.Context(), server.Conns(), jetstream.Options{
		EventStore: server.EventStore(), PrivateStore: server.PrivateStore(), Disk: server, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// Endpoints that come and go while a backup is made are in it as a whole or not at all: nothing is
// owed to one that is not in it, and one that is in it is owed what it takes.
func TestEndpointsComeAndGoMeanwhile(t *testing.T) {
	t.Parallel()
	store, ctx := openBus(t), t.Context()
	registry := endpoint.NewRegistry(store, nil, endpoint.Options{})
	publish := func(id string) {
		t.Helper()
		e := eventtest.Order()
		e.ID = id
		if _, err := store.Publish(ctx, written, e, bus.PublishOptions{Key: id}); err != nil {
			t.Fatal(err)
		}
	}
	create := func(name string) string {
		t.Helper()
		e := endpoint.Default()
		e.Name, e.URL, e.Signature, e.Topics = name, "https://crm.example/in", "none", []string{followed}
		e, err := registry.Create(ctx, e)
		if err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	if _, err := registry.Shards(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Starts(ctx, []string{followed}); err != nil {
		t.Fatal(err)
	}
	goes := create("goes")
	publish("before")
	var comes string
	source := Source{
		Topics: []string{followed}, Layout: Layout{Namespace: "hookspan", Prefix: "hookspan.events"}, Log: slog.New(slog.DiscardHandler),
		Store: live{store, sync.OnceFunc(func() {
			if err := registry.Delete(ctx, goes); err != nil {
				t.Error(err)
			}
			comes = create("comes")
			publish("after")
		})},
	}
	var file bytes.Buffer
	if err := Write(ctx, source, &file); err != nil {
		t.Fatal(err)
	}
	held, due := map[string]bool{}, map[string][]string{}
	_, holds, err := read(&file, func(l *line) error {
		if l.Endpoint != nil {
			ep, err := endpoint.ReadRecord(l.Endpoint.Record, nil)
			if err != nil {
				return err
			}
			held[ep.ID] = true
			return nil
		}
		for _, o := range l.Event.Owed {
			due[o.Endpoint] = append(due[o.Endpoint], l.Event.ID)
		}
		return nil
	})
	if err != nil || holds.Events != 2 {
		t.Fatalf("it holds %+v, error %v", holds, err)
	}
	for id, events := range due {
		if !held[id] {
			t.Errorf("%v are owed to endpoint %s, which is not in the backup", events, id)
		}
	}
	if held[comes] && len(due[comes]) != 1 {
		t.Errorf("the endpoint that came is owed %v, want what was published after it", due[comes])
	}
}
