package kafka_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/kafka"
)

// patience bounds every wait for something that must happen.
const patience = 90 * time.Second

// shop is the topic that tests publish to.
const shop = "hookspan.events.shop"

var errEnough = errors.New("enough")

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// openStore opens a store, closed when the test ends.
func openStore(t testing.TB, o kafka.Options) *kafka.Store {
	t.Helper()
	store, err := kafka.Open(t.Context(), o)
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

// open is a store on a cluster, with one partition for the topic shop.
func open(t testing.TB, cluster *cluster, o kafka.Options) *kafka.Store {
	t.Helper()
	o.Intake = []string{shop}
	if o.Partitions == 0 {
		o.Partitions = 1
	}
	if o.Shards == 0 {
		o.Shards = 2
	}
	return openStore(t, cluster.reach(o))
}

// client is a plain client of the brokers.
func client(t testing.TB, brokers []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// deleteTopics removes what a test made on brokers that stay.
func deleteTopics(t testing.TB, brokers []string, prefix string) {
	adm := kadm.NewClient(client(t, brokers))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all, err := adm.ListTopics(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	var names []string
	for _, name := range all.Names() {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	if _, err := adm.DeleteTopics(ctx, names...); err != nil {
		t.Error(err)
	}
}

func order(id string) *event.Event {
	return &event.Event{ID: id, Source: "/sources/shop", Type: "com.example.order.created", Data: []byte("{}"), DataContentType: "application/json"}
}

func publish(t testing.TB, s *kafka.Store, ids ...string) []bus.Receipt {
	t.Helper()
	var receipts []bus.Receipt
	for _, id := range ids {
		r, err := s.Publish(within(t), shop, order(id), bus.PublishOptions{})
		if err != nil {
			t.Fatalf("publish %s: %v", id, err)
		}
		receipts = append(receipts, r)
	}
	return receipts
}

// spans are those that a store names, by partition.
func spans(t testing.TB, s *kafka.Store) map[bus.Partition]bus.Span {
	t.Helper()
	list, err := s.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	all := map[bus.Partition]bus.Span{}
	for _, sp := range list {
		all[sp.Partition] = sp
	}
	return all
}

// front is the place just before the first event that a partition keeps.
func front(sp bus.Span) bus.Position {
	return bus.Position{Identity: sp.Identity, Seq: sp.First - 1}
}
