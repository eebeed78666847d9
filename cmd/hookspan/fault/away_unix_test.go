//go:build fleets && unix

package fault_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
	"github.com/hookspan/hookspan/sinks/proxytest"
)

// The bus goes away in every way there is, and comes back. Meanwhile nothing is taken and
// everybody is told so in time; afterwards all goes on without a restart.

func TestFaultBusAwayNATS(t *testing.T) {
	a := newAbsence(t, onNATS(), size{servers: 1, replicas: 1, proxied: true})
	a.behindProxies()
	a.deleted()
	a.end()
}

func TestFaultBusAwayKafka(t *testing.T) {
	a := newAbsence(t, onKafka(), size{servers: 1, replicas: 1, proxied: true})
	a.behindProxies()
	a.deleted()
	a.end()
}

// Where the replicas are the bus, one alone has none: two out of three have to agree.
func TestFaultBusAwayEmbeddedCluster(t *testing.T) {
	a := newAbsence(t, ofThemAll(), size{replicas: 3})
	others := a.replicas[1:]
	a.driver.Intakes = a.driver.Intakes[:1]
	a.away("killed", func() {
		for _, r := range others {
			r.child.Kill()
		}
	}, func() {
		for _, r := range others {
			a.boot(r)
		}
	})
	a.away("frozen", func() { a.signal(others, syscall.SIGSTOP) }, func() { a.signal(others, syscall.SIGCONT) })
	a.end()
}

// An absence is a fleet whose first replica is watched while the bus is away.
type absence struct {
	*fleet
	recoveries map[string]fault.Milliseconds // by how it was away: from the end of that to a webhook that was taken
	slowest    time.Duration                 // answer of the intake meanwhile
}

func newAbsence(t *testing.T, on kind, of size) *absence {
	t.Helper()
	a := &absence{recoveries: map[string]fault.Milliseconds{}}
	a.fleet = newFleet(t, on, of, func(receiver string) []string {
		return append(fault.ImpatientEnviron("steady", receiver+"/steady"), "HOOKSPAN_ENDPOINTS=steady")
	})
	a.oracle.Owe("steady", time.Time{})
	a.serve()
	a.takes("the start")
	return a
}

// behindProxies is for a bus of servers that are reached through proxies.
func (a *absence) behindProxies() {
	a.Helper()
	a.away("stopped", a.bus.stop, func() { a.bus.start() })
	a.away("silent", func() { a.bus.cut(proxytest.Silent) }, a.bus.mend)
	a.away("reset", func() { a.bus.cut(proxytest.Reset) }, a.bus.mend)
}

// away takes the bus away and gives it back.
func (a *absence) away(how string, take, giveBack func()) {
	a.Helper()
	child, before := a.replicas[0].child, a.driver.Answers()
	from := time.Now()
	take()
	a.refuses(how)
	a.must(child.Ready(a.within(15*time.Second), false))
	_, text, err := child.Site.Readiness(a.Context())
	a.must(err)
	if !strings.Contains(text, "bus") {
		a.Errorf("%s: /readyz gives no reason: %s", how, text)
	}
	a.up(how, 0)
	answers := a.driver.Answers()
	maps.DeleteFunc(answers, func(answer string, n int) bool { return n == before[answer] })
	if got := slices.Collect(maps.Keys(answers)); len(got) != 1 || got[0] != "503 bus_unavailable" {
		a.Errorf("%s: the answers were %v, want 503 bus_unavailable alone", how, answers)
	}

	giveBack()
	back := time.Now()
	a.must(child.Ready(a.within(time.Minute), true))
	a.recovers(how, back)
	a.oracle.Killed(from, time.Now())
	a.up(how, 1)
	a.takes(how)
}

// recovers waits until a webhook is taken again, which may be later than that the process is ready:
// a Kafka broker (4.3) never answers a request in which a batch is empty because it was given up
// while the request waited for a connection, and all that come after it wait until it is over.
func (a *absence) recovers(how string, since time.Time) {
	a.Helper()
	err := fault.Await(a.within(30*time.Second), 100*time.Millisecond, func() bool { return a.driver.Once(a.Context()) })
	if err != nil {
		a.Fatalf("%s: no webhook was taken for 30 s after the bus was back: %v", how, a.driver.Answers())
	}
	a.recoveries[how] = fault.Milliseconds(time.Since(since))
}

// refuses sends webhooks for a while, none of which may be taken, and each of which has to be
// answered in time.
func (a *absence) refuses(how string) {
	a.Helper()
	const most = publishTimeout + 5*time.Second // for two busy cores
	var all sync.WaitGroup
	for range 10 {
		for range 5 {
			all.Go(func() {
				began := time.Now()
				if a.driver.Once(a.Context()) {
					a.Errorf("%s: a webhook was taken", how)
				}
				took := time.Since(began)
				if took > most {
					a.Errorf("%s: an answer took %v, want at most %v", how, took, most)
				}
				a.mu.Lock()
				a.slowest = max(a.slowest, took)
				a.mu.Unlock()
			})
		}
		fault.Pause(a.Context(), 300*time.Millisecond)
	}
	all.Wait()
}

// up waits for the metric.
func (a *absence) up(how string, want float64) {
	a.Helper()
	var got float64
	err := fault.Await(a.within(15*time.Second), 50*time.Millisecond, func() bool {
		var err error
		got, err = a.site.Metric(a.Context(), "hookspan_bus_up")
		return err == nil && got == want
	})
	if err != nil {
		a.Errorf("%s: hookspan_bus_up is %v, want %v", how, got, want)
	}
}

// takes sends webhooks, each of which has to be taken, and waits until all have arrived.
func (a *absence) takes(after string) {
	a.Helper()
	for n := range 20 {
		if !a.driver.Once(a.Context()) {
			a.Errorf("webhook %d after %s was not taken", n, after)
		}
	}
	a.settle()
}

// deleted takes away what holds the events. What was there is gone, and what comes later is
// kept again.
func (a *absence) deleted() {
	a.Helper()
	a.must(a.bus.deleteEvents(a.within(10 * time.Second)))
	a.recovers("deleted", time.Now())
	a.must(a.replicas[0].child.Ready(a.within(30*time.Second), true))
	a.takes("the events were deleted")
}

func (a *absence) signal(replicas []*replica, s syscall.Signal) {
	a.Helper()
	for _, r := range replicas {
		a.must(r.child.Signal(s))
	}
}

// end sums up.
func (a *absence) end() {
	a.Helper()
	v := a.settle()
	if v.Unexcused > 0 {
		a.Errorf("%d deliveries were repeated although the process went on:\n%s", v.Unexcused, strings.Join(v.Repeats, "\n"))
	}
	a.figures("bus_away", map[string]any{
		"bus": a.on.name, "result": v, "recovery": a.recoveries,
		"slowest_answer_ms": fault.Milliseconds(a.slowest), "answers": a.driver.Answers(),
	})
}
