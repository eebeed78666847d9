package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
)

// childOptions says which server is to be run in a process of its own, which is this test's
// binary once more. Only so can it be killed.
const childOptions = "HOOKSPAN_TEST_CHILD"

// A part is what of a server's options is in it.
type part struct {
	Dir, Name, Routes string
	Peers, Secrets    []string
}

func TestMain(m *testing.M) {
	if options := os.Getenv(childOptions); options != "" {
		if err := runChild(options); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := sideBySide(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// A told is one line that a child prints: what it is about, and one thing.
type told struct {
	What, Thing string
}

const (
	tellsReady  = "ready"  // publishing begins
	tellsAcked  = "acked"  // id of an event that was acknowledged
	tellsLeader = "leader" // of the event stream, now and then
	tellsHealth = "health" // whenever it changes
)

// runChild publishes on a server of a cluster until its input ends.
func runChild(options string) error {
	var p part
	if err := json.Unmarshal([]byte(options), &p); err != nil {
		return err
	}
	o := embedded.Options{
		Dir: p.Dir, Protect: []string{"HOOKSPAN_EVENTS"}, MaxStore: 1 << 30,
		Membership: cluster.Membership{Cluster: "orders", ServerName: p.Name, RoutesListen: p.Routes, Peers: p.Peers, RouteSecrets: p.Secrets},
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server, err := embedded.Open(ctx, o)
	if err != nil {
		return err
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var out sync.Mutex
	tell := func(what, thing string) {
		out.Lock()
		defer out.Unlock()
		_ = json.NewEncoder(os.Stdout).Encode(told{what, thing})
	}
	store, err := untilOpen(ctx, server)
	if err != nil {
		return nil // the input has ended
	}
	defer store.Close()
	tell(tellsReady, o.ServerName)
	var publishing sync.WaitGroup
	publishing.Go(func() { watchLeader(ctx, server, tell) })
	for p := range 4 {
		publishing.Go(func() { publishOn(ctx, store, fmt.Sprintf("%s-%d-%d", o.ServerName, os.Getpid(), p), tell) })
	}
	publishing.Wait()
	return nil
}

func untilOpen(ctx context.Context, server *embedded.Server) (*jetstream.Store, error) {
	for {
		if server.Health(ctx) == nil {
			try, cancel := context.WithTimeout(ctx, 5*time.Second)
			store, err := jetstream.Open(try, server.Conns(), jetstream.Options{
				Disk: server, EventStore: server.EventStore(), PrivateStore: server.PrivateStore(), Replicas: 3, PublishTimeout: 2 * time.Second,
			})
			cancel()
			if err == nil {
				return store, nil
			}
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func publishOn(ctx context.Context, store *jetstream.Store, name string, tell func(what, thing string)) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("%s-%d", name, n)
		if _, err := store.Publish(ctx, topic, order(id), bus.PublishOptions{}); err == nil {
			tell(tellsAcked, id)
		}
		_ = pause(ctx, 20*time.Millisecond)
	}
}

func watchLeader(ctx context.Context, server *embedded.Server, tell func(what, thing string)) {
	js, err := natsjs.New(server.Conns().Events)
	if err != nil {
		return
	}
	health := "ok"
	for pause(ctx, 100*time.Millisecond) == nil {
		now := "ok"
		if err := server.Health(ctx); err != nil {
			now = err.Error()
		}
		if now != health {
			health = now
			tell(tellsHealth, health)
		}
		ask, cancel := context.WithTimeout(ctx, time.Second)
		if stream, err := js.Stream(ask, "HOOKSPAN_EVENTS"); err == nil {
			tell(tellsLeader, stream.CachedInfo().Cluster.Leader)
		}
		cancel()
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A child is such a process, with what it has told.
type child struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	input io.Closer     // its end is the child's
	ended chan struct{} // closed by read once the process has

	mu     sync.Mutex
	ready  bool
	leader string
	health []string
	acked  []string
	last   time.Time     // of the newest acknowledgement
	gap    time.Duration // the longest without one, since it was last asked for
}

func spawn(t *testing.T, o embedded.Options) *child {
	t.Helper()
	options, err := json.Marshal(part{o.Dir, o.ServerName, o.RoutesListen, o.Peers, o.RouteSecrets})
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, name: o.ServerName, cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childOptions+"="+string(options))
	c.cmd.Stderr = os.Stderr
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go c.read(out)
	t.Cleanup(c.kill)
	return c
}

func (c *child) read(out io.Reader) {
	defer close(c.ended)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line told
		if json.Unmarshal(lines.Bytes(), &line) == nil {
			c.hear(line)
		}
	}
	_ = c.cmd.Wait() // it may have been killed
}

func (c *child) hear(line told) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch line.What {
	case tellsReady:
		c.ready, c.last = true, now
	case tellsLeader:
		c.leader = line.Thing
	case tellsHealth:
		c.health = append(c.health, line.Thing)
	case tellsAcked:
		c.acked = append(c.acked, line.Thing)
		c.gap = max(c.gap, now.Sub(c.last))
		c.last = now
	}
}

// longestGap is the longest time without an acknowledgement since it was asked for last, the
// one that goes on now included.
func (c *child) longestGap() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	gap := max(c.gap, time.Since(c.last))
	c.gap = 0
	return gap
}

func (c *child) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.acked)
}

func (c *child) isReady() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

func (c *child) whoLeads() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leader
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may be gone already
	<-c.ended
}
