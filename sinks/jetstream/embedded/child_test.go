package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
)

// childOptions says which server is to be run in a process of its own, which is this test's
// binary once more. Only so can it be killed.
const childOptions = "HOOKSPAN_TEST_CHILD"

// A part is what of a server's options is in it.
type part struct {
	Dir, Name, Routes string
	Peers, Secrets    []string
}

func TestMain(m *testing.M) {
	if options := os.Getenv(childOptions); options != "" {
		if err := runChild(options); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := sideBySide(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// A told is one line that a child prints: what it is about, and one thing.
type told struct {
	What, Thing string
}

const (
	tellsReady  = "ready"  // publishing begins
	tellsAcked  = "acked"  // id of an event that was acknowledged
	tellsLeader = "leader" // of the event stream, now and then
	tellsHealth = "health" // whenever it changes
)

// runChild publishes on a server of a cluster until its input ends.
func runChild(options string) error {
	var p part
	if err := json.Unmarshal([]byte(options), &p); err != nil {
		return err
	}
	o := embedded.Options{
		Dir: p.Dir, Protect: []string{"HOOKSPAN_EVENTS"}, MaxStore: 1 << 30,
		Membership: cluster.Membership{Cluster: "orders", ServerName: p.Name, RoutesListen: p.Routes, Peers: p.Peers, RouteSecrets: p.Secrets},
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server, err := embedded.Open(ctx, o)
	if err != nil {
		return err
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var out sync.Mutex
	tell := func(what, thing string) {
		out.Lock()
		defer out.Unlock()
		_ = json.NewEncoder(os.Stdout).Encode(told{what, thing})
	}
	store, err := untilOpen(ctx, server)
	if err != nil {
		return nil // the input has ended
	}
	defer store.Close()
	tell(tellsReady, o.ServerName)
	var publishing sync.WaitGroup
	publishing.Go(func() { watchLeader(ctx, server, tell) })
	for p := range 4 {
		publishing.Go(func() { publishOn(ctx, store, fmt.Sprintf("%s-%d-%d", o.ServerName, os.Getpid(), p), tell) })
	}
	publishing.Wait()
	return nil
}

func untilOpen(ctx context.Context, server *embedded.Server) (*jetstream.Store, error) {
	for {
		if server.Health(ctx) == nil {
			try, cancel := context.WithTimeout(ctx, 5*time.Second)
			store, err := jetstream.Open(try, server.Conns(), jetstream.Options{
				Disk: server, EventStore: server.EventStore(), PrivateStore: server.PrivateStore(), Replicas: 3, PublishTimeout: 2 * time.Second,
			})
			cancel()
			if err == nil {
				return store, nil
			}
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func publishOn(ctx context.Context, store *jetstream.Store, name string, tell func(what, thing string)) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("%s-%d", name, n)
		if _, err := store.Publish(ctx, topic, order(id), bus.PublishOptions{}); err == nil {
			tell(tellsAcked, id)
		}
		_ = pause(ctx, 20*time.Millisecond)
	}
}

func watchLeader(ctx context.Context, server *embedded.Server, tell func(what, thing string)) {
	js, err := natsjs.New(server.Conns().Events)
	if err != nil {
		return
	}
	health := "ok"
	for pause(ctx, 100*time.Millisecond) == nil {
		now := "ok"
		if err := server.Health(ctx); err != nil {
			now = err.Error()
		}
		if now != health {
			health = now
			tell(tellsHealth, health)
		}
		ask, cancel := context.WithTimeout(ctx, time.Second)
		if stream, err := js.Stream(ask, "HOOKSPAN_EVENTS"); err == nil {
			tell(tellsLeader, stream.CachedInfo().Cluster.Leader)
		}
		cancel()
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
