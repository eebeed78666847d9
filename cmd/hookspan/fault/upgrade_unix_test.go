//go:build fleets && unix

package fault_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

var previous = flag.String("fault.previous", os.Getenv("FAULT_PREVIOUS"),
	"the program of the version before, to upgrade from and to go back to; without it that of the commit before this one is built (also FAULT_PREVIOUS)")

// A fleet is upgraded under load, one replica after the other, and taken back by one version in
// the same way: old and new replicas share the bus meanwhile. Nothing is lost or repeated, rate and
// concurrency stay exact, and what one version has written the other reads.

func TestFaultUpgradeNATS(t *testing.T) { upgrade(t, onNATS()) }

func TestFaultUpgradeKafka(t *testing.T) { upgrade(t, onKafka()) }

func TestFaultUpgradeEmbeddedCluster(t *testing.T) { upgrade(t, ofThemAll()) }

// A bus of its own has no other replica to go on meanwhile, so the upgrade is a stop and a start in
// its folder.
func TestFaultUpgradeEmbedded(t *testing.T) {
	before := versionBefore(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "data"), func(receiver string) []string {
		env := append(fault.ImpatientEnviron("steady", receiver+"/steady"), fault.ImpatientEnviron("limited", receiver+"/limited")...)
		return append(env, "HOOKSPAN_ENDPOINTS=steady,limited", "HOOKSPAN_ENDPOINT_LIMITED_RATE=50/s", "HOOKSPAN_ENDPOINT_LIMITED_EVENTS="+limitedTypes)
	})
	s := &storm{fleet: &fleet{world: w}}
	now := w.site.Binary
	w.site.Binary = before
	w.oracle.Owe("steady", time.Time{})
	w.oracle.Owe("limited", time.Time{}, shop, bills)
	w.receiver.Set(map[string]fault.Mood{"steady": {Fail: 0.1, Slow: 0.02}})
	w.driver.Rate = webhooks
	defer s.beat()()
	c := w.ready()
	w.register("made", "binary", "all")
	stopDriver, stopBus := w.drive(8), w.publish(20*time.Millisecond)
	began := time.Now()
	for _, binary := range []string{now, before} {
		fault.Pause(w.Context(), 3*time.Second)
		w.stopChild(c, 30*time.Second)
		w.site.Binary = binary
		c = w.ready()
		if binary == now {
			w.register("between", "binary", "now") // what the new version writes, the old one goes on with
		}
	}
	fault.Pause(w.Context(), 2*time.Second)
	ended := time.Now()
	stopDriver()
	stopBus()
	v := w.settle()
	if v.Duplicates > 0 {
		t.Errorf("%d deliveries were repeated although every stop was a clean one", v.Duplicates)
	}
	s.exact(began, ended)
	w.figures("upgrade", map[string]any{"bus": "embedded", "result": v, "limited": s.limits(began, ended), "answers": w.driver.Answers()})
}

func upgrade(t *testing.T, on kind) {
	before := versionBefore(t)
	s := underFire(t, on)
	now := s.replicas[0].site.Binary
	for _, r := range s.replicas {
		r.site.Binary = before
	}
	s.serve()
	s.register("made", "binary", "all")
	s.driver.Rate = webhooks
	defer s.beat()()
	stop := s.drive(600)
	s.must(fault.Await(s.within(time.Minute), 20*time.Millisecond, func() bool { return len(s.endpoints()) == len(plain())+3 }))
	s.calm("the start")

	began := time.Now()
	s.swap(now, "upgrade a replica")
	s.register("between", "binary", "now") // what the new version writes, the old one goes on with
	s.swap(before, "take a replica back")
	ended := time.Now()
	stop()
	v := s.settle()
	s.forget("between") // which had to wait for nothing before it was there
	s.judge(v)
	s.exact(began, ended)
	s.idle()
	s.figures("upgrade", map[string]any{
		"bus": s.on.name, "result": v, "swaps": s.aftermaths(), "limited": s.limits(began, ended), "answers": s.driver.Answers(),
		"intake_gap_ms": fault.Milliseconds(s.driver.Taken.Gap(began, ended)), "worst_endpoint_gap_ms": fault.Milliseconds(s.worstGap(began, ended)),
	})
}

// forget leaves an endpoint out of the gaps.
func (f *fleet) forget(endpoint string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.arrivals, endpoint)
}

// swap has every replica run another program, one after the other, each once the fleet is well.
func (s *storm) swap(binary, what string) {
	s.Helper()
	for _, r := range s.replicas {
		s.strike(what, func() {
			s.stopChild(r.child, 10*time.Second)
			r.site.Binary = binary
			s.boot(r)
		})
	}
}

// versionBefore is the program of the version before.
func versionBefore(t *testing.T) string {
	t.Helper()
	if *previous != "" {
		return *previous
	}
	folder := t.TempDir()
	tree, binary := filepath.Join(folder, "tree"), filepath.Join(folder, "hookspan")
	run := func(in, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = in
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	run(".", "git", "worktree", "add", "--detach", tree, "HEAD~1")
	t.Cleanup(func() { run(".", "git", "worktree", "remove", "--force", tree) })
	run(tree, "go", "build", "-o", binary, "./cmd/hookspan")
	return binary
}
