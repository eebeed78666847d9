package embedded_test

import (
	"slices"
	"testing"
	"time"
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
