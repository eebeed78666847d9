//go:build fleets && unix

package fault_test

import (
	"context"
	"syscall"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// A storm strikes a fleet, one blow after the other, and notes what came of each.
type storm struct {
	*fleet
	blows []blow
	pulse fault.Beats // of this process: where it misses, the machine was too busy
}

// beat keeps the pulse going until stop is called.
func (s *storm) beat() (stop func()) {
	ctx, cancel := context.WithCancel(s.Context())
	go func() {
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				s.pulse.Add(time.Now())
			}
		}
	}()
	return cancel
}

// busy is by how much anything may have come late or early between two times, because the
// machine has this test, the replicas and the servers to run, and maybe more.
func (s *storm) busy(from, to time.Time) time.Duration {
	return 200*time.Millisecond + 2*s.pulse.Gap(from, to)
}

// A blow is one thing done to a fleet. It lasts until everything serves again.
type blow struct {
	what     string
	from, to time.Time
}

// strike does it, waits until the fleet is well again, and a little longer.
func (s *storm) strike(what string, do func()) {
	s.Helper()
	from := time.Now()
	do()
	for _, r := range s.replicas {
		if err := r.child.Ready(s.within(time.Minute), true); err != nil {
			s.Fatalf("%s after %s: %v", r.name, what, err)
		}
	}
	s.calm(what)
	to := time.Now()
	s.blows = append(s.blows, blow{what, from, to})
	s.Logf("%s %s: well again after %v; no 2xx for %v, an endpoint without anything for %v", from.Format("15:04:05.000"),
		what, to.Sub(from).Round(time.Millisecond), s.driver.Taken.Gap(from, to).Round(time.Millisecond), s.worstGap(from, to).Round(time.Millisecond))
	s.pause(500*time.Millisecond, 1500*time.Millisecond)
}

// calm waits until every endpoint takes what is sent from now on.
func (s *storm) calm(after string) {
	s.Helper()
	now, silent := time.Now(), ""
	err := fault.Await(s.within(30*time.Second), 20*time.Millisecond, func() bool {
		for _, name := range s.endpoints() {
			if silent = name; !s.beats(name).Last().After(now) {
				return false
			}
		}
		return true
	})
	if err != nil {
		s.Fatalf("nothing arrives at %s for 30 s after %s", silent, after)
	}
}

func (s *storm) pause(least, most time.Duration) {
	fault.Pause(s.Context(), least+time.Duration(s.rng.Int64N(int64(most-least))))
}

// down is how long what was killed stays away.
func (s *storm) down() { s.pause(500*time.Millisecond, 3*time.Second) }

func (s *storm) anyReplica() *replica { return s.replicas[s.rng.IntN(len(s.replicas))] }

func (s *storm) anyServer() *fault.Server { return s.bus.servers[s.rng.IntN(len(s.bus.servers))] }

// killReplica is kill -9.
func (s *storm) killReplica() {
	r, from := s.anyReplica(), time.Now()
	r.child.Kill()
	s.oracle.Killed(from, time.Now())
	s.down()
	s.boot(r)
}

// stopReplica is a planned restart: nothing is excused.
func (s *storm) stopReplica() {
	r := s.anyReplica()
	s.stopChild(r.child, 10*time.Second)
	s.down()
	s.boot(r)
}

// killServer is kill -9 of one server of the bus. Owners that could not renew their leases
// meanwhile may be superseded, so what ran until the bus is whole again may be repeated.
func (s *storm) killServer() {
	v, from := s.anyServer(), time.Now()
	v.Kill()
	s.down()
	s.must(v.Start())
	s.bus.await(v)
	s.oracle.Killed(from, time.Now().Add(s.lease))
}

// killBoth kills a server and a replica at once.
func (s *storm) killBoth() {
	r, v, from := s.anyReplica(), s.anyServer(), time.Now()
	v.Kill()
	r.child.Kill()
	s.down()
	s.must(v.Start())
	s.boot(r)
	s.bus.await(v)
	s.oracle.Killed(from, time.Now().Add(s.lease))
}

// moveLeaders is a planned move too.
func (s *storm) moveLeaders() { s.must(s.bus.moveLeaders(s.within(10 * time.Second))) }

// freezeReplica stops the time of a replica until its lease is long over: it wakes up as an
// owner that was superseded, with attempts under way.
func (s *storm) freezeReplica() {
	r, from := s.anyReplica(), time.Now()
	s.must(r.child.Signal(syscall.SIGSTOP))
	s.pause(s.lease+time.Second, s.lease+2*time.Second)
	s.must(r.child.Signal(syscall.SIGCONT))
	s.oracle.Killed(from, time.Now().Add(time.Second))
}

// kinds of blows that a fleet can be struck with, but for freezing.
func (s *storm) kinds() []string {
	if s.bus == nil {
		return []string{"kill a replica", "stop a replica"}
	}
	return []string{"kill a replica", "stop a replica", "kill a server", "kill both", "move the leaders"}
}

func (s *storm) blow(what string) {
	s.Helper()
	s.strike(what, map[string]func(){
		"kill a replica": s.killReplica, "stop a replica": s.stopReplica, "freeze a replica": s.freezeReplica,
		"kill a server": s.killServer, "kill both": s.killBoth, "move the leaders": s.moveLeaders,
	}[what])
}

// rage strikes until a time, and at least once with each kind.
func (s *storm) rage(until time.Time, kinds ...string) {
	s.Helper()
	for first := true; first || time.Now().Before(until); first = false {
		s.rng.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		for _, what := range kinds {
			if first || time.Now().Before(until) {
				s.blow(what)
			}
		}
	}
}

// An aftermath is what blows of one kind did.
type aftermath struct {
	Times    int          `json:"times"`
	Intake   fault.Spread `json:"intake_gap"`   // longest time without a 2xx around each
	Endpoint fault.Spread `json:"endpoint_gap"` // longest time in which some endpoint got nothing
}

// aftermaths sums the blows up by kind.
func (s *storm) aftermaths() map[string]aftermath {
	intake, endpoint := map[string][]time.Duration{}, map[string][]time.Duration{}
	for _, b := range s.blows {
		intake[b.what] = append(intake[b.what], s.driver.Taken.Gap(b.from, b.to))
		endpoint[b.what] = append(endpoint[b.what], s.worstGap(b.from, b.to))
	}
	all := map[string]aftermath{}
	for what, gaps := range intake {
		all[what] = aftermath{len(gaps), fault.SpreadOf(gaps), fault.SpreadOf(endpoint[what])}
	}
	return all
}

// worstGap is that of the endpoint that had to wait longest.
func (s *storm) worstGap(from, to time.Time) (gap time.Duration) {
	for _, name := range s.endpoints() {
		gap = max(gap, s.beats(name).Gap(from, to))
	}
	return gap
}
