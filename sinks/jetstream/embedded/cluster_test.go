package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
	"github.com/hookspan/hookspan/sinks/porttest"
)

// A trio is the options of three servers that form a cluster.
type trio [3]embedded.Options

func newTrio(t *testing.T) trio {
	t.Helper()
	peers := porttest.Addresses(t, 3)
	var three trio
	for i := range three {
		three[i] = embedded.Options{
			Dir: natstest.Folder(t), Protect: []string{"HOOKSPAN_EVENTS"}, MaxStore: 1 << 30,
			Membership: cluster.Membership{
				Cluster: "orders", ServerName: fmt.Sprintf("hookspan-%d", i),
				RoutesListen: peers[i], Peers: peers, RouteSecrets: []string{"what only the three know"},
			},
		}
	}
	return three
}

func start(t *testing.T, o embedded.Options) *embedded.Server {
	t.Helper()
	s, err := embedded.Open(within(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openStore(t *testing.T, s *embedded.Server, o jetstream.Options) *opened {
	t.Helper()
	o.EventStore, o.PrivateStore, o.PublishTimeout = s.EventStore(), s.PrivateStore(), 2*time.Second
	both := &opened{Server: s, t: t, store: opens(t, s, o)}
	t.Cleanup(both.close)
	return both
}

// opens opens a store with three copies. Members may not have heard of each other yet, or leave a
// request unanswered.
func opens(t *testing.T, s *embedded.Server, o jetstream.Options) (store *jetstream.Store) {
	t.Helper()
	o.Disk, o.Replicas = s, 3
	untilAvailable(t, func() error {
		if err := s.Health(t.Context()); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var err error
		store, err = jetstream.Open(ctx, s.Conns(), o)
		return err
	})
	return store
}

// all does the same for each of three at once.
func all[T any](t *testing.T, do func(i int) T) (list [3]T) {
	var running sync.WaitGroup
	var done [3]bool
	for i := range list {
		running.Go(func() { list[i] = do(i); done[i] = true })
	}
	running.Wait()
	if failed := slices.IndexFunc(done[:], func(d bool) bool { return !d }); failed >= 0 {
		t.FailNow()
	}
	return list
}

func joinAll(t *testing.T, three trio) [3]*opened {
	t.Helper()
	servers := all(t, func(i int) *embedded.Server { return start(t, three[i]) })
	return all(t, func(i int) *opened { return openStore(t, servers[i], jetstream.Options{}) })
}

func TestThreeServersAreOneBus(t *testing.T) {
	t.Parallel()
	members := joinAll(t, newTrio(t))
	for i, m := range members {
		publish(t, m, fmt.Sprintf("order-%d", i))
	}
	for i, m := range members {
		if ids := stored(t, m); len(ids) != 3 {
			t.Errorf("server %d has %v, want three", i, ids)
		}
		st, ok := m.Standing()
		if !ok || st.Server != fmt.Sprintf("hookspan-%d", i) || st.Size != 3 || len(st.Here) != 3 || !slices.Contains(st.Here, st.Leader) || !st.Joined {
			t.Errorf("server %d stands as %+v", i, st)
		}
	}
}

func TestAServerAloneWaitsForTheOthers(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	first := start(t, three[0])
	err := first.Health(t.Context())
	if !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "waiting for the cluster: 1 of 3 servers of orders are here (hookspan-0)") {
		t.Errorf("health: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := jetstream.Open(ctx, first.Conns(), jetstream.Options{Disk: first, Replicas: 3}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("open a store: %v", err)
	}
	start(t, three[1])
	start(t, three[2])
	publish(t, openStore(t, first, jetstream.Options{}), "one-1")
}

func TestExamine(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	three[0].RouteSecrets = nil
	first := start(t, three[0])
	verdicts := map[string]bus.Verdict{}
	for _, f := range first.Examine(t.Context()) {
		word, _, _ := strings.Cut(f.Subject, " ")
		verdicts[word] = f.Verdict
		if f.Detail == "" || (f.Remedy == "") != (f.Verdict == bus.Fine) {
			t.Errorf("%+v", f)
		}
	}
	want := map[string]bus.Verdict{"cluster": bus.Fault, "routes": bus.Fine}
	if !maps.Equal(verdicts, want) {
		t.Errorf("found %v, want %v", verdicts, want)
	}
}
