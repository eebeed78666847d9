package fault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// Kills at random times, while webhooks come in, services publish, and endpoints of every kind
// refuse, stall and hang. At the end everything that was acknowledged has arrived.
func TestFaultKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), func(url string) []string {
		var env []string
		for _, name := range []string{"steady", "batch", "far", "queue"} {
			env = append(env, fault.ImpatientEnviron(name, url+"/"+name)...)
		}
		return append(env, "HOOKSPAN_ENDPOINTS=steady,batch,far,queue",
			"HOOKSPAN_ENDPOINT_QUEUE_ORDERED=true", "HOOKSPAN_ENDPOINT_QUEUE_ORDER_KEY=/line",
			"HOOKSPAN_ENDPOINT_BATCH_CONTENT=batch", "HOOKSPAN_ENDPOINT_BATCH_OPTIONS=batch_size=20,batch_wait=50ms")
	})
	k := &killer{world: w}
	w.oracle.Order("queue", lineOf)
	for _, name := range []string{"steady", "batch", "far", "queue"} {
		w.oracle.Owe(name, time.Time{})
	}
	first := w.ready()
	k.register("moody", "structured", "now")
	k.moods(0)
	stopDriver, stopBus := w.drive(12), w.publish(10*time.Millisecond)
	k.strike(first)
	for round := 1; round < *rounds; round++ {
		k.round(round, *rounds)
	}
	k.end(stopDriver, stopBus)
}

// A killer kills and keeps the figures.
type killer struct {
	*world
	restarts []time.Duration // from a start to the first 2xx
	early    int             // kills before one was seen
}

// moods are drawn anew for each round, but for an endpoint that hangs for so long that it
// falls behind, and then catches up.
func (k *killer) moods(round int) {
	bad := []fault.Mood{{Fail: 1}, {Hang: 1}, {Fail: 0.5, Slow: 0.2}, {Slow: 0.3, Hang: 0.1}, {}}
	moods := map[string]fault.Mood{
		"steady": {Fail: 0.02}, "late": {Fail: 0.1, Slow: 0.02}, "all": {Fail: 0.05}, "far": {Fail: 0.02}, "queue": {Fail: 0.05, Slow: 0.02},
		"moody": bad[k.rng.IntN(len(bad))], "batch": bad[k.rng.IntN(len(bad))],
	}
	if round/5%2 == 0 {
		moods["far"] = fault.Mood{Hang: 1}
	}
	k.receiver.Set(moods)
}

// round starts the program and kills it: right away, as soon as it serves, or under load.
func (k *killer) round(round, of int) {
	k.moods(round)
	c := k.start()
	kind := k.rng.IntN(10)
	if kind < 3 && round != of/3 && round != of/2 { // right away
		fault.Pause(k.Context(), time.Duration(k.rng.IntN(250))*time.Millisecond)
		k.early++
		k.kill(c)
		return
	}
	k.await(c)
	switch round {
	case of / 3:
		k.register("late", "binary", "now")
	case of / 2:
		k.register("all", "binary", "all")
	}
	if kind < 6 { // while it catches up
		fault.Pause(k.Context(), time.Duration(k.rng.IntN(100))*time.Millisecond)
	} else {
		fault.Pause(k.Context(), time.Duration(100+k.rng.IntN(1200))*time.Millisecond)
	}
	k.kill(c)
}

// strike kills a process that serves already.
func (k *killer) strike(c *fault.Child) {
	k.await(c)
	fault.Pause(k.Context(), 500*time.Millisecond)
	k.kill(c)
}

// await waits for the first 2xx of a process.
func (k *killer) await(c *fault.Child) {
	k.Helper()
	select {
	case at := <-k.driver.FirstAfter(c.Started):
		k.restarts = append(k.restarts, at.Sub(c.Started))
	case <-c.Done():
		k.Fatalf("the process ended by itself with exit code %d", c.ExitCode())
	case <-time.After(30 * time.Second):
		k.Fatal("no 2xx within 30 s of a start")
	}
}

func (k *killer) kill(c *fault.Child) {
	if !c.Alive() {
		k.Errorf("the process ended by itself with exit code %d", c.ExitCode())
	}
	from := time.Now()
	c.Kill()
	k.oracle.Killed(from, time.Now())
}

// end lets everything arrive and holds the books against each other.
func (k *killer) end(stop ...func()) {
	k.await(k.start())
	fault.Pause(k.Context(), 300*time.Millisecond)
	for _, f := range stop {
		f()
	}
	k.receiver.Set(nil)
	k.wake()
	v := k.settle()
	if v.Unexcused > 0 {
		k.Errorf("%d deliveries were repeated without a kill:\n%s", v.Unexcused, strings.Join(v.Repeats, "\n"))
	}
	if most := fault.Milliseconds(time.Second); v.OldestRepeat > most { // the journal's batches, on a busy machine
		k.Errorf("a success was repeated that was %.0f ms old at the kill", float64(v.OldestRepeat)/1e6)
	}
	var pending float64
	if err := fault.Await(k.within(15*time.Second), 100*time.Millisecond, func() bool {
		var err error
		pending, err = k.site.Metric(k.Context(), "hookspan_pending")
		return err == nil && pending == 0
	}); err != nil {
		k.Errorf("all has arrived, and %v deliveries are still pending", pending)
	}
	k.figures("kills", map[string]any{
		"kills": *rounds, "before_serving": k.early, "result": v, "first_2xx": fault.SpreadOf(k.restarts), "answers": k.driver.Answers(),
	})
}
