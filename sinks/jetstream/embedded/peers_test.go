//go:build fleets

package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
)

// directory is a resolver that knows what it was told.
type directory struct {
	mu    sync.Mutex
	hosts []string
	srv   []*net.SRV
}

var errNoName = errors.New("no such name")

func (d *directory) LookupHost(context.Context, string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.hosts) == 0 {
		return nil, errNoName
	}
	return d.hosts, nil
}

func (d *directory) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.srv) == 0 {
		return "", nil, errNoName
	}
	return "", d.srv, nil
}

func (d *directory) add(t *testing.T, address string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.srv = append(d.srv, &net.SRV{Target: host + ".", Port: uint16(n)})
}

// The peers' names come to be after all servers have started, and not all at once. Who works
// with a server by then does not notice that it connects to the last ones.
func TestPeersAreFoundLate(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	var names directory
	var heard listener
	three[1].Log = heard.log()
	for i := range three {
		three[i].Peers, three[i].Resolver = []string{"dns:_routes._tcp.hookspan"}, &names
		three[i].Listen = "127.0.0.1:0"
	}
	servers := all(t, func(i int) *embedded.Server { return start(t, three[i]) })
	for _, s := range servers {
		if st, _ := s.Standing(); len(st.Here) != 1 || st.Size != 3 {
			t.Errorf("before there are names: %+v", st)
		}
	}
	names.add(t, three[0].RoutesListen)
	waitFor(t, func() bool { st, _ := servers[0].Standing(); return len(st.Here) == 3 })
	members := all(t, func(i int) *opened { return openStore(t, servers[i], jetstream.Options{}) })
	publish(t, members[0], "before")
	nc, client := dial(t, members[1], nats.NoReconnect())
	seen, err := nc.SubscribeSync("hookspan.events.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	names.add(t, three[1].RoutesListen)
	names.add(t, three[2].RoutesListen)
	// A server that is away makes the others look again, and connect to whom they did not know.
	members[0].close()
	waitFor(t, func() bool { return heard.count("Reloaded: cluster routes") > 1 })
	publish(t, members[1], "without the first")
	back := join(t, three[0])
	publish(t, members[1], "all again")
	if n := heard.count("lost"); n > 0 {
		t.Errorf("its connections were lost")
	}
	if ids := stored(t, back); len(ids) != 3 {
		t.Errorf("it has %v", ids)
	}
	// Nor do clients.
	if _, err := client.Publish(within(t), topic, []byte("from a client")); err != nil {
		t.Errorf("a client: %v", err)
	}
	for range 3 {
		if _, err := seen.NextMsgWithContext(within(t)); err != nil {
			t.Errorf("a subscriber: %v", err)
		}
	}
}

func TestServersWithoutTheSecretStayOut(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	three[1].RouteSecrets = []string{"the new one", "what only the three know"} // being changed
	three[2].RouteSecrets = []string{"a guess"}
	var heard listener
	for i := range three {
		three[i].Log = heard.log()
	}
	servers := all(t, func(i int) *embedded.Server { return start(t, three[i]) })
	for _, s := range servers[:2] {
		waitFor(t, func() bool { st, _ := s.Standing(); return len(st.Here) == 2 })
	}
	said := make(chan *nats.Msg, 100)
	if _, err := servers[0].Conns().Events.ChanSubscribe("said.by.*", said); err != nil {
		t.Fatal(err)
	}
	say := func(i int) {
		if err := servers[i].Conns().Events.Publish(fmt.Sprint("said.by.", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, func() bool { say(2); return heard.count("closed: Authentication Failure") > 20 })
	waitFor(t, func() bool { say(1); return len(said) > 0 })
	for len(said) > 0 {
		if m := <-said; m.Subject != "said.by.1" {
			t.Errorf("it was heard what was %s", m.Subject)
		}
	}
	// Whoever calls another one takes it for a member until one of the two is turned away.
	for i, here := range []int{2, 2, 1} {
		waitFor(t, func() bool { st, _ := servers[i].Standing(); return len(st.Here) == here })
	}
	if n := heard.count("Authorization Violation"); n == 0 || n > 12 {
		t.Errorf("it was said %d times that somebody does not know the secret", n)
	}
	for _, secret := range []string{"the new one", "what only the three know", "a guess"} {
		if heard.count(secret)+heard.count(cluster.RoutePassword(secret)) > 0 {
			t.Errorf("the log has the secret %q, or what is made of it", secret)
		}
	}
}
