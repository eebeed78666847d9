//go:build fleets

package embedded_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// backWithin is how soon publishing goes on after a server was killed.
const backWithin = 10 * time.Second

// Three processes publish at once. Killing the one whose server leads the event stream stops
// the others until they have elected another, killing one that does not stops nobody. What
// was acknowledged is there in the end, whoever acknowledged it, even after all were killed.
func TestKilledServersLoseNothing(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	children := all(t, func(i int) *child { return spawn(t, three[i]) })
	everybody := slices.Clone(children[:])
	for _, c := range children {
		waitFor(t, func() bool { return c.isReady() && c.count() > 100 && c.whoLeads() != "" })
	}
	for _, role := range []string{"leader", "follower"} {
		victim := -1
		for i, c := range children {
			if (c.name == children[0].whoLeads()) == (role == "leader") {
				victim = i
			}
		}
		others := without(children, victim)
		for _, c := range others {
			c.longestGap()
		}
		killed := time.Now()
		children[victim].kill()
		for _, c := range others {
			before := c.count()
			waitFor(t, func() bool { return time.Since(killed) > time.Second && c.count() > before+50 })
			gap := c.longestGap()
			t.Logf("%s was killed: %s was without an acknowledgement for %v", role, c.name, gap)
			if gap > backWithin {
				t.Errorf("publishing on %s stood still for %v", c.name, gap)
			}
		}
		children[victim] = spawn(t, three[victim])
		everybody = append(everybody, children[victim])
		waitFor(t, func() bool { return children[victim].isReady() && children[victim].count() > 0 })
		t.Logf("%s came back in %v", role, time.Since(killed))
	}
	for _, c := range children { // no one of them is told
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range children {
		<-c.ended
	}
	checkStored(t, three, everybody)
}

func without(children [3]*child, i int) []*child {
	var others []*child
	for n, c := range children {
		if n != i {
			others = append(others, c)
		}
	}
	return others
}

// checkStored opens the servers again and asks each for what was acknowledged by any.
func checkStored(t *testing.T, three trio, children []*child) {
	t.Helper()
	members := joinAll(t, three)
	for _, m := range members {
		ids, lost, acked := stored(t, m), 0, 0
		for _, c := range children {
			for _, id := range c.acked {
				acked++
				if !ids[id] {
					lost++
				}
			}
		}
		t.Logf("%d acknowledged, %d stored, %d lost", acked, len(ids), lost)
		if lost > 0 || acked == 0 {
			t.Errorf("%d of %d acknowledged events are lost", lost, acked)
		}
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
