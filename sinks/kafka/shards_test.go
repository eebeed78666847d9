package kafka_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/sinks/kafka"
)

func registryOf(s *kafka.Store) *endpoint.Registry {
	return endpoint.NewRegistry(s, nil, endpoint.Options{Log: slog.New(slog.DiscardHandler)})
}

func recorded(ctx context.Context, s *kafka.Store) (int, error) {
	return registryOf(s).RecordedShards(ctx)
}

// The number of shards that the installation began with counts, not the one of this version: a
// topic that has no more is fine, and one that was deleted is made for as many.
func TestTheRecordedShardsCount(t *testing.T) {
	t.Parallel()
	for _, begun := range []int{4, 64} {
		cluster := newCluster(t)
		first := open(t, cluster, kafka.Options{Shards: begun, RecordedShards: recorded})
		if n, err := registryOf(first).Shards(within(t), begun); err != nil || n != begun {
			t.Fatal(n, err)
		}
		if err := cluster.DeleteTopic("hookspan.journal"); err != nil {
			t.Fatal(err)
		}
		store := open(t, cluster, kafka.Options{Shards: 32, RecordedShards: recorded})
		for _, topic := range []string{"hookspan.state", "hookspan.journal"} {
			if got := len(cluster.PartitionInfos(topic)); got != begun {
				t.Errorf("%s has %d partitions, want %d", topic, got, begun)
			}
		}
		if _, err := store.AppendJournal(within(t), begun-1, []byte("x")); err != nil {
			t.Errorf("the last shard: %v", err)
		}
		if _, err := store.AppendJournal(within(t), begun, []byte("x")); err == nil {
			t.Error("there is a shard too many")
		}
		for _, f := range store.Examine(within(t)) {
			if f.Verdict == bus.Fault {
				t.Errorf("examined: %+v", f)
			}
		}
	}
}

// A number that was recorded by another process after the start counts, too, if the topics
// are made for it.
func TestShardsThatWereRecordedMeanwhile(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{Shards: 4, RecordedShards: recorded, Lease: time.Second})
	if err := store.Join(within(t), 5, nil); err == nil || !strings.Contains(err.Error(), "hookspan.state has 4 partitions and the installation 5 shards") {
		t.Errorf("join with too many: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := store.Join(ctx, 3, nil); err != nil {
		t.Errorf("join: %v", err)
	}
}
