package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/dial"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// administered is an account as its owner sees it, and where Hookspan finds it.
func administered(t *testing.T, s *natstest.Servers) (nats.Option, natsjs.JetStream, jetstream.Conns) {
	t.Helper()
	user, password := s.Account()
	login := nats.UserInfo(user, password)
	js, err := natsjs.New(s.Connect(t, login))
	if err != nil {
		t.Fatal(err)
	}
	return login, js, jetstream.Conns{Events: s.Connect(t, login)}
}

func TestStreamsOfOthers(t *testing.T) {
	t.Parallel()
	alone := natstest.Start(t, 1, natstest.Config{})
	events := func(change func(*natsjs.StreamConfig)) natsjs.StreamConfig {
		c := natsjs.StreamConfig{
			Name: "HOOKSPAN_EVENTS", Subjects: []string{"hookspan.events.>", "hookspan.quarantine.>", "hookspan.quarantine", "hookspan.dead", "hookspan.dead.>", "hookspan.ops", "hookspan.ops.>"},
		}
		change(&c)
		return c
	}
	state := func(change func(*natsjs.StreamConfig)) natsjs.StreamConfig {
		c := natsjs.StreamConfig{Name: "HOOKSPAN_STATE", Subjects: []string{"hookspan.state.*"}}
		change(&c)
		return c
	}
	journal := func(change func(*natsjs.StreamConfig)) natsjs.StreamConfig {
		c := natsjs.StreamConfig{Name: "HOOKSPAN_JOURNAL", Subjects: []string{"hookspan.journal.*"}}
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		stream natsjs.StreamConfig
		says   []string // "" for one that is used as it is
	}{
		"events, plain":              {events(func(c *natsjs.StreamConfig) {}), nil},
		"events, in memory":          {events(func(c *natsjs.StreamConfig) { c.Storage = natsjs.MemoryStorage }), nil},
		"events, compressed":         {events(func(c *natsjs.StreamConfig) { c.Compression = natsjs.S2Compression }), nil},
		"events, larger limits":      {events(func(c *natsjs.StreamConfig) { c.MaxAge, c.MaxBytes, c.Discard = time.Hour, 1<<30, natsjs.DiscardNew }), nil},
		"events, subjects to add":    {events(func(c *natsjs.StreamConfig) { c.Subjects = []string{"hookspan.events.>"} }), nil},
		"events, work queue":         {events(func(c *natsjs.StreamConfig) { c.Retention = natsjs.WorkQueuePolicy }), []string{"WorkQueue", "HOOKSPAN_STREAM"}},
		"events, interest":           {events(func(c *natsjs.StreamConfig) { c.Retention = natsjs.InterestPolicy }), []string{"Interest", "HOOKSPAN_STREAM"}},
		"events, old ones make room": {events(func(c *natsjs.StreamConfig) { c.MaxBytes = 1 << 30 }), []string{"discard old", "--discard=new"}},
		"events, few by subject":     {events(func(c *natsjs.StreamConfig) { c.MaxMsgsPerSubject = 10 }), []string{"max_msgs_per_subject"}},
		"events, no acknowledgement": {events(func(c *natsjs.StreamConfig) { c.NoAck = true }), []string{"no_ack"}},
		"events, acknowledged early": {events(func(c *natsjs.StreamConfig) { c.PersistMode = natsjs.AsyncPersistMode }), []string{"persist_mode"}},
		"events, renamed": {events(func(c *natsjs.StreamConfig) {
			c.SubjectTransform = &natsjs.SubjectTransformConfig{Source: "hookspan.>", Destination: "x.>"}
		}), []string{"subject transform"}},
		"state, plain":            {state(func(c *natsjs.StreamConfig) {}), nil},
		"state, wider":            {state(func(c *natsjs.StreamConfig) { c.Subjects = []string{"hookspan.state.>"} }), nil},
		"state, in memory":        {state(func(c *natsjs.StreamConfig) { c.Storage = natsjs.MemoryStorage }), []string{"in memory", "HOOKSPAN_NAMESPACE"}},
		"state, work queue":       {state(func(c *natsjs.StreamConfig) { c.Retention = natsjs.WorkQueuePolicy }), []string{"WorkQueue"}},
		"state, aging":            {state(func(c *natsjs.StreamConfig) { c.MaxAge = time.Hour }), []string{"max_age", "--max-age=-1"}},
		"state, sized":            {state(func(c *natsjs.StreamConfig) { c.MaxBytes = 1 << 30 }), []string{"max_bytes", "--max-bytes=-1"}},
		"state, counted":          {state(func(c *natsjs.StreamConfig) { c.MaxMsgs = 1000 }), []string{"max_msgs", "--max-msgs=-1"}},
		"state, latest only":      {state(func(c *natsjs.StreamConfig) { c.MaxMsgsPerSubject = 1 }), []string{"max_msgs_per_subject"}},
		"state, small messages":   {state(func(c *natsjs.StreamConfig) { c.MaxMsgSize = 1 << 10 }), []string{"max_msg_size 1024"}},
		"state, never purged":     {state(func(c *natsjs.StreamConfig) { c.DenyPurge = true }), []string{"denies purging"}},
		"state, other subjects":   {state(func(c *natsjs.StreamConfig) { c.Subjects = []string{"hookspan.state.0"} }), []string{"hookspan.state.*", "add that to its subjects"}},
		"state, a mirror":         {state(func(c *natsjs.StreamConfig) { c.Subjects, c.Mirror = nil, &natsjs.StreamSource{Name: "ELSEWHERE"} }), []string{"mirror"}},
		"state, twice unsuitable": {state(func(c *natsjs.StreamConfig) { c.MaxAge, c.MaxMsgs = time.Hour, 10 }), []string{"max_age", "max_msgs"}},
		"journal, plain":          {journal(func(c *natsjs.StreamConfig) {}), nil},
		"journal, in memory":      {journal(func(c *natsjs.StreamConfig) { c.Storage, c.MaxMsgs = natsjs.MemoryStorage, 1000 }), nil},
		"journal, refusing":       {journal(func(c *natsjs.StreamConfig) { c.MaxMsgs, c.Discard = 1000, natsjs.DiscardNew }), []string{"discard new", "--discard=old"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, js, conns := administered(t, alone)
			if c.stream.Mirror != nil {
				stream(t, js, natsjs.StreamConfig{Name: c.stream.Mirror.Name, Subjects: []string{"elsewhere"}})
			}
			made, err := js.CreateStream(within(t), c.stream)
			if err != nil {
				t.Fatal(err)
			}
			before := made.CachedInfo().Config
			store, err := jetstream.Open(within(t), conns, jetstream.Options{})
			if len(c.says) > 0 {
				for _, word := range append(c.says, c.stream.Name) {
					if err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), word) {
						t.Errorf("opened with %v, want a final error that names %s", err, word)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			after := config(t, conns.Events, c.stream.Name)
			after.Subjects, before.Subjects = nil, nil
			if fmt.Sprintf("%+v", after) != fmt.Sprintf("%+v", before) {
				t.Errorf("it was changed from\n%+v to\n%+v", before, after)
			}
			publishAndRead(t, store)
			if err := store.PurgeEvents(within(t), "HOOKSPAN_EVENTS", 1); (err == nil) == (c.stream.Name == "HOOKSPAN_EVENTS") {
				t.Errorf("purge: %v", err)
			}
		})
	}
}

// publishAndRead does a little of everything.
func publishAndRead(t *testing.T, store *jetstream.Store) {
	t.Helper()
	for _, topic := range []string{"hookspan.events.shop", "hookspan.dead"} {
		if _, err := store.Publish(within(t), topic, order("1"), bus.PublishOptions{}); err != nil {
			t.Errorf("publish to %s: %v", topic, err)
		}
	}
	if got := follow(t, store, "HOOKSPAN_EVENTS", 1); got[0].Event.ID != "1" {
		t.Errorf("followed %v", got)
	}
	c := bus.NewChain(store, bus.LogName{Kind: bus.State, Shard: 3})
	if _, err := c.Append(within(t), []byte("claim")); err != nil {
		t.Errorf("append: %v", err)
	}
	if err := c.Trim(within(t), c.Last()); err != nil {
		t.Errorf("trim: %v", err)
	}
	if _, err := store.AppendJournal(within(t), 0, []byte("attempt")); err != nil {
		t.Errorf("journal: %v", err)
	}
}

// anyDisk never fails.
type anyDisk struct{}

func (anyDisk) Durable(context.Context) error { return nil }
func (anyDisk) Join(link.Waiter, uint64) bool { return false }
func (anyDisk) Sync(context.Context) error    { return nil }
func (anyDisk) Usable(bool) error             { return nil }

func TestStreamsAreCreatedWithThreeCopiesOnThreeServers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1: 1, 2: 1, 3: 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := natstest.Start(t, n, natstest.Config{})
			_, js, conns := administered(t, s)
			// Known by one address alone, as behind a load balancer.
			store, err := jetstream.Open(within(t), conns, jetstream.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			list := js.ListStreams(within(t))
			for info := range list.Info() {
				if info.Config.Replicas != want || info.Config.AllowDirect || info.Config.Metadata["hookspan"] != "hookspan" {
					t.Errorf("%s: %d copies, want %d; direct gets %v, metadata %v", info.Config.Name, info.Config.Replicas, want, info.Config.AllowDirect, info.Config.Metadata)
				}
			}
			if list.Err() != nil {
				t.Error(list.Err())
			}
			publishAndRead(t, store)
			if n < 3 {
				_, _, other := administered(t, s)
				_, err := jetstream.Open(within(t), other, jetstream.Options{Replicas: 3})
				if err == nil || !strings.Contains(err.Error(), "HOOKSPAN_REPLICAS") {
					t.Errorf("three copies on %d servers: %v, want an error that names HOOKSPAN_REPLICAS", n, err)
				}
			}
			if n == 2 { // as the first member of an embedded cluster sees it, when it does not know all yet
				_, _, other := administered(t, s)
				if _, err := jetstream.Open(within(t), other, jetstream.Options{Disk: anyDisk{}}); !errors.Is(err, bus.ErrUnavailable) {
					t.Errorf("on two of three members: %v, want to be told to wait", err)
				}
			}
		})
	}
}

// Limits that users set on our streams stay, as do those of an account.
func TestLimitsOfOthers(t *testing.T) {
	t.Parallel()
	t.Run("set later", func(t *testing.T) {
		t.Parallel()
		_, js, conns := administered(t, natstest.Start(t, 1, natstest.Config{}))
		open := func() *jetstream.Store {
			store, err := jetstream.Open(within(t), conns, jetstream.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return store
		}
		store := open()
		if room, err := store.Room(within(t)); err != nil || room.Limit != 0 {
			t.Errorf("room %+v, %v, want no limit", room, err)
		}
		store.Close()
		c := config(t, conns.Events, "HOOKSPAN_EVENTS")
		c.MaxBytes = 1 << 30
		if _, err := js.UpdateStream(within(t), c); err != nil {
			t.Fatal(err)
		}
		store = open()
		defer store.Close()
		if room, err := store.Room(within(t)); err != nil || room.Limit != 1<<30 || room.Reserved <= 0 {
			t.Errorf("room %+v, %v, want the stream's limit", room, err)
		}
	})
	account := func(limits string) natstest.Config {
		return natstest.Config{Auth: `accounts { SYS { }, A { jetstream: ` + limits + `, users: [{user: ali, password: sesame}] } }` + "\nsystem_account: SYS\n"}
	}
	openIn := func(t *testing.T, s *natstest.Servers) (*jetstream.Store, jetstream.Conns, error) {
		conns, err := dial.Open(t.Context(), dial.Options{Servers: s.Addrs(), User: "ali", Password: "sesame"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conns.Close)
		store, err := jetstream.Open(within(t), conns, jetstream.Options{})
		if err == nil {
			t.Cleanup(func() { store.Close() })
		}
		return store, conns, err
	}
	t.Run("little room", func(t *testing.T) {
		t.Parallel()
		store, conns, err := openIn(t, natstest.Start(t, 1, account("{ max_store: 500MB }")))
		if err != nil {
			t.Fatal(err)
		}
		if c := config(t, conns.Events, "HOOKSPAN_JOURNAL"); c.MaxBytes != -1 || c.MaxMsgs <= 0 || c.MaxMsgs*512 > 50<<20 || c.Discard != natsjs.DiscardOld {
			t.Errorf("of 500 MB the journal takes %d bytes, %d records, discard %v", c.MaxBytes, c.MaxMsgs, c.Discard)
		}
		publishAndRead(t, store)
	})
	t.Run("few streams", func(t *testing.T) {
		t.Parallel()
		_, _, err := openIn(t, natstest.Start(t, 1, account("{ max_streams: 3 }")))
		if err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "limit of streams") {
			t.Errorf("opened with %v", err)
		}
	})
	t.Run("no JetStream", func(t *testing.T) {
		t.Parallel()
		_, _, err := openIn(t, natstest.Start(t, 1, account("disabled")))
		if err == nil || !strings.Contains(err.Error(), "not enabled") {
			t.Errorf("opened with %v", err)
		}
	})
	t.Run("a limit for each stream", func(t *testing.T) {
		t.Parallel()
		_, _, err := openIn(t, natstest.Start(t, 1, account("{ max_bytes_required: true }")))
		if err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "bounds the size of every stream") {
			t.Errorf("opened with %v", err)
		}
	})
}

func TestRightsThatAreMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		permissions string
		denied      string // "" when Open works
		later       string // what the examination finds missing
	}{
		"all that is needed": {`publish: { allow: ["hookspan.>", "$JS.API.>"] }, subscribe: { allow: ["_INBOX.>"] }`, "", ""},
		"no creating":        {`publish: { deny: ["$JS.API.STREAM.CREATE.>"] }`, "$JS.API.STREAM.CREATE.HOOKSPAN_", ""},
		"no looking":         {`publish: { deny: ["$JS.API.STREAM.INFO.>"] }`, "$JS.API.STREAM.INFO.HOOKSPAN_", ""},
		"no listing":         {`publish: { deny: ["$JS.API.STREAM.NAMES"] }`, "$JS.API.STREAM.NAMES", ""},
		"no answers":         {`subscribe: { deny: ["_INBOX.>"] }`, "_INBOX.", ""},
		"no events":          {`publish: { deny: ["hookspan.events.>"] }`, "", "hookspan.events."},
		"no state":           {`publish: { deny: ["hookspan.state.>"] }`, "", "hookspan.state."},
		"no purging":         {`publish: { deny: ["$JS.API.STREAM.PURGE.HOOKSPAN_STATE"] }`, "", "$JS.API.STREAM.PURGE.HOOKSPAN_STATE"},
		"no reading":         {`publish: { deny: ["$JS.API.CONSUMER.CREATE.>"] }`, "", "$JS.API.CONSUMER.CREATE.HOOKSPAN_"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := natstest.Start(t, 1, natstest.Config{Auth: `accounts { SYS { }, A { jetstream: enabled, users: [{user: ali, password: sesame, permissions: { ` + c.permissions + ` }}] } }` + "\nsystem_account: SYS\n"})
			conns, err := dial.Open(t.Context(), dial.Options{Servers: s.Addrs(), User: "ali", Password: "sesame"})
			if err != nil {
				t.Fatal(err)
			}
			defer conns.Close()
			began := time.Now()
			store, err := jetstream.Open(within(t), conns, jetstream.Options{PublishTimeout: time.Second})
			if c.denied != "" {
				if err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), c.denied) || time.Since(began) > 12*time.Second {
					t.Errorf("opened with %v after %v, want an error that names %s at once", err, time.Since(began), c.denied)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			if c.later == "" {
				publishAndRead(t, store)
			}
			found := store.Examine(within(t))
			i := slices.IndexFunc(found, func(f bus.Finding) bool { return f.Subject == "rights" })
			if i < 0 || (found[i].Verdict == bus.Fine) != (c.later == "") || !strings.Contains(found[i].Detail, c.later) {
				t.Errorf("found %+v, want that %q is missing", found, c.later)
			}
			if c.later == "hookspan.events." {
				if _, err := store.Publish(within(t), "hookspan.events.shop", order("1"), bus.PublishOptions{}); !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "publish to") {
					t.Errorf("publish: %v", err)
				}
			}
			if c.later == "$JS.API.CONSUMER.CREATE.HOOKSPAN_" {
				spans, err := store.Spans(within(t))
				if err != nil {
					t.Fatal(err)
				}
				err = store.Follow(within(t), spans[0].Partition, bus.Position{Identity: spans[0].Identity}, func([]bus.Message) error { return nil })
				if err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), c.later) {
					t.Errorf("follow: %v", err)
				}
			}
		})
	}
}
