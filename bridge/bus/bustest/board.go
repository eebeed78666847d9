package bustest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A board writes down who holds what, and objects when a call breaks the contract.
type board struct {
	t      *testing.T
	shards int

	mu      sync.Mutex
	holds   []map[*sharer]*grip
	last    []bus.Lease   // by shard, of who gave it last
	given   []time.Time   // by shard, when
	slowest time.Duration // from a shard's being given until somebody took it
	lost    int           // shards that were lost
	changed chan struct{} // closed and replaced when something changes
}

// A grip is one member's hold on one shard.
type grip struct {
	lease  bus.Lease
	giving bool
}

func newBoard(t *testing.T, shards int) *board {
	b := &board{t: t, shards: shards, changed: make(chan struct{})}
	b.holds = make([]map[*sharer]*grip, shards)
	for i := range b.holds {
		b.holds[i] = map[*sharer]*grip{}
	}
	b.last, b.given = make([]bus.Lease, shards), make([]time.Time, shards)
	return b
}

func (b *board) tell() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// A sharer is a member that takes part in a test.
type sharer struct {
	name   string
	board  *board
	gate   *Gate
	leases bus.Leases
	stop   context.CancelFunc // nil before it joined
	done   chan error         // of Join
	out    bool               // it left, or was killed; the test's goroutine alone sets it

	// giving is called by Give, and Give returns when it does; nil: at once.
	giving func(ctx context.Context, shard int)
}

// Take implements bus.Member.
func (m *sharer) Take(shard int, l bus.Lease) {
	b := m.board
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holds[shard][m] != nil {
		b.t.Errorf("%s is told to take shard %d, which it has", m.name, shard)
	}
	for other, g := range b.holds[shard] {
		if g.lease.Holds() && l.Holds() {
			b.t.Errorf("S2 S5: %s takes shard %d while %s holds it (giving: %v)", m.name, shard, other.name, g.giving)
		}
	}
	if last := b.last[shard]; last != nil && last.Holds() {
		b.t.Errorf("S5: %s takes shard %d, and the lease of who gave it still holds", m.name, shard)
	}
	if !b.given[shard].IsZero() {
		b.slowest = max(b.slowest, time.Since(b.given[shard]))
		b.given[shard] = time.Time{}
	}
	b.holds[shard][m] = &grip{lease: l}
	b.tell()
}

// Give implements bus.Member.
func (m *sharer) Give(ctx context.Context, shard int) {
	b := m.board
	b.mu.Lock()
	g := b.holds[shard][m]
	if g == nil || g.giving {
		b.t.Errorf("%s is asked to give shard %d, which it %s", m.name, shard, map[bool]string{true: "does not have", false: "is giving"}[g == nil])
		b.mu.Unlock()
		return
	}
	g.giving = true
	b.tell()
	b.mu.Unlock()
	if m.giving != nil {
		m.giving(ctx, shard)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.holds[shard], m)
	b.last[shard], b.given[shard] = g.lease, time.Now()
	b.tell()
}

// Lose implements bus.Member.
func (m *sharer) Lose(shard int) {
	b := m.board
	b.mu.Lock()
	defer b.mu.Unlock()
	switch g := b.holds[shard][m]; {
	case g == nil || g.giving:
		b.t.Errorf("%s loses shard %d, which it does not have or is giving", m.name, shard)
	case g.lease.Holds():
		b.t.Errorf("S5: %s loses shard %d and its lease holds", m.name, shard)
	}
	delete(b.holds[shard], m)
	b.lost++
	b.tell()
}

// wait waits until ok reports true of the board.
func (b *board) wait(what string, ok func() (bool, string)) {
	b.t.Helper()
	var state string
	if !b.await(func() (good bool) { good, state = ok(); return }) {
		b.t.Fatalf("waited in vain until %s: %s", what, state)
	}
}

// await waits until ok, which is called with b.mu held, reports true; false: it never did.
func (b *board) await(ok func() bool) bool {
	limit := time.After(patience)
	look := time.NewTicker(10 * time.Millisecond) // leases end without a call
	defer look.Stop()
	for {
		b.mu.Lock()
		good := ok()
		changed := b.changed
		b.mu.Unlock()
		if good {
			return true
		}
		select {
		case <-changed:
		case <-look.C:
		case <-limit:
			return false
		}
	}
}

// settled waits until the members share all shards among them, each shard with one holder.
func (b *board) settled(members ...*sharer) {
	b.t.Helper()
	least := b.shards / len(members)
	most := (b.shards + len(members) - 1) / len(members)
	b.wait(fmt.Sprintf("%d members share the shards", len(members)), func() (bool, string) {
		share := map[*sharer]int{}
		for shard := range b.shards {
			for m, g := range b.holds[shard] {
				if g.lease.Holds() && !g.giving {
					share[m]++
				}
			}
			if len(b.holders(shard)) != 1 {
				return false, fmt.Sprintf("shard %d has the holders %v", shard, b.holders(shard))
			}
		}
		state := ""
		good := true
		for _, m := range members {
			state += fmt.Sprintf("%s has %d of %d; ", m.name, share[m], b.shards)
			good = good && share[m] >= least && share[m] <= most
		}
		return good, state
	})
}

// holders names those whose lease of the shard holds. b.mu is held.
func (b *board) holders(shard int) []string {
	var names []string
	for m, g := range b.holds[shard] {
		if g.lease.Holds() {
			names = append(names, m.name)
		}
	}
	return names
}

// shardsOf lists what a member has.
func (b *board) shardsOf(m *sharer) []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	var shards []int
	for shard := range b.shards {
		if b.holds[shard][m] != nil {
			shards = append(shards, shard)
		}
	}
	return shards
}
