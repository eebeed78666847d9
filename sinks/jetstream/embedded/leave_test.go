package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
)

// eventStream is what the server's cluster says about the event stream.
func eventStream(t *testing.T, m *opened) *natsjs.StreamInfo {
	t.Helper()
	js, err := natsjs.New(m.Conns().Events)
	if err != nil {
		t.Fatal(err)
	}
	var info *natsjs.StreamInfo
	waitFor(t, func() bool {
		s, err := js.Stream(within(t), "HOOKSPAN_EVENTS")
		if err != nil || s.CachedInfo().Cluster == nil {
			return false
		}
		info = s.CachedInfo()
		return info.Cluster.Leader != ""
	})
	return info
}

// split takes the server that leads the event stream apart from the others.
func split(t *testing.T, members [3]*opened) (leader int, others []*opened) {
	t.Helper()
	name := eventStream(t, members[0]).Cluster.Leader
	for i, m := range members {
		if st, _ := m.Standing(); st.Server == name {
			leader = i
		} else {
			others = append(others, m)
		}
	}
	return leader, others
}

// A server that is stopped hands over what it leads first, so that publishing elsewhere goes on
// sooner than an election takes. One that comes back without its folder gets all it had from
// the others.
func TestAServerThatLeavesAndComesBackEmpty(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	members := joinAll(t, three)
	leader, others := split(t, members)

	gaps := make(chan time.Duration, len(others))
	stop := make(chan struct{}) // closed by the test
	var publishing sync.WaitGroup
	for n, m := range others {
		publishing.Go(func() { gaps <- publishUntil(t, m, n, stop) })
	}
	members[leader].close()
	close(stop)
	publishing.Wait()
	for range others {
		gap := <-gaps
		t.Logf("the leader left: longest time without an acknowledgement %v", gap)
		if gap > 3*time.Second {
			t.Errorf("publishing stood still for %v", gap)
		}
	}
	before := stored(t, others[0])

	if err := os.RemoveAll(three[leader].Dir); err != nil {
		t.Fatal(err)
	}
	back := join(t, three[leader])
	waitFor(t, func() bool { return current(eventStream(t, others[0]), three[leader].ServerName) })
	if blocks, err := filepath.Glob(filepath.Join(three[leader].Dir, "jetstream", "EVENTS", "streams", "HOOKSPAN_EVENTS", "msgs", "*.blk")); err != nil || len(blocks) == 0 {
		t.Errorf("it has no events: %v, %v", blocks, err)
	}
	others[1].close()
	publishSoon(t, back, "after")
	after := stored(t, back)
	for id := range before {
		if !after[id] {
			t.Fatalf("%s is gone", id)
		}
	}
}

// publishUntil publishes one event after the other, until one gets through after the stop, and
// returns the longest time that passed between two that did.
func publishUntil(t *testing.T, m *opened, n int, stop <-chan struct{}) time.Duration {
	var gap time.Duration
	began, last := time.Now(), time.Now()
	for i, stopped := 0, false; time.Since(began) < patience; i++ {
		select {
		case <-stop:
			stopped = true
		default:
		}
		if _, err := m.store.Publish(within(t), topic, order(fmt.Sprintf("%d-%d", n, i)), bus.PublishOptions{}); err != nil {
			t.Logf("after %v: %v", time.Since(began), err)
			continue
		}
		gap = max(gap, time.Since(last))
		last = time.Now()
		if stopped {
			return gap
		}
	}
	return patience
}

// current reports whether a server has all of a stream, by what the stream's leader says.
func current(info *natsjs.StreamInfo, server string) bool {
	if info.Cluster.Leader == server {
		return true
	}
	for _, r := range info.Cluster.Replicas {
		if r.Name == server {
			return r.Current && r.Lag == 0
		}
	}
	return false
}
