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

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

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

// join starts a server and opens a store on it once the cluster is there.
func join(t *testing.T, o embedded.Options) *opened {
	t.Helper()
	return openStore(t, start(t, o), jetstream.Options{})
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

func TestClientsOfACluster(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	for i := range three {
		three[i].Listen, three[i].User, three[i].Password = "127.0.0.1:0", "shop", "of their own"
	}
	members := joinAll(t, three)
	login := nats.UserInfo("shop", "of their own")
	var got [3]chan *nats.Msg
	for i, m := range members {
		got[i] = make(chan *nats.Msg, 1000)
		nc, _ := dial(t, m, login)
		for _, subject := range []string{"hookspan.events.>", "_INBOX.>"} {
			if _, err := nc.ChanSubscribe(subject, got[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	probes := awaitInterest(t, members[:], got[:], login)
	for i, m := range members {
		_, js := dial(t, m, login)
		if err := publishAs(t, js, fmt.Sprint("server-", i), fmt.Appendf(nil, `{"server":%d}`, i)); err != nil {
			t.Errorf("through server %d: %v", i, err)
		}
		err := answered(t, func(ctx context.Context) error {
			_, err := js.Stream(ctx, "HOOKSPAN_STATE")
			return err
		})
		if !errors.Is(err, natsjs.ErrStreamNotFound) {
			t.Errorf("the state through server %d: %v", i, err)
		}
	}
	if info := eventStream(t, members[0]); info.State.Msgs != probes+3 || info.Config.Replicas != 3 {
		t.Errorf("%d events in %d copies", info.State.Msgs, info.Config.Replicas)
	}
	for _, c := range got { // each of three events at each of three servers
		for heard := map[string]bool{}; len(heard) < 3; {
			m := receive(t, c)
			if m.Subject != topic {
				t.Errorf("a subscriber got %s", m.Subject)
			}
			if string(m.Data) != probe {
				heard[string(m.Data)] = true
			}
		}
	}
	readThroughAll(t, members[:], login)
	for _, c := range got {
		for len(c) > 0 {
			if m := <-c; m.Subject != topic {
				t.Errorf("a subscriber got more: %s", m.Subject)
			}
		}
	}
	if info := eventStream(t, members[0]); info.State.FirstSeq != 1 || info.State.NumDeleted != 0 {
		t.Errorf("the event stream became %+v", info.State)
	}
}

// eventStream is what the server's cluster says about the event stream.
func eventStream(t *testing.T, m *opened) *natsjs.StreamInfo {
	t.Helper()
	js, err := natsjs.New(m.Conns().Events)
	if err != nil {
		t.Fatal(err)
	}
	var info *natsjs.StreamInfo
	waitFor(t, func() bool {
		// Between two leaders a cluster leaves the request unanswered.
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		s, err := js.Stream(ctx, "HOOKSPAN_EVENTS")
		if err != nil || s.CachedInfo().Cluster == nil {
			return false
		}
		info = s.CachedInfo()
		return info.Cluster.Leader != ""
	})
	return info
}

// answered does what asks a server of a cluster until there is an answer: one that goes through
// another server is dropped while that server has not heard of the asker's connection.
func answered(t *testing.T, ask func(context.Context) error) (err error) {
	t.Helper()
	waitFor(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err = ask(ctx)
		return !errors.Is(err, context.DeadlineExceeded)
	})
	return err
}

// publishAs publishes an event of a client, which is stored once however often it is sent.
func publishAs(t *testing.T, js natsjs.JetStream, id string, data []byte) error {
	t.Helper()
	return answered(t, func(ctx context.Context) error {
		_, err := js.Publish(ctx, topic, data, natsjs.WithMsgID(id))
		return err
	})
}

// probe is an event that only asks who hears it.
const probe = `{"probe":true}`

// awaitInterest returns once what is published through any server reaches the subscribers at all
// of them, which a server learns from the others, and says how many events that took.
func awaitInterest(t *testing.T, members []*opened, got []chan *nats.Msg, login nats.Option) (probes uint64) {
	t.Helper()
	for _, m := range members {
		_, js := dial(t, m, login)
		for heard := map[int]bool{}; len(heard) < len(got); {
			if err := publishAs(t, js, fmt.Sprint("probe-", probes), []byte(probe)); err != nil {
				t.Fatal(err)
			}
			probes++
			for i, c := range got {
				select {
				case <-c:
					heard[i] = true
				case <-time.After(100 * time.Millisecond):
				}
			}
		}
		for _, c := range got { // what was late was heard of another server
			for len(c) > 0 {
				<-c
			}
		}
	}
	return probes
}

// readThroughAll reads three events by one consumer, each through another server, which refuses
// what would harm the others.
func readThroughAll(t *testing.T, members []*opened, login nats.Option) {
	t.Helper()
	for i, m := range members {
		nc, js := dial(t, m, login)
		var c natsjs.Consumer
		err := answered(t, func(ctx context.Context) (err error) {
			c, err = js.CreateOrUpdateConsumer(ctx, "HOOKSPAN_EVENTS", natsjs.ConsumerConfig{Durable: "shipping"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Next()
		if err != nil {
			t.Fatalf("through server %d: %v", i, err)
		}
		if err := got.DoubleAck(within(t)); err != nil {
			t.Errorf("through server %d: %v", i, err)
		}
		for _, request := range []string{"STREAM.LEADER.STEPDOWN.HOOKSPAN_EVENTS", "STREAM.PEER.REMOVE.HOOKSPAN_EVENTS", "CONSUMER.LEADER.STEPDOWN.HOOKSPAN_EVENTS.shipping", "STREAM.PURGE.HOOKSPAN_EVENTS"} {
			err := answered(t, func(ctx context.Context) error {
				m, err := nc.RequestWithContext(ctx, "$JS.API."+request, nil)
				if err == nil && !strings.Contains(string(m.Data), `"error"`) {
					err = errors.New("not refused")
				}
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", request, err)
			}
		}
	}
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
