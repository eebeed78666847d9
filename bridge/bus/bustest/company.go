package bustest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// A company is the members of one test.
type company struct {
	Sharing
	t       *testing.T
	board   *board
	bubbled bool // in a time of its own
	members []*sharer
}

// enter makes one more member and has it join.
func (c *company) enter() *sharer {
	m := c.ready()
	c.join(m)
	return m
}

// ready makes one more member, with its way to the bus.
func (c *company) ready() *sharer {
	m := &sharer{board: c.board, gate: NewGate(), done: make(chan error, 1)}
	m.name = fmt.Sprintf("member-%d", len(c.members)+1)
	m.leases = c.Connect(c.t, m.gate)
	c.members = append(c.members, m)
	return m
}

func (c *company) join(m *sharer) {
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() { m.done <- m.leases.Join(ctx, sharedShards, m) }()
}

// leave ends a member's Join and waits for it.
func (c *company) leave(m *sharer) {
	m.out = true
	m.stop()
	c.gone(m)
	if left := c.board.shardsOf(m); len(left) > 0 {
		c.t.Errorf("%s left and has the shards %v", m.name, left)
	}
}

// gone waits until a member's Join has returned.
func (c *company) gone(m *sharer) {
	select {
	case err := <-m.done:
		m.done <- nil
		if err != nil {
			c.t.Errorf("%s: join returned %v", m.name, err)
		}
	case <-time.After(patience):
		c.t.Errorf("%s does not leave", m.name)
	}
}

// kill silences a member for good.
func (c *company) kill(m *sharer) {
	m.out = true
	m.gate.Shut()
}

// present are the members that neither left nor died.
func (c *company) present() []*sharer {
	return slices.DeleteFunc(slices.Clone(c.members), func(m *sharer) bool { return m.out })
}

// settled waits until those present share all shards, and returns how long that took.
func (c *company) settled() time.Duration {
	c.t.Helper()
	begin := time.Now()
	c.board.settled(c.present()...)
	return time.Since(begin)
}

// busy is how much longer a busy machine may take for what has a limit.
const busy = 10

// soon fails where something took longer than its limit. In a bubble the time is the test's own;
// elsewhere a busy machine takes a multiple of it, and what is left is that nothing waits for a
// timeout of the bus.
func (c *company) soon(took, limit time.Duration) {
	c.t.Helper()
	c.t.Logf("it took %v, with leases of %v", took, c.Lease)
	if !c.bubbled {
		limit *= busy
	}
	if took > limit {
		c.t.Errorf("it took %v, at most %v may be", took, limit)
	}
}

// dissolve lets every member go, the silenced ones too.
func (c *company) dissolve() {
	var leaving sync.WaitGroup
	for _, m := range c.members {
		m.gate.Open()
		if m.stop == nil {
			continue
		}
		leaving.Go(func() {
			m.stop()
			c.gone(m)
		})
	}
	leaving.Wait()
}
