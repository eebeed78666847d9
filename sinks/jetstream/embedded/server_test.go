package embedded_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

const (
	topic    = "hookspan.events.shop.order.created"
	patience = 90 * time.Second
)

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func order(id string) *event.Event {
	return &event.Event{ID: id, Source: "/sources/shop", Type: "com.example.order.created", DataContentType: "application/json", Data: []byte(`{"order":1}`)}
}

// opened is a server and a store on it; close ends both and may be called early.
type opened struct {
	*embedded.Server
	store *jetstream.Store
	once  sync.Once
	t     *testing.T
}

func (o *opened) close() {
	o.once.Do(func() {
		if err := o.store.Close(); err != nil {
			o.t.Error(err)
		}
		if err := o.Close(); err != nil {
			o.t.Error(err)
		}
	})
}

func open(t *testing.T, o embedded.Options) *opened {
	t.Helper()
	return openWith(t, o, func(flush func() error) func() error { return flush })
}

func openWith(t *testing.T, o embedded.Options, between func(func() error) func() error) *opened {
	t.Helper()
	if o.Dir == "" {
		o.Dir = natstest.Folder(t)
	}
	server, err := embedded.OpenWithFlush(within(t), o, between)
	if err != nil {
		t.Fatal(err)
	}
	store, err := jetstream.Open(within(t), server.Conns(), jetstream.Options{
		Disk: server, EventStore: server.EventStore(), PrivateStore: server.PrivateStore(), PublishTimeout: 2 * time.Second,
	})
	if err != nil {
		server.Close()
		t.Fatal(err)
	}
	both := &opened{Server: server, store: store, t: t}
	t.Cleanup(both.close)
	return both
}

// publish publishes an event. A leader may just have gone.
func publish(t *testing.T, s *opened, id string) {
	t.Helper()
	untilAvailable(t, func() error {
		_, err := s.store.Publish(within(t), topic, order(id), bus.PublishOptions{})
		return err
	})
}

// stored lists the ids of all events. A leader may just have gone.
func stored(t *testing.T, s *opened) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	read := s.store.Published(time.Now().Add(-time.Hour))
	untilAvailable(t, func() error {
		return read(within(t), func(p bus.Publication) error {
			ids[p.ID] = true
			return nil
		})
	})
	return ids
}

func TestOptions(t *testing.T) {
	t.Parallel()
	three := []string{"h1:6222", "h2:6222", "h3:6222"}
	clustered := func(change func(o *embedded.Options)) embedded.Options {
		o := embedded.Options{Dir: "d", Membership: cluster.Membership{Cluster: "orders", Peers: three}}
		change(&o)
		return o
	}
	for name, c := range map[string]struct {
		options embedded.Options
		ok      bool
	}{
		"a folder is enough":                {embedded.Options{Dir: "d"}, true},
		"no folder":                         {embedded.Options{}, false},
		"unknown sync":                      {embedded.Options{Dir: "d", Sync: "sometimes"}, false},
		"loopback without password":         {embedded.Options{Dir: "d", Listen: "127.0.0.1:4222"}, true},
		"localhost without password":        {embedded.Options{Dir: "d", Listen: "localhost:4222"}, true},
		"everywhere without password":       {embedded.Options{Dir: "d", Listen: ":4222"}, false},
		"an address without password":       {embedded.Options{Dir: "d", Listen: "10.0.0.1:4222"}, false},
		"everywhere with password":          {embedded.Options{Dir: "d", Listen: ":4222", User: "u", Password: "p"}, true},
		"a user without password":           {embedded.Options{Dir: "d", Listen: "127.0.0.1:4222", User: "u"}, false},
		"listening on no port":              {embedded.Options{Dir: "d", Listen: "127.0.0.1"}, false},
		"a negative store":                  {embedded.Options{Dir: "d", MaxStore: -1}, false},
		"messages larger than clients take": {embedded.Options{Dir: "d", MaxPayload: 1 << 30}, false},
		"a cluster of three":                {clustered(func(*embedded.Options) {}), true},
		"a cluster by one name":             {clustered(func(o *embedded.Options) { o.Peers = []string{"dns:hookspan"} }), true},
		"by two names":                      {clustered(func(o *embedded.Options) { o.Peers = []string{"dns:a", "dns:b"} }), false},
		"by no name":                        {clustered(func(o *embedded.Options) { o.Peers = []string{"dns:"} }), false},
		"a cluster of two":                  {clustered(func(o *embedded.Options) { o.Peers = three[:2] }), false},
		"a cluster of two by name":          {clustered(func(o *embedded.Options) { o.Peers, o.ClusterSize = []string{"dns:a"}, 2 }), false},
		"a cluster of nobody":               {clustered(func(o *embedded.Options) { o.Peers = nil }), false},
		"a peer twice":                      {clustered(func(o *embedded.Options) { o.Peers = append(three[:3:3], "h1:6222") }), false},
		"a peer without port":               {clustered(func(o *embedded.Options) { o.Peers = []string{"h1", "h2", "h3"} }), false},
		"another size than there are peers": {clustered(func(o *embedded.Options) { o.ClusterSize = 5 }), false},
		"a cluster with a space in it":      {clustered(func(o *embedded.Options) { o.Cluster = "my orders" }), false},
		"a server with a space in it":       {clustered(func(o *embedded.Options) { o.ServerName = "a b" }), false},
		"routes on any port":                {clustered(func(o *embedded.Options) { o.RoutesListen = ":0" }), false},
		"an empty secret":                   {clustered(func(o *embedded.Options) { o.RouteSecrets = []string{""} }), false},
		"peers of no cluster":               {embedded.Options{Dir: "d", Membership: cluster.Membership{Peers: three}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := c.options.Validate(); (err == nil) != c.ok {
				t.Errorf("Validate: %v", err)
			}
		})
	}
}

func TestOneProcessPerFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, embedded.Options{Dir: dir})
	_, err := embedded.Open(within(t), embedded.Options{Dir: dir})
	if !errors.Is(err, embedded.ErrInUse) || !containsAll(err.Error(), dir) {
		t.Fatalf("a second open: %v", err)
	}
	first.close()
	open(t, embedded.Options{Dir: dir})
}

func TestEventsSurviveARestart(t *testing.T) {
	t.Parallel()
	for _, mode := range []embedded.Sync{embedded.Group, embedded.Always, embedded.Lazy} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := open(t, embedded.Options{Dir: dir, Sync: mode})
			before, err := s.store.Spans(within(t))
			if err != nil {
				t.Fatal(err)
			}
			publish(t, s, "order-1")
			s.close()
			s = open(t, embedded.Options{Dir: dir, Sync: mode})
			if !stored(t, s)["order-1"] {
				t.Error("the event is gone")
			}
			after, err := s.store.Spans(within(t))
			if err != nil || after[0].Identity != before[0].Identity {
				t.Errorf("identity %v, before %v (%v)", after, before, err)
			}
		})
	}
}

func TestWhatWaitsForASync(t *testing.T) {
	t.Parallel()
	for mode, waits := range map[embedded.Sync]bool{embedded.Group: true, embedded.Always: false, embedded.Lazy: false} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			var syncs atomic.Int64
			s := openWith(t, embedded.Options{Sync: mode}, func(flush func() error) func() error {
				return func() error { syncs.Add(1); return flush() }
			})
			steps := []struct {
				name  string
				waits bool
				do    func() error
			}{
				{"publish", waits, func() error {
					_, err := s.store.Publish(within(t), topic, order("1"), bus.PublishOptions{})
					return err
				}},
				{"journal", waits, func() error { _, err := s.store.AppendJournal(within(t), 0, []byte("x")); return err }},
				{"log", waits, func() error {
					_, err := s.store.Append(within(t), bus.LogName{Kind: bus.Registry}, bus.Record{Prev: bus.NoPosition})
					return err
				}},
				{"sync", true, func() error { return s.store.Sync(within(t)) }},
			}
			for _, step := range steps {
				before := syncs.Load()
				if err := step.do(); err != nil {
					t.Fatalf("%s: %v", step.name, err)
				}
				if synced := syncs.Load() > before; synced != step.waits {
					t.Errorf("%s: synced %v, want %v", step.name, synced, step.waits)
				}
			}
		})
	}
}

func TestAFailedSyncFailsThoseWhoWaited(t *testing.T) {
	t.Parallel()
	var fail atomic.Bool
	broken := errors.New("input/output error")
	s := openWith(t, embedded.Options{}, func(flush func() error) func() error {
		return func() error {
			if fail.CompareAndSwap(true, false) {
				return broken
			}
			return flush()
		}
	})
	fail.Store(true)
	_, err := s.store.Publish(within(t), topic, order("1"), bus.PublishOptions{})
	if !errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("publish: %v, want ErrUnavailable", err)
	}
	// The server has to read its files again, and goes on by itself.
	waitFor(t, func() bool {
		_, err := s.store.Publish(within(t), topic, order("2"), bus.PublishOptions{})
		return err == nil
	})
}

func TestNoSyncIsBelievedAfterOneThatFailed(t *testing.T) {
	t.Parallel()
	var s *opened
	var fail, broken atomic.Bool
	s = openWith(t, embedded.Options{}, func(flush func() error) func() error {
		return func() error {
			if broken.Load() && s.Usable(true) != nil {
				t.Error("synced before the server has read its files again")
			}
			if fail.CompareAndSwap(true, false) {
				broken.Store(true)
				return errors.New("input/output error")
			}
			return flush()
		}
	})
	fail.Store(true)
	if err := s.Sync(within(t)); err == nil {
		t.Fatal("the sync did not fail")
	}
	waitFor(t, func() bool { return s.Sync(within(t)) == nil })
}

func TestFollowersOutliveAReopenedServer(t *testing.T) {
	t.Parallel()
	var fail atomic.Bool
	s := openWith(t, embedded.Options{}, func(flush func() error) func() error {
		return func() error {
			if fail.CompareAndSwap(true, false) {
				return errors.New("input/output error")
			}
			return flush()
		}
	})
	spans, err := s.store.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 100)
	go func() {
		_ = s.store.Follow(t.Context(), spans[0].Partition, bus.Position{Identity: spans[0].Identity}, func(batch []bus.Message) error {
			for _, m := range batch {
				seen <- m.Event.ID
			}
			return nil
		})
	}()
	publish(t, s, "before")
	if id := receive(t, seen); id != "before" {
		t.Fatalf("followed %s", id)
	}
	fail.Store(true)
	if err := s.Sync(within(t)); err == nil {
		t.Fatal("the sync did not fail")
	}
	waitFor(t, func() bool {
		_, err := s.store.Publish(within(t), topic, order("after"), bus.PublishOptions{})
		return err == nil
	})
	for receive(t, seen) != "after" {
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// waitFor asks again and again until it is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it never came to be")
		}
	}
}

// untilAvailable does what a bus may not be up to yet, again and again, as a start does.
func untilAvailable(t *testing.T, do func() error) {
	t.Helper()
	waitFor(t, func() bool {
		err := do()
		if err != nil && !errors.Is(err, bus.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
}
