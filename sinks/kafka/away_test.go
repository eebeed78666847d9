package kafka_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
	"github.com/hookspan/hookspan/sinks/kafka/kafkatest"
)

// Partitions that nobody can be asked about are marked, and the others are listed as ever.
func TestAPartitionThatIsAwayKeepsNoOtherWaiting(t *testing.T) {
	t.Parallel()
	const other = "hookspan.events.other"
	for name, fault := range map[string]struct {
		kfake.Fault
		away []bus.Partition
	}{
		"its leader does not answer": {
			kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: shop, Partitions: []int32{1}, Err: kerr.LeaderNotAvailable},
			[]bus.Partition{shop + "/1"},
		},
		"its topic cannot be described": {
			kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: other, Err: kerr.LeaderNotAvailable},
			[]bus.Partition{other + "/0", other + "/1", other + "/2"},
		},
		"a right on its topic was taken away": {
			kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: other, Err: kerr.TopicAuthorizationFailed},
			[]bus.Partition{other + "/0", other + "/1", other + "/2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			kafkatest.InBubble(t, func(t *testing.T) {
				cluster := newBubbled(t, kfake.NumBrokers(3))
				store := openStore(t, cluster.reach(kafka.Options{Intake: []string{shop, other}, Partitions: 3, Shards: 2}))
				before := spans(t, store)
				publish(t, store, "1", "2", "3", "4", "5", "6", "7", "8")
				fault.Count = -1
				broken := cluster.Fault(fault.Fault)
				var away []bus.Partition
				for p, sp := range spans(t, store) {
					switch {
					case sp.Away:
						away = append(away, p)
					case sp.Identity != before[p].Identity:
						t.Errorf("%s is %v, was %v", p, sp, before[p])
					}
				}
				slices.Sort(away)
				if !slices.Equal(away, fault.away) {
					t.Errorf("away are %v, want %v", away, fault.away)
				}
				broken.Remove()
				for p, sp := range spans(t, store) {
					if sp.Away || sp.New {
						t.Errorf("afterwards %s is %+v", p, sp)
					}
				}
			})
		})
	}
}

// Where none can be asked it is an error, which says so once.
func TestAllPartitionsAreAway(t *testing.T) { kafkatest.InBubble(t, allPartitionsAreAway) }

func allPartitionsAreAway(t *testing.T) {
	cluster := newBubbled(t, kfake.NumBrokers(3))
	store := open(t, cluster, kafka.Options{Partitions: 3})
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.LeaderNotAvailable, Count: -1})
	ctx, cancel := soonOver(t)
	defer cancel()
	if _, err := store.Spans(ctx); !errors.Is(err, bus.ErrUnavailable) || strings.Count(err.Error(), "offset") > 1 {
		t.Errorf("list: %v", err)
	}
}
