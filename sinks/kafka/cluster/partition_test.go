package cluster_test

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

func TestPartitionNames(t *testing.T) {
	t.Parallel()
	for _, p := range []bus.Partition{"orders/0", "my.orders/2147483647"} {
		if topic, n, ok := cluster.SplitPartition(p); !ok || cluster.PartitionName(topic, n) != p {
			t.Errorf("%s is read as %q %d %v", p, topic, n, ok)
		}
	}
	for _, p := range []bus.Partition{"", "orders", "/3", "orders/", "orders/-1", "orders/x", "orders/2147483648", "HOOKSPAN_EVENTS"} {
		if topic, n, ok := cluster.SplitPartition(p); ok {
			t.Errorf("%s is read as %q %d", p, topic, n)
		}
	}
}

// What is stored in the millisecond of a time is not before it, unless the time is later in it.
func TestMillis(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1763700000123)
	for _, c := range []struct {
		t    time.Time
		want int64
	}{{at, 1763700000123}, {at.Add(1), 1763700000124}, {at.Add(999_999), 1763700000124}, {time.Time{}, 0}} {
		if got := cluster.Millis(c.t); got != c.want {
			t.Errorf("%v is %d ms, want %d", c.t, got, c.want)
		}
	}
}
