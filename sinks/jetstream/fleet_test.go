//go:build fleets

package jetstream_test

import (
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/dial"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// On one server nothing needs to be agreed upon.
func TestContractOnOneServer(t *testing.T) {
	t.Parallel()
	keepContract(t, natstest.Start(t, 1, natstest.Config{}))
}

func TestContractOnACluster(t *testing.T) {
	t.Parallel()
	keepContract(t, natstest.Start(t, 3, natstest.Config{}))
}

func keepContract(t *testing.T, s *natstest.Servers) {
	bustest.Run(t, func(t *testing.T) bus.Store { return remote(t, s, jetstream.Options{}) })
	t.Run("Shared", func(t *testing.T) {
		bustest.Shared(t, func(t *testing.T) (a, b bustest.SharedStore) { return pair(t, s) })
	})
	bustest.Private(t, func(t *testing.T) bustest.Site {
		user, password := s.Account()
		login := nats.UserInfo(user, password)
		admin := s.Connect(t, login)
		t.Cleanup(func() { removeStreams(t, admin) })
		return siteOf(t, jetstream.Conns{Events: s.Connect(t, login)}, jetstream.Options{})
	})
}

// pair opens two stores in one account.
func pair(t testing.TB, s *natstest.Servers) (a, b *jetstream.Store) {
	t.Helper()
	user, password := s.Account()
	admin := s.Connect(t, nats.UserInfo(user, password))
	t.Cleanup(func() { removeStreams(t, admin) })
	return dialed(t, s, user, password, jetstream.Options{}), dialed(t, s, user, password, jetstream.Options{})
}

// HOOKSPAN_TEST_CALM says that the machine does nothing else, so that what has to be done in time
// can be asked of a cluster, too.
func TestLeasesOnACluster(t *testing.T) {
	t.Parallel()
	clauses := bustest.LeasesAtLeisure
	if os.Getenv("HOOKSPAN_TEST_CALM") != "" {
		clauses = bustest.Leases
	}
	servers := natstest.Start(t, 3, natstest.Config{})
	clauses(t, func(t *testing.T) bustest.Sharing {
		r := newRoom(t, servers)
		r.replicas = 1 // of all but the bucket, which is what this is about
		if _, err := r.js(t).CreateKeyValue(within(t), natsjs.KeyValueConfig{Bucket: "HOOKSPAN_LEASES", Replicas: 3}); err != nil {
			t.Fatal(err)
		}
		return r.sharing(4 * time.Second)
	})
}

func TestLeasesOutliveTheirLeader(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 3, natstest.Config{})
	r := newRoom(t, servers)
	bustest.Unsettle(t, r.sharing(10*time.Second), func() {
		leader := servers.Leader(t, servers.Connect(t, nats.UserInfo(r.user, r.password)), "KV_HOOKSPAN_LEASES")
		if leader < 0 {
			t.Fatal("nobody leads the bucket")
		}
		servers.Settle()
		servers.Stop(leader)
	})
}

func TestServersOfAClusterGo(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 3, natstest.Config{})
	store, admin := remoteIn(t, cluster, jetstream.Options{PublishTimeout: 2 * time.Second})
	followed, heard := followAll(t, store), hearAll(t, store)
	l := newLoad(t, store, 8)
	l.more(t, 100)

	// The leader goes.
	cluster.Settle()
	leader := cluster.Leader(t, admin, "HOOKSPAN_EVENTS")
	if leader < 0 {
		t.Fatal("the event stream has no leader")
	}
	cluster.Stop(leader)
	l.more(t, 100)
	if err := store.Health(within(t)); err != nil {
		t.Errorf("with two of three servers: %v", err)
	}
	l.mu.Lock()
	t.Logf("the leader went: %d refused, longest time without an acknowledgement %v", l.refused, l.longest)
	if l.longest > 25*time.Second {
		t.Errorf("nothing was acknowledged for %v", l.longest)
	}
	l.mu.Unlock()

	// Another one goes: there is no majority.
	other := (leader + 1) % 3
	cluster.Stop(other)
	eventually(t, "health says what is wrong", func() bool { return store.Health(within(t)) != nil })
	if err := store.Health(within(t)); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("health with one of three servers: %v", err)
	}
	began := time.Now()
	_, err := store.Publish(within(t), "hookspan.events.shop", order("no quorum"), bus.PublishOptions{})
	if took := time.Since(began); !errors.Is(err, bus.ErrUnavailable) || took > 12*time.Second {
		t.Errorf("publish with one of three servers: %v after %v, want ErrUnavailable within the timeout", err, took)
	}

	// They come back, and everything goes on by itself.
	cluster.Restart(leader)
	cluster.Restart(other)
	l.more(t, 100)
	eventually(t, "health is well again", func() bool { return store.Health(within(t)) == nil })
	l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	eventually(t, "all that was acknowledged is followed", func() bool { return followed.holds(l.acked) })
	eventually(t, "all that was acknowledged is heard of", func() bool { return heard.holds(l.acked) })
	t.Logf("%d acknowledged, none lost; %d refused", len(l.acked), l.refused)
}

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
