package jetstream_test

import (
	"slices"
	"strings"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// Whoever follows everything on a cluster that others use too gets events alone: those of another
// installation as well, and what it keeps beside them as little as what is our own, also when it
// comes later, or has streams that somebody else made for it.
func TestEverythingIsFollowedButWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	_, js, conns := administered(t, natstest.Start(t, 1, natstest.Config{}))
	open := func(o jetstream.Options) *jetstream.Store {
		store, err := jetstream.Open(within(t), conns, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return store
	}
	stream(t, js, natsjs.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}})
	for name, subject := range map[string]string{"STATE": "state.*", "REGISTRY": "registry", "COMMANDS": "commands", "JOURNAL": "journal.*", "REFUSALS": "refusals", "EVENTS": "events.>"} {
		stream(t, js, natsjs.StreamConfig{Name: "BYHAND_" + name, Subjects: []string{"byhand." + subject}})
	}
	stream(t, js, natsjs.StreamConfig{Name: "ORDERS_STATE", Subjects: []string{"parts.state.*"}}) // like ours, and nobody's
	store := open(jetstream.Options{Topics: []string{">"}})
	open(jetstream.Options{Namespace: "later"})
	want := []string{"BYHAND_EVENTS", "HOOKSPAN_EVENTS", "LATER_EVENTS", "ORDERS", "ORDERS_STATE"}
	for _, bucket := range []string{"HOOKSPAN_LEASES", "BYHAND_LEASES", "LATER_LEASES"} {
		if _, err := js.CreateKeyValue(within(t), natsjs.KeyValueConfig{Bucket: bucket}); err != nil {
			t.Fatal(err)
		}
	}
	if got := partitions(t, store); !slices.Equal(got, want) {
		t.Errorf("followed are %q, want %q", got, want)
	}
	for _, f := range store.Examine(within(t)) {
		if f.Detail == "followed as it is" && !slices.Contains(want, strings.TrimPrefix(f.Subject, "stream ")) {
			t.Errorf("doctor says of %s that it is %s", f.Subject, f.Detail)
		}
	}
	publishAndRead(t, open(jetstream.Options{Topics: []string{">"}})) // once more
}

// A stream of somebody's copies what we keep, beside messages of its own.
func TestACopyOfTheJournalHoldsNoEvents(t *testing.T) {
	t.Parallel()
	_, js, conns := administered(t, natstest.Start(t, 1, natstest.Config{}))
	audit := natsjs.StreamConfig{Name: "AUDIT", Subjects: []string{"audit.>"}}
	stream(t, js, audit)
	store, err := jetstream.Open(within(t), conns, jetstream.Options{Topics: []string{"hookspan.events.>", "audit.>"}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const n = 20
	for range n {
		if _, err := store.AppendJournal(within(t), 0, []byte("attempt")); err != nil {
			t.Fatal(err)
		}
	}
	audit.Sources = []*natsjs.StreamSource{{Name: "HOOKSPAN_JOURNAL"}}
	if _, err := js.UpdateStream(within(t), audit); err != nil {
		t.Fatal(err)
	}
	held := func(n uint64) func() bool {
		return func() bool {
			s, err := js.Stream(within(t), "AUDIT")
			return err == nil && s.CachedInfo().State.Msgs == n
		}
	}
	eventually(t, "the journal is copied", held(n))
	if _, err := js.Publish(within(t), "audit.login", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if got := follow(t, store, "AUDIT", 1); got[0].Topic != "audit.login" {
		t.Errorf("on %s is an event", got[0].Topic)
	}
}
