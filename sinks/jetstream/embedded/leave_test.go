//go:build fleets

package embedded_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

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
	publish(t, back, "after")
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

// A server whose disk refuses a sync is opened again, while the others go on.
func TestAServerOfAClusterIsOpenedAgain(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	var fail atomic.Bool
	servers := all(t, func(i int) *embedded.Server {
		if i > 0 {
			return start(t, three[i])
		}
		s, err := embedded.OpenWithFlush(within(t), three[0], func(flush func() error) func() error {
			return func() error {
				if fail.CompareAndSwap(true, false) {
					return errors.New("input/output error")
				}
				return flush()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
	members := all(t, func(i int) *opened { return openStore(t, servers[i], jetstream.Options{}) })
	publish(t, members[0], "before")
	fail.Store(true)
	if err := members[0].Sync(within(t)); err == nil {
		t.Fatal("the sync did not fail")
	}
	if err := members[0].Usable(true); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("usable: %v", err)
	}
	publish(t, members[1], "meanwhile")
	waitFor(t, func() bool { return members[0].Health(t.Context()) == nil })
	publish(t, members[0], "after")
	if ids := stored(t, members[2]); len(ids) != 3 {
		t.Errorf("stored: %v", ids)
	}
}
