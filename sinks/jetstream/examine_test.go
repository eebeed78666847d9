package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/dial"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
	"github.com/hookspan/hookspan/sinks/porttest"
)

// examined is what an examination found, by subject.
func examined(t *testing.T, s bus.Examiner) map[string]bus.Finding {
	t.Helper()
	found := map[string]bus.Finding{}
	for _, f := range s.Examine(within(t)) {
		if f.Detail == "" || f.Verdict == "" || f.Verdict != bus.Fine && f.Remedy == "" && f.Subject != "followed topics" {
			t.Errorf("an incomplete finding: %+v", f)
		}
		found[f.Subject] = f
	}
	return found
}

func TestExamineWhatIsFine(t *testing.T) {
	t.Parallel()
	onDisk, _ := openStore(t, embedded.Options{}, jetstream.Options{})
	for name, store := range map[string]*jetstream.Store{
		"one server": remote(t, natstest.Start(t, 1, natstest.Config{}), jetstream.Options{}),
		"a cluster":  remote(t, natstest.Start(t, 3, natstest.Config{}), jetstream.Options{}),
		"embedded":   onDisk,
	} {
		var found map[string]bus.Finding
		eventually(t, "all copies are current", func() bool {
			found = examined(t, store)
			return !slices.ContainsFunc(slices.Collect(maps.Values(found)), func(f bus.Finding) bool { return strings.Contains(f.Detail, "behind or away") })
		})
		for _, subject := range []string{
			"connection", "JetStream", "clock", "rights", "stream HOOKSPAN_EVENTS", "stream HOOKSPAN_STATE",
			"stream HOOKSPAN_REGISTRY", "stream HOOKSPAN_COMMANDS", "stream HOOKSPAN_JOURNAL", "stream HOOKSPAN_REFUSALS",
		} {
			if f := found[subject]; f.Verdict != bus.Fine {
				t.Errorf("%s: %s: %+v", name, subject, f)
			}
		}
		if err := store.Health(within(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExamineWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t, 1, natstest.Config{})
	store, admin := remoteIn(t, s, jetstream.Options{Topics: []string{"hookspan.events.>", "shop.>"}})
	js, err := natsjs.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	state := config(t, admin, "HOOKSPAN_STATE")
	state.MaxMsgs = 1
	if _, err := js.UpdateStream(within(t), state); err != nil {
		t.Fatal(err)
	}
	events := config(t, admin, "HOOKSPAN_EVENTS")
	events.MaxAge = time.Hour
	if _, err := js.UpdateStream(within(t), events); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(within(t), "HOOKSPAN_REGISTRY"); err != nil {
		t.Fatal(err)
	}
	found := examined(t, store)
	for subject, want := range map[string]struct {
		verdict bus.Verdict
		says    string
	}{
		"stream HOOKSPAN_STATE":    {bus.Fault, "max_msgs"},
		"stream HOOKSPAN_EVENTS":   {bus.Warning, "kept 1h0m0s"},
		"stream HOOKSPAN_REGISTRY": {bus.Fault, "missing"},
	} {
		if f := found[subject]; f.Verdict != want.verdict || !strings.Contains(f.Detail, want.says) {
			t.Errorf("%s: %+v, want %s that says %q", subject, f, want.verdict, want.says)
		}
	}
	if _, err := js.Stream(within(t), "HOOKSPAN_REGISTRY"); !errors.Is(err, natsjs.ErrStreamNotFound) {
		t.Errorf("the examination created a stream: %v", err)
	}
	s.Stop(0)
	eventually(t, "the connection is seen to be lost", func() bool { return !admin.IsConnected() })
	eventually(t, "the examination says so", func() bool { return examined(t, store)["connection"].Verdict == bus.Fault })
	eventually(t, "health says so", func() bool {
		err := store.Health(within(t))
		return errors.Is(err, bus.ErrUnavailable) && strings.Contains(err.Error(), "not connected to NATS at "+s.Addr(0)) && !strings.Contains(err.Error(), "sesame")
	})
}

// Nothing that an examination does may show in the streams.
// Doctor says who else could harm Hookspan, as far as that can be known.
func TestExamineWhoElseIsThere(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1, natstest.Config{})
	user, password := servers.Account()
	store := dialed(t, servers, user, password, jetstream.Options{})
	const subject = "other users of the account"
	if f := examined(t, store)[subject]; f.Verdict != bus.Fine || !strings.Contains(f.Detail, "account A") {
		t.Errorf("alone: %+v", f)
	}
	other := servers.Connect(t, nats.UserInfo(user, password), nats.Name("billing"))
	f := examined(t, store)[subject]
	if f.Verdict != bus.Warning || !strings.Contains(f.Detail, "1 are connected (billing)") || !strings.Contains(f.Detail, "forge acknowledgements") {
		t.Errorf("with another user: %+v", f)
	}
	js, err := natsjs.New(other)
	if err != nil {
		t.Fatal(err)
	}
	info, err := js.Stream(within(t), "HOOKSPAN_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	config := info.CachedInfo().Config
	config.AllowRollup, config.AllowDirect = true, true
	if _, err := js.UpdateStream(within(t), config); err != nil {
		t.Fatal(err)
	}
	f = examined(t, store)["stream HOOKSPAN_EVENTS, what others may do"]
	if f.Verdict != bus.Warning || !strings.Contains(f.Detail, "Nats-Rollup") || !strings.Contains(f.Detail, "allow_direct") {
		t.Errorf("an open stream: %+v", f)
	}
}

func TestExamineChangesNothing(t *testing.T) {
	t.Parallel()
	store, admin := remoteIn(t, natstest.Start(t, 1, natstest.Config{}), jetstream.Options{})
	publishAndRead(t, store)
	js, err := natsjs.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	state := func() string {
		var b strings.Builder
		list := js.ListStreams(within(t))
		for info := range list.Info() {
			fmt.Fprintf(&b, "%s %+v %+v\n", info.Config.Name, info.Config, info.State)
		}
		if err := list.Err(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	before := state()
	examined(t, store)
	if after := state(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestHealthNamesTheStreamThatIsMissing(t *testing.T) {
	t.Parallel()
	store, admin := remoteIn(t, natstest.Start(t, 1, natstest.Config{}), jetstream.Options{})
	js, err := natsjs.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(within(t), "HOOKSPAN_EVENTS"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "health names it", func() bool {
		err := store.Health(within(t))
		return err != nil && strings.Contains(err.Error(), "stream HOOKSPAN_EVENTS is missing")
	})
	eventually(t, "it is there again", func() bool { return store.Health(within(t)) == nil })
}

// A hub with a domain, used from a leaf that has none: the API's subjects, and those that
// messages are delivered with, are longer.
func TestADomain(t *testing.T) {
	t.Parallel()
	ports := porttest.Ports(t, 1)
	hub := natstest.Start(t, 1, natstest.Config{
		Auth:   `accounts { SYS { }, A { jetstream: enabled, users: [{user: ali, password: sesame}] } }` + "\nsystem_account: SYS\n",
		Domain: "hub",
		Extra:  fmt.Sprintf("leafnodes { listen: 127.0.0.1:%d }", ports[0]),
	})
	leaf := natstest.Start(t, 1, natstest.Config{
		Auth:   `accounts { SYS { }, A { users: [{user: ali, password: sesame}] } }` + "\nsystem_account: SYS\n",
		Domain: "leaf",
		Extra:  fmt.Sprintf("leafnodes { remotes: [ { url: \"nats://ali:sesame@127.0.0.1:%d\", account: A } ] }", ports[0]),
	})
	for name, c := range map[string]struct {
		servers []string
		o       jetstream.Options
	}{
		"domain, at the leaf": {leaf.Addrs(), jetstream.Options{Domain: "hub"}},
		"domain, at the hub":  {hub.Addrs(), jetstream.Options{Domain: "hub", Namespace: "second"}},
		"prefix, at the leaf": {leaf.Addrs(), jetstream.Options{APIPrefix: "$JS.hub.API", Namespace: "third"}},
	} {
		conns, err := dial.Open(t.Context(), dial.Options{Servers: c.servers, User: "ali", Password: "sesame"})
		if err != nil {
			t.Fatal(err)
		}
		defer conns.Close()
		var store *jetstream.Store
		eventually(t, "the leaf reaches the hub", func() bool {
			ctx, cancel := context.WithTimeout(within(t), 2*time.Second)
			defer cancel()
			store, err = jetstream.Open(ctx, conns, c.o)
			return err == nil || !errors.Is(err, bus.ErrUnavailable)
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.o.Namespace == "" {
			publishAndRead(t, store)
		}
		if found := examined(t, store); found["rights"].Verdict != bus.Fine {
			t.Errorf("%s: %+v", name, found)
		}
		store.Close()
	}
}
