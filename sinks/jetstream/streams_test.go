package jetstream_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// server opens an embedded bus alone, and an API to what is in its events' account.
func server(t *testing.T) (*embedded.Server, natsjs.JetStream) {
	t.Helper()
	s, err := embedded.Open(within(t), embedded.Options{Dir: natstest.Folder(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	js, err := natsjs.New(s.Conns().Events)
	if err != nil {
		t.Fatal(err)
	}
	return s, js
}

func openOn(t *testing.T, s *embedded.Server, o jetstream.Options) (*jetstream.Store, error) {
	t.Helper()
	o.Disk, o.EventStore, o.PrivateStore = s, s.EventStore(), s.PrivateStore()
	store, err := jetstream.Open(within(t), s.Conns(), o)
	if err == nil {
		t.Cleanup(func() { store.Close() })
	}
	return store, err
}

func mustOpenOn(t *testing.T, s *embedded.Server, o jetstream.Options) *jetstream.Store {
	t.Helper()
	store, err := openOn(t, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func stream(t *testing.T, js natsjs.JetStream, c natsjs.StreamConfig) {
	t.Helper()
	if _, err := js.CreateStream(within(t), c); err != nil {
		t.Fatal(err)
	}
}

func config(t *testing.T, nc *nats.Conn, name string) natsjs.StreamConfig {
	t.Helper()
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(within(t), name)
	if err != nil {
		t.Fatalf("stream %s: %v", name, err)
	}
	return s.CachedInfo().Config
}

func partitions(t *testing.T, s *jetstream.Store) []string {
	t.Helper()
	spans, err := s.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, sp := range spans {
		names = append(names, string(sp.Partition))
	}
	slices.Sort(names)
	return names
}

func order(id string) *event.Event {
	return &event.Event{ID: id, Source: "/sources/shop", Type: "com.example.order.created", DataContentType: "application/json", Data: []byte(`{"order":1}`)}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	s, _ := server(t)
	mustOpenOn(t, s, jetstream.Options{Namespace: "acme", Retention: 48 * time.Hour, JournalRetention: 24 * time.Hour, Intake: []string{"orders.>"}})
	events := config(t, s.Conns().Events, "ACME_EVENTS")
	want := []string{"acme.events.>", "acme.quarantine", "acme.quarantine.>", "acme.unverified", "acme.unverified.>", "acme.dead", "acme.dead.>", "acme.ops", "acme.ops.>", "orders.>"}
	if !slices.Equal(events.Subjects, want) {
		t.Errorf("subjects %v, want %v", events.Subjects, want)
	}
	if events.MaxAge != 48*time.Hour || events.Duplicates != 10*time.Second || events.Discard != natsjs.DiscardNew || events.MaxBytes <= 0 || events.MaxBytes > s.EventStore() {
		t.Errorf("events: age %v, duplicates %v, discard %v, bytes %d of %d", events.MaxAge, events.Duplicates, events.Discard, events.MaxBytes, s.EventStore())
	}
	for _, name := range []string{"ACME_STATE", "ACME_REGISTRY", "ACME_COMMANDS"} {
		if c := config(t, s.Conns().Private, name); c.MaxAge != 0 || c.MaxBytes != -1 || c.MaxMsgs != -1 {
			t.Errorf("%s has a limit: age %v, bytes %d, messages %d", name, c.MaxAge, c.MaxBytes, c.MaxMsgs)
		}
	}
	for _, name := range []string{"ACME_JOURNAL", "ACME_REFUSALS"} {
		if c := config(t, s.Conns().Private, name); c.MaxAge != 24*time.Hour || c.MaxBytes <= 0 || c.MaxBytes > s.MaxStore()/10 || c.Discard != natsjs.DiscardOld {
			t.Errorf("%s: age %v, bytes %d of %d, discard %v", name, c.MaxAge, c.MaxBytes, s.MaxStore(), c.Discard)
		}
	}
}

func TestStreamsAreUpdatedAndKeepWhatOthersSet(t *testing.T) {
	t.Parallel()
	s, js := server(t)
	mustOpenOn(t, s, jetstream.Options{Topics: []string{"orders.>"}}).Close()
	c := config(t, s.Conns().Events, "HOOKSPAN_EVENTS")
	c.Compression, c.AllowDirect = natsjs.S2Compression, true
	if _, err := js.UpdateStream(within(t), c); err != nil {
		t.Fatal(err)
	}
	mustOpenOn(t, s, jetstream.Options{Retention: time.Hour, Topics: []string{"invoices.*"}})
	c = config(t, s.Conns().Events, "HOOKSPAN_EVENTS")
	if c.MaxAge != time.Hour || c.Compression != natsjs.S2Compression || !slices.Contains(c.Subjects, "orders.>") || !slices.Contains(c.Subjects, "invoices.*") {
		t.Errorf("age %v, compression %v, subjects %v", c.MaxAge, c.Compression, c.Subjects)
	}
}

func TestAnExistingStreamIsFollowedAsItIs(t *testing.T) {
	t.Parallel()
	s, js := server(t)
	stream(t, js, natsjs.StreamConfig{Name: "SHOP", Subjects: []string{"shop.>"}})
	store := mustOpenOn(t, s, jetstream.Options{Topics: []string{"hookspan.events.>", "shop.orders.*"}})
	if got := partitions(t, store); !slices.Equal(got, []string{"HOOKSPAN_EVENTS", "SHOP"}) {
		t.Fatalf("partitions %v", got)
	}
	if c := config(t, s.Conns().Events, "HOOKSPAN_EVENTS"); slices.ContainsFunc(c.Subjects, func(p string) bool { return strings.HasPrefix(p, "shop") }) {
		t.Errorf("our stream holds %v too", c.Subjects)
	}
	for _, subject := range []string{"shop.orders.1", "shop.carts.1", "shop.orders.2"} {
		if _, err := js.Publish(within(t), subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if got := follow(t, store, "SHOP", 2); got[0].Topic != "shop.orders.1" || got[1].Topic != "shop.orders.2" {
		t.Errorf("followed %v", got)
	}
	if err := store.PurgeEvents(within(t), "SHOP", 1); err == nil {
		t.Error("somebody else's stream was purged")
	}
	r, err := store.Publish(within(t), "shop.orders.3", order("3"), bus.PublishOptions{})
	if err != nil || r.Partition != "SHOP" || r.Position.Seq != 4 || r.Position.Identity == "" {
		t.Errorf("published to %v, %v", r, err)
	}
}

func TestFollowedPatternsThatOverlap(t *testing.T) {
	t.Parallel()
	s, js := server(t)
	stream(t, js, natsjs.StreamConfig{Name: "SHOP", Subjects: []string{"shop.>"}})
	store := mustOpenOn(t, s, jetstream.Options{Topics: []string{"shop.*.paid", "shop.orders.*", "shop.orders.paid"}})
	for _, subject := range []string{"shop.carts.left", "shop.orders.paid", "shop.carts.paid", "shop.orders.sent"} {
		if _, err := js.Publish(within(t), subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	var topics []string
	for _, m := range follow(t, store, "SHOP", 3) {
		topics = append(topics, m.Topic)
	}
	if !slices.Equal(topics, []string{"shop.orders.paid", "shop.carts.paid", "shop.orders.sent"}) {
		t.Errorf("followed %v", topics)
	}
}

func TestOnlyEventTopicsAreFollowed(t *testing.T) {
	t.Parallel()
	store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
	for _, topic := range []string{"hookspan.quarantine", "hookspan.events.a", "hookspan.dead", "hookspan.ops", "hookspan.events.b"} {
		if _, err := store.Publish(within(t), topic, order(topic), bus.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := follow(t, store, "HOOKSPAN_EVENTS", 2); got[0].Topic != "hookspan.events.a" || got[1].Topic != "hookspan.events.b" {
		t.Errorf("followed %v", got)
	}
	var intake []string
	err := store.Published(time.Now().Add(-time.Hour))(within(t), func(p bus.Publication) error {
		intake = append(intake, p.Topic)
		return nil
	})
	if err != nil || !slices.Equal(intake, []string{"hookspan.quarantine", "hookspan.events.a", "hookspan.events.b"}) {
		t.Errorf("intake wrote to %v, %v", intake, err)
	}
}

func TestAWorkQueueIsRefused(t *testing.T) {
	t.Parallel()
	for _, retention := range []natsjs.RetentionPolicy{natsjs.WorkQueuePolicy, natsjs.InterestPolicy} {
		t.Run(retention.String(), func(t *testing.T) {
			t.Parallel()
			s, js := server(t)
			stream(t, js, natsjs.StreamConfig{Name: "JOBS", Subjects: []string{"jobs.>"}, Retention: retention})
			_, err := openOn(t, s, jetstream.Options{Topics: []string{"jobs.>"}})
			if err == nil || !strings.Contains(err.Error(), "JOBS") || !strings.Contains(err.Error(), "sources JOBS") {
				t.Fatalf("opened with %v", err)
			}
			// The remedy works.
			stream(t, js, natsjs.StreamConfig{Name: "JOBS_COPY", Sources: []*natsjs.StreamSource{{Name: "JOBS"}}})
			if got := partitions(t, mustOpenOn(t, s, jetstream.Options{Topics: []string{"jobs.>"}})); !slices.Equal(got, []string{"JOBS_COPY"}) {
				t.Errorf("partitions %v", got)
			}
		})
	}
}

func TestAStreamThatAppearsLaterIsNew(t *testing.T) {
	t.Parallel()
	s, js := server(t)
	store := mustOpenOn(t, s, jetstream.Options{Topics: []string{"hookspan.events.>", "hookspan.*.shop"}})
	stream(t, js, natsjs.StreamConfig{Name: "LATER", Subjects: []string{"hookspan.later.shop"}})
	for range 2 {
		spans, err := store.Spans(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, sp := range spans {
			if sp.New != (sp.Partition == "LATER") {
				t.Errorf("%s: new %v", sp.Partition, sp.New)
			}
		}
	}
}

func TestARecreatedStreamIsTold(t *testing.T) {
	t.Parallel()
	s, js := server(t)
	stream(t, js, natsjs.StreamConfig{Name: "SHOP", Subjects: []string{"shop.>"}})
	store := mustOpenOn(t, s, jetstream.Options{Topics: []string{"shop.>"}})
	if _, err := js.Publish(within(t), "shop.a", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	at := follow(t, store, "SHOP", 1)[0].Position
	if err := js.DeleteStream(within(t), "SHOP"); err != nil {
		t.Fatal(err)
	}
	stream(t, js, natsjs.StreamConfig{Name: "SHOP", Subjects: []string{"shop.>"}})
	if _, err := js.Publish(within(t), "shop.b", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	err := store.Follow(within(t), "SHOP", at, func([]bus.Message) error { return errEnough })
	if !errors.Is(err, bus.ErrRecreated) {
		t.Errorf("follow: %v, want ErrRecreated", err)
	}
	if _, err := store.Get(within(t), "SHOP", at); !errors.Is(err, bus.ErrGone) {
		t.Errorf("get: %v, want ErrGone", err)
	}
}

// follow collects n messages of a partition from its start.
func follow(t *testing.T, s *jetstream.Store, p bus.Partition, n int) []bus.Message {
	t.Helper()
	spans, err := s.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(spans, func(sp bus.Span) bool { return sp.Partition == p })
	if i < 0 {
		t.Fatalf("%s is not among %v", p, spans)
	}
	var got []bus.Message
	err = s.Follow(within(t), p, bus.Position{Identity: spans[i].Identity}, func(batch []bus.Message) error {
		if got = append(got, batch...); len(got) >= n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("follow: %v after %d of %d messages", err, len(got), n)
	}
	return got
}

// What no server takes is not waited for.
func TestAStreamThatCannotBeEndsTheStart(t *testing.T) {
	t.Parallel()
	s, _ := server(t)
	for _, o := range []jetstream.Options{{Topics: []string{">"}}, {Prefix: "$SYS"}, {Intake: []string{"$JS.shop.>"}}} {
		_, err := openOn(t, s, o)
		if err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "HOOKSPAN_TOPICS") {
			t.Errorf("%+v: opened with %v, want an end that says what to do", o, err)
		}
	}
}
