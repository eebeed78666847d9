package embedded_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
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
		// Between two leaders a cluster leaves the request unanswered.
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		s, err := js.Stream(ctx, "HOOKSPAN_EVENTS")
		if err != nil || s.CachedInfo().Cluster == nil {
			return false
		}
		info = s.CachedInfo()
		return info.Cluster.Leader != ""
	})
	return info
}

// split takes the server that leads the event stream apart from the others, once they have what
// it has: with an empty log among the two of them they elect no leader.
func split(t *testing.T, members [3]*opened, names trio) (leader int, others []*opened) {
	t.Helper()
	var info *natsjs.StreamInfo
	waitFor(t, func() bool {
		info = eventStream(t, members[0])
		return !slices.ContainsFunc(names[:], func(o embedded.Options) bool { return !current(info, o.ServerName) })
	})
	for i, m := range members {
		if names[i].ServerName == info.Cluster.Leader {
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
	leader, others := split(t, members, three)

	stop := make(chan struct{}) // closed by the test
	var publishing sync.WaitGroup
	for n, m := range others {
		publishing.Go(func() { publishUntil(t, m, n, stop) })
	}
	members[leader].close()
	left := time.Now()
	waitFor(t, func() bool { return eventStream(t, others[0]).Cluster.Leader != three[leader].ServerName })
	if took := time.Since(left); took > withoutElection {
		t.Errorf("the event stream had another leader %v after its leader had left", took)
	}
	close(stop)
	publishing.Wait()
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

// withoutElection is less than what passes between the last word of a leader and the next one
// that is elected: four seconds and more, of which one may be over when it has gone.
const withoutElection = 3 * time.Second

// publishUntil publishes one event after the other, until one gets through after the stop.
func publishUntil(t *testing.T, m *opened, n int, stop <-chan struct{}) {
	began := time.Now()
	for i, stopped := 0, false; time.Since(began) < patience; i++ {
		select {
		case <-stop:
			stopped = true
		default:
		}
		_, err := m.store.Publish(within(t), topic, order(fmt.Sprintf("%d-%d", n, i)), bus.PublishOptions{})
		if err != nil {
			t.Logf("after %v: %v", time.Since(began), err)
		} else if stopped {
			return
		}
	}
	t.Error("publishing does not go on")
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
