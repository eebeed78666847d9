package bustest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Sharing is a bus that several processes use.
type Sharing struct {
	Lease time.Duration // how long a silent member keeps its shards
	// Connect gives one more process its way to the bus, through the gate, until the test
	// ends.
	Connect func(t *testing.T, g *Gate) bus.Leases
}

const sharedShards = 32

// Leases checks the leases of a bus that several processes share (S1 to S6). In every test the
// members' calls are watched for what must never happen.
func Leases(t *testing.T, open func(t *testing.T) Sharing) {
	for name, clause := range inTime() {
		t.Run(name, func(t *testing.T) { share(t, open, clause, false) })
	}
	LeasesAtLeisure(t, open)
}

// LeasesAtLeisure are the clauses that a busy machine may take its time for, of a bus whose other
// clauses BubbledLeases checks.
func LeasesAtLeisure(t *testing.T, open func(t *testing.T) Sharing) {
	for name, clause := range atLeisure() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			share(t, open, clause, false)
		})
	}
}

// ComeAndGo is the clause of members that do all that members can do, in any order.
const ComeAndGo = "S1 to S6 members come, go, die and hang"

// BubbledLeases is Leases for a bus that lives in the test's process and uses no network: each
// test has a time of its own (testing/synctest), which machines that are busy do not shorten.
// Those that the bus cannot stand for are named in without.
func BubbledLeases(t *testing.T, open func(t *testing.T) Sharing, without ...string) {
	all := inTime()
	maps.Copy(all, atLeisure())
	for _, name := range without {
		if all[name] == nil {
			t.Errorf("no clause is called %q", name)
		}
		delete(all, name)
	}
	for name, clause := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { share(t, open, clause, true) })
		})
	}
}

func share(t *testing.T, open func(t *testing.T) Sharing, clause func(*testing.T, *company), bubbled bool) {
	c := &company{t: t, Sharing: open(t), board: newBoard(t, sharedShards), bubbled: bubbled}
	defer c.dissolve() // before what it stands on is closed
	clause(t, c)
}

// inTime are those that have to be done in time, and do not compete with the rest.
func inTime() map[string]func(*testing.T, *company) {
	return map[string]func(*testing.T, *company){
		"S1 the shares are even as members come and go":            evenShares,
		"S1 members that start at once settle soon":                startAtOnce,
		"S3 what a leaving member gives is taken at once":          takenAtOnce,
		"S4 what a dead member held is taken within the lease":     takenFromTheDead,
		"S4 one that comes back does not wait for itself for long": comesBack,
		"S5 a short silence costs nothing":                         shortSilence,
	}
}

func atLeisure() map[string]func(*testing.T, *company) {
	return map[string]func(*testing.T, *company){
		"S2 a shard moves once it was given":                     movesOnceGiven,
		"S3 everything is given side by side":                    givesSideBySide,
		"S5 who is cut off has lost its leases before they move": cutOff,
		"S5 a lease that runs out ends a giving":                 givingEnds,
		"S6 a bus that is away is waited for":                    busAway,
		ComeAndGo:                                                comeAndGo,
	}
}

// LeasesOfOne checks what holds for a process that shares with nobody, too (S1, S3).
func LeasesOfOne(t *testing.T, open func(t *testing.T) bus.Leases) {
	t.Run("S1 S3 who is alone has every shard, and gives all side by side", func(t *testing.T) {
		t.Parallel()
		c := &company{t: t, board: newBoard(t, sharedShards)}
		c.Connect = func(t *testing.T, _ *Gate) bus.Leases { return open(t) }
		defer c.dissolve()
		givesSideBySide(t, c)
	})
}

// Unsettle checks that members who share a bus go on after something happened to it, with those
// who come later, and that none of them gives up (S6).
func Unsettle(t *testing.T, s Sharing, happen func()) {
	c := &company{t: t, Sharing: s, board: newBoard(t, sharedShards)}
	defer c.dissolve()
	for range 3 {
		c.enter()
	}
	c.settled()
	late := c.ready()
	happen()
	c.join(late)
	t.Logf("settled %v after", c.settled())
	t.Logf("%d shards were lost meanwhile", c.board.lost)
}

func evenShares(t *testing.T, c *company) {
	for range 5 {
		c.enter()
		c.settled()
	}
	for _, m := range c.members[:4] {
		c.leave(m)
		c.settled()
	}
	if c.board.lost > 0 {
		t.Errorf("%d shards were lost", c.board.lost)
	}
}

func startAtOnce(t *testing.T, c *company) {
	for range 3 {
		c.enter()
	}
	c.soon(c.settled(), c.Lease/2)
}

func movesOnceGiven(t *testing.T, c *company) {
	first, release := c.ready(), make(chan struct{})
	first.giving = func(ctx context.Context, _ int) {
		select {
		case <-release:
		case <-ctx.Done():
			t.Error("the lease ended while the member was giving")
		}
	}
	c.join(first)
	c.settled()
	c.enter()
	asked := func() (n int) {
		for shard := range c.board.shards {
			if g := c.board.holds[shard][first]; g != nil && g.giving {
				n++
			}
		}
		return n
	}
	c.board.wait("half of the shards are asked for, side by side", func() (bool, string) {
		return asked() == sharedShards/2, fmt.Sprint(asked())
	})
	c.enter() // the leases last, and nobody else comes to a shard, while another member comes
	c.board.wait("the lease of the giving member was renewed for longer than it lasts", after(c.Lease))
	close(release)
	c.settled()
}

func givesSideBySide(t *testing.T, c *company) {
	only := c.ready()
	var all sync.WaitGroup
	all.Add(sharedShards)
	only.giving = func(ctx context.Context, _ int) {
		all.Done()
		all.Wait() // every other shard is asked for, too
		if ctx.Err() != nil {
			t.Error("leaving ends the context of what is given")
		}
	}
	c.join(only)
	c.settled()
	c.leave(only)
}

// after waits for a time to pass.
func after(d time.Duration) func() (bool, string) {
	begin := time.Now()
	return func() (bool, string) { return time.Since(begin) >= d, "" }
}

func takenAtOnce(t *testing.T, c *company) {
	leaver := c.ready()
	var others func() bool // every other shard of the leaver's is taken
	slow := -1             // its shard that takes long to give
	leaver.giving = func(ctx context.Context, shard int) {
		if shard != slow {
			return
		}
		if !c.board.await(func() bool { return others() }) {
			t.Error("S3: the other shards of a leaving member are not taken while it gives this one")
		}
	}
	c.join(leaver)
	c.enter()
	c.enter()
	c.settled()
	had := c.board.shardsOf(leaver)
	others = func() bool {
		return !slices.ContainsFunc(had[1:], func(shard int) bool {
			return len(c.board.holders(shard)) != 1 || c.board.holds[shard][leaver] != nil
		})
	}
	c.board.mu.Lock()
	c.board.slowest, slow = 0, had[0]
	c.board.mu.Unlock()
	c.leave(leaver)
	c.settled()
	c.board.mu.Lock()
	defer c.board.mu.Unlock()
	c.soon(c.board.slowest, time.Second)
}

func takenFromTheDead(t *testing.T, c *company) {
	for range 3 {
		c.enter()
	}
	c.settled()
	c.kill(c.members[1])
	c.soon(c.settled(), c.Lease)
}

func comesBack(t *testing.T, c *company) {
	only := c.enter()
	c.settled()
	c.kill(only)
	c.enter()
	c.soon(c.settled(), c.Lease)
}

func cutOff(t *testing.T, c *company) {
	for range 3 {
		c.enter()
	}
	c.settled()
	zombie := c.members[0]
	c.kill(zombie)
	c.settled()
	c.board.wait("it was told what it lost", func() (bool, string) {
		return !slices.ContainsFunc(c.board.holds, func(h map[*sharer]*grip) bool { return h[zombie] != nil }), ""
	})
	zombie.out = false
	zombie.gate.Open()
	c.settled()
}

func shortSilence(t *testing.T, c *company) {
	for range 2 {
		c.enter()
	}
	c.settled()
	before := [2][]int{c.board.shardsOf(c.members[0]), c.board.shardsOf(c.members[1])}
	c.members[0].gate.Shut()
	c.board.wait("a while has passed", after(c.Lease/4))
	c.members[0].gate.Open()
	c.board.wait("the leases were renewed for longer than they last", after(c.Lease))
	for i, m := range c.members {
		if now := c.board.shardsOf(m); !slices.Equal(now, before[i]) {
			t.Errorf("%s had %v and has %v", m.name, before[i], now)
		}
	}
	if c.board.lost > 0 {
		t.Errorf("%d shards were lost", c.board.lost)
	}
}

func givingEnds(t *testing.T, c *company) {
	giver := c.ready()
	var giving sync.WaitGroup
	giver.giving = func(ctx context.Context, _ int) {
		giving.Add(1)
		defer giving.Done()
		<-ctx.Done()
	}
	c.join(giver)
	c.settled()
	c.enter()
	c.board.wait("shards are asked for", func() (bool, string) {
		return slices.ContainsFunc(c.board.holds, func(h map[*sharer]*grip) bool { return h[giver] != nil && h[giver].giving }), ""
	})
	c.kill(giver)
	c.settled()
	giving.Wait()
}

func busAway(t *testing.T, c *company) {
	for range 2 {
		c.enter()
	}
	c.settled()
	for _, m := range c.members {
		m.gate.Shut()
	}
	c.board.wait("every lease has run out, and that was told", func() (bool, string) {
		return !slices.ContainsFunc(c.board.holds, func(h map[*sharer]*grip) bool { return len(h) > 0 }), ""
	})
	for _, m := range c.members {
		m.gate.Open()
	}
	t.Logf("settled %v after the bus was back", c.settled())
	for _, m := range c.members {
		select {
		case err := <-m.done:
			t.Errorf("%s gave up: %v", m.name, err)
			m.done <- err
		default:
		}
	}
}

func comeAndGo(t *testing.T, c *company) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 2 {
		c.enter()
	}
	for range 10 {
		there := c.present()
		one := there[random.IntN(len(there))]
		switch what := random.IntN(8); {
		case len(there) < 2 || what < 3 && len(there) < 5:
			c.enter()
		case what < 5:
			c.leave(one)
		case what < 6:
			c.kill(one)
		default:
			one.gate.Shut()
			c.board.wait("a silence is over", after(time.Duration(random.Int64N(int64(c.Lease*3/2)))))
			one.gate.Open()
		}
		c.board.wait("some time has passed", after(time.Duration(random.Int64N(int64(c.Lease/4)))))
	}
	c.settled()
}
