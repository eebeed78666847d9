package link_test

import (
	"errors"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

func TestOnlyALeaderThatShowsItIsBelieved(t *testing.T) {
	t.Parallel()
	peers := func(heard ...time.Duration) (list []*natsjs.PeerInfo) {
		for _, d := range heard {
			list = append(list, &natsjs.PeerInfo{Active: d})
		}
		return list
	}
	away := append(peers(time.Second), &natsjs.PeerInfo{Offline: true})
	for name, c := range map[string]struct {
		said     *natsjs.ClusterInfo
		believed bool
	}{
		"no cluster":                 {nil, true},
		"one copy":                   {&natsjs.ClusterInfo{Leader: "n1"}, true},
		"no leader is known":         {&natsjs.ClusterInfo{Replicas: peers(time.Second, time.Second)}, false},
		"all were heard":             {&natsjs.ClusterInfo{Leader: "n1", Replicas: peers(time.Second, time.Second)}, true},
		"one of two was heard":       {&natsjs.ClusterInfo{Leader: "n1", Replicas: peers(time.Minute, time.Second)}, true},
		"one of two is away":         {&natsjs.ClusterInfo{Leader: "n1", Replicas: away}, true},
		"cut off for a while":        {&natsjs.ClusterInfo{Leader: "n1", Replicas: peers(4*time.Second, 5*time.Second)}, false},
		"of five, two were heard":    {&natsjs.ClusterInfo{Leader: "n1", Replicas: peers(0, 0, time.Minute, time.Minute)}, true},
		"of five, one was heard":     {&natsjs.ClusterInfo{Leader: "n1", Replicas: peers(0, time.Minute, time.Minute, time.Minute)}, false},
		"of two copies, one is gone": {&natsjs.ClusterInfo{Leader: "n1", Replicas: peers(time.Minute)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := link.Led(c.said)
			if (err == nil) != c.believed || err != nil && !errors.Is(err, bus.ErrUnavailable) {
				t.Errorf("%v, believed should be %v", err, c.believed)
			}
		})
	}
}
