package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// Room implements bus.Durability (D2): what the followed topics of ours take, one replica of
// each. There is no limit of ours: Kafka's topics keep to their own retention. Where the
// brokers do not tell, since that takes DESCRIBE on the cluster, nothing is used.
func (s *Store) Room(ctx context.Context) (bus.Room, error) {
	names, err := s.followedTopics(ctx)
	if err != nil {
		return bus.Room{}, fmt.Errorf("ask for the size of the topics: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !s.isOurs(name) })
	var topics kadm.TopicsSet
	for _, name := range names {
		t, err := s.cluster.Lookup(ctx, name, time.Time{})
		if err != nil {
			return bus.Room{}, fmt.Errorf("ask for the size of the topics: %w", err)
		}
		for n := range t.Partitions {
			topics.Add(name, int32(n))
		}
	}
	if len(topics) == 0 {
		return bus.Room{}, nil
	}
	var dirs kadm.DescribedAllLogDirs
	err = s.cluster.RetryBriefly(ctx, func(ctx context.Context) (err error) {
		dirs, err = s.cluster.Admin.DescribeAllLogDirs(ctx, topics)
		return cluster.Unavailable(err)
	})
	switch {
	case cluster.Denied(err):
		return bus.Room{}, nil
	case err != nil:
		return bus.Room{}, fmt.Errorf("ask for the size of the topics: %w", err)
	}
	return bus.Room{Used: largest(dirs)}, nil
}

// largest adds up the largest replica of each partition.
func largest(dirs kadm.DescribedAllLogDirs) int64 {
	sizes := map[bus.Partition]int64{}
	dirs.Each(func(d kadm.DescribedLogDir) {
		d.Topics.Each(func(p kadm.DescribedLogDirPartition) {
			name := cluster.PartitionName(p.Topic, p.Partition)
			sizes[name] = max(sizes[name], p.Size)
		})
	})
	var sum int64
	for _, size := range sizes {
		sum += size
	}
	return sum
}

// PurgeEvents implements bus.Durability (D3). Topics of others are not ours to purge.
func (s *Store) PurgeEvents(ctx context.Context, p bus.Partition, upto int64) error {
	topic, n, ok := cluster.SplitPartition(p)
	if !ok || !s.isOurs(topic) {
		return fmt.Errorf("purge %s: it belongs to somebody else", p)
	}
	if !s.follows(topic) {
		return fmt.Errorf("purge %s: its topic is not followed", p)
	}
	var end int64
	err := s.onPartition(ctx, p, func(ctx context.Context, sp cluster.PartitionRef) (err error) {
		_, end, err = s.cluster.Bounds(ctx, sp)
		return err
	})
	if err == nil {
		err = s.cluster.Trim(ctx, topic, n, min(upto+1, end))
	}
	if err != nil {
		return fmt.Errorf("purge %s: %w", p, err)
	}
	return nil
}

// isOurs: the topic is one that we make for events.
func (s *Store) isOurs(topic string) bool {
	return strings.HasPrefix(topic, s.names.Prefix+".") || slices.Contains(s.names.Own, topic) || slices.Contains(s.o.Intake, topic)
}

// OthersNeed implements bus.Durability (D4): the least that a consumer group has committed.
// Ours commits nothing.
func (s *Store) OthersNeed(ctx context.Context, p bus.Partition) (int64, bool, error) {
	topic, n, ok := cluster.SplitPartition(p)
	if !ok {
		return 0, false, fmt.Errorf("there is no partition %q", p)
	}
	need, some := int64(0), false
	err := s.cluster.RetryBriefly(ctx, func(ctx context.Context) error {
		need, some = 0, false
		groups, err := s.cluster.Admin.ListGroups(ctx)
		if err != nil {
			return fmt.Errorf("ask for the consumers of %s: %w", p, cluster.Unavailable(err))
		}
		for _, answer := range s.cluster.Admin.FetchManyOffsets(ctx, groups.Groups()...) {
			if answer.Err != nil {
				return fmt.Errorf("ask what group %s has read: %w", answer.Group, cluster.Unavailable(answer.Err))
			}
			if at, ok := answer.Fetched.Lookup(topic, n); ok && at.At >= 0 && (!some || at.At-1 < need) {
				need, some = at.At-1, true
			}
		}
		return nil
	})
	return need, some, err
}
