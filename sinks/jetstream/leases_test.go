package jetstream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// A room is an account of its own on servers, where members of one test share a bus.
type room struct {
	servers        *natstest.Servers
	user, password string
	replicas       int
}

func newRoom(t *testing.T, s *natstest.Servers) *room {
	r := &room{servers: s}
	r.user, r.password = s.Account()
	admin := s.Connect(t, nats.UserInfo(r.user, r.password))
	t.Cleanup(func() { removeStreams(t, admin) })
	return r
}

func (r *room) sharing(lease time.Duration) bustest.Sharing {
	return bustest.Sharing{Lease: lease, Connect: func(t *testing.T, g *bustest.Gate) bus.Leases {
		return r.enter(t, g, jetstream.Options{Lease: lease, Replicas: r.replicas})
	}}
}

// enter opens a store for one more process, which reaches the servers through the gate.
func (r *room) enter(t *testing.T, g *bustest.Gate, o jetstream.Options) *jetstream.Store {
	t.Helper()
	nc := r.servers.Connect(t, nats.UserInfo(r.user, r.password), nats.SetCustomDialer(g), nats.ReconnectBufSize(-1))
	store, err := jetstream.Open(t.Context(), jetstream.Conns{Events: nc}, o)
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

func TestLeasesOutliveTheirBucket(t *testing.T) {
	t.Parallel()
	r := newRoom(t, natstest.Start(t, 1, natstest.Config{}))
	// The installation is not new: somebody has held a shard.
	store := r.enter(t, bustest.NewGate(), jetstream.Options{})
	if _, err := store.Append(t.Context(), bus.LogName{Kind: bus.State}, bus.Record{Prev: bus.NoPosition}); err != nil {
		t.Fatal(err)
	}
	bustest.Unsettle(t, r.sharing(2*time.Second), func() {
		if err := r.js(t).DeleteKeyValue(t.Context(), "HOOKSPAN_LEASES"); err != nil {
			t.Fatal(err)
		}
	})
}

// js is an API to what is in the room.
func (r *room) js(t *testing.T) natsjs.JetStream {
	js, err := natsjs.New(r.servers.Connect(t, nats.UserInfo(r.user, r.password)))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// A bystander is a member that does nothing.
type bystander struct{}

func (bystander) Take(int, bus.Lease)       {}
func (bystander) Give(context.Context, int) {}
func (bystander) Lose(int)                  {}

func TestJoinSaysWhatNoRetryMends(t *testing.T) {
	t.Parallel()
	deny := func(subject string) natstest.Config {
		return natstest.Config{Auth: `authorization { users: [
			{user: admin, password: "open sesame"},
			{user: bridge, password: "open sesame", permissions: {publish: {deny: ["` + subject + `"]}}},
		]}`}
	}
	for name, test := range map[string]struct {
		conf   natstest.Config
		bucket natsjs.KeyValueConfig // made beforehand, if it has a name
		want   []string
	}{
		"writing is denied":  {conf: deny("$KV.HOOKSPAN_LEASES.>"), want: []string{"HOOKSPAN_LEASES", "may not publish"}},
		"making is denied":   {conf: deny("$JS.API.STREAM.CREATE.KV_HOOKSPAN_LEASES"), want: []string{"HOOKSPAN_LEASES", "may not publish", "STREAM.CREATE"}},
		"watching is denied": {conf: deny("$JS.API.CONSUMER.CREATE.KV_HOOKSPAN_LEASES.>"), want: []string{"HOOKSPAN_LEASES", "may not publish", "CONSUMER.CREATE"}},
		"keys vanish": {
			conf: deny("nothing"), bucket: natsjs.KeyValueConfig{Bucket: "HOOKSPAN_LEASES", TTL: time.Minute},
			want: []string{"HOOKSPAN_LEASES", "TTL", "1m0s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := natstest.Start(t, 1, test.conf)
			r := &room{servers: servers, user: "admin", password: "open sesame"}
			if test.bucket.Bucket != "" {
				if _, err := r.js(t).CreateKeyValue(t.Context(), test.bucket); err != nil {
					t.Fatal(err)
				}
			}
			r.user = "bridge"
			store := r.enter(t, bustest.NewGate(), jetstream.Options{Lease: time.Second})
			err := store.Join(within(t), 32, bystander{})
			if err == nil {
				t.Fatal("it joined")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestTheKeysOfMembersThatLeftAreRemoved(t *testing.T) {
	t.Parallel()
	r := newRoom(t, natstest.Start(t, 1, natstest.Config{}))
	leaveFirst, first := r.join(t, bystander{})
	leaveSecond, second := r.join(t, bystander{})
	r.awaitMembers(t, 2)
	leaveSecond()
	if err := <-second; err != nil {
		t.Error(err)
	}
	r.awaitMembers(t, 1)
	leaveFirst()
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// A taker counts what it is told to take.
type taker struct {
	bystander
	took chan int
}

func (m taker) Take(shard int, _ bus.Lease) { m.took <- shard }

func TestWhatAMemberHeldWhoseKeyIsGoneIsFree(t *testing.T) {
	t.Parallel()
	r := newRoom(t, natstest.Start(t, 1, natstest.Config{}))
	kv, err := r.js(t).CreateKeyValue(t.Context(), natsjs.KeyValueConfig{Bucket: "HOOKSPAN_LEASES"})
	if err != nil {
		t.Fatal(err)
	}
	for shard, value := range []string{"forgotten.4", "forgotten.5", "what nobody wrote", ""} {
		if _, err := kv.PutString(t.Context(), "shard."+itoa(shard), value); err != nil {
			t.Fatal(err)
		}
	}
	takesAll(t, r.enter(t, bustest.NewGate(), jetstream.Options{Lease: time.Second}))
}

// The leases are in the account that clients of an embedded server do not see.
func TestLeasesOnAnEmbeddedServer(t *testing.T) {
	t.Parallel()
	store, server := openStore(t, embedded.Options{}, jetstream.Options{})
	takesAll(t, store)
	js, err := natsjs.New(server.Conns().Events)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.KeyValue(t.Context(), "HOOKSPAN_LEASES"); !errors.Is(err, natsjs.ErrBucketNotFound) {
		t.Errorf("the bucket among events: %v", err)
	}
}

func takesAll(t *testing.T, l bus.Leases) {
	t.Helper()
	m := taker{took: make(chan int, 32)}
	ctx, leave := context.WithCancel(within(t))
	defer leave()
	left := make(chan error, 1)
	go func() { left <- l.Join(ctx, 32, m) }()
	for range 32 {
		select {
		case <-m.took:
		case <-ctx.Done():
			t.Fatal("not every shard was taken")
		}
	}
	leave()
	if err := <-left; err != nil {
		t.Error(err)
	}
}

// join has a member join until leave is called; what Join returns comes from left.
func (r *room) join(t *testing.T, m bus.Member) (leave func(), left <-chan error) {
	store := r.enter(t, bustest.NewGate(), jetstream.Options{Lease: 500 * time.Millisecond})
	ctx, leave := context.WithCancel(within(t))
	t.Cleanup(leave)
	done := make(chan error, 1)
	go func() { done <- store.Join(ctx, 32, m) }()
	return leave, done
}

// awaitMembers waits until the bucket has n keys of members.
func (r *room) awaitMembers(t *testing.T, n int) {
	t.Helper()
	js, ctx := r.js(t), within(t)
	count := func() (found int) {
		kv, err := js.KeyValue(ctx, "HOOKSPAN_LEASES")
		if err != nil {
			return -1 // it is not there yet
		}
		keys, err := kv.ListKeysFiltered(ctx, "member.*")
		if err != nil {
			return -1
		}
		for range keys.Keys() {
			found++
		}
		return found
	}
	for count() != n {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("there are never %d keys of members", n)
		}
	}
}
